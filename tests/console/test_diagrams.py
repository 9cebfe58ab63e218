"""Flows as pictures: where boxes stand, what leads where, and that no text breaks out."""

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.console.diagrams import Counts, Edge, Node, draw, layers, layout
from apps.console.flow_pages import shape_of


def box(name, **options):
    return Node(name, options.pop("label", name), "import", **options)


def test_a_chain_goes_from_left_to_right():
    nodes, edges = [box("a"), box("b"), box("c")], [Edge("a", "b"), Edge("b", "c")]
    assert layers(nodes, edges) == {"a": 0, "b": 1, "c": 2}
    places = layout(nodes, edges)
    assert places["a"].x < places["b"].x < places["c"].x
    assert len({place.y for place in places.values()}) == 1


def test_a_box_stands_right_of_the_last_that_leads_to_it():
    nodes = [box("a"), box("b"), box("c")]
    assert layers(nodes, [Edge("a", "b"), Edge("b", "c"), Edge("a", "c")])["c"] == 2


def test_a_circle_is_drawn_and_ends():
    assert "<svg" in draw([box("a"), box("b")], [Edge("a", "b"), Edge("b", "a")], title="circle")


def test_a_thousand_steps_are_laid_out():
    nodes = [box(str(i)) for i in range(1000)]
    edges = [Edge(str(i), str(i + 1)) for i in range(999)]
    assert layers(list(reversed(nodes)), edges)["999"] == 999


def test_counts_stand_in_their_box_and_errors_mark_it():
    svg = draw([box("a", counts=Counts(23, 2, 1))], [], title="one")
    assert "23 ok" in svg and "2 failed" in svg and "1 ignored" in svg and "jn-node-bad" in svg


def test_texts_are_escaped():
    svg = draw([box("a", label="<script>x</script>", url='"><script>')], [Edge("a", "a", "<b>")], title="</title>")
    assert "<script" not in svg and "<b>" not in svg
    ElementTree.fromstring(svg)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 8).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20))
    )
)
def test_no_two_boxes_stand_on_one_another(drawn):
    n, pairs = drawn
    nodes = [box(str(i)) for i in range(n)]
    places = layout(nodes, [Edge(str(a), str(b)) for a, b in pairs])
    assert len({(p.x, p.y) for p in places.values()}) == n
    ElementTree.fromstring(draw(nodes, [Edge(str(a), str(b)) for a, b in pairs], title="any"))


def test_a_plain_flow_leads_every_generator_to_its_first_step():
    document = {
        "pageGenerators": [{"_exportId": "e1"}, {"_exportId": "e2"}],
        "pageProcessors": [{"type": "export", "_exportId": "l"}, {"type": "import", "_importId": "i"}],
    }
    nodes, edges = shape_of(document, {"pageProcessors[1]": Counts(5)}, {"i": ("Parcels", "/x")})
    assert [(n.id, n.look) for n in nodes] == [
        ("generators[0]", "export"),
        ("generators[1]", "export"),
        ("pageProcessors[0]", "lookup"),
        ("pageProcessors[1]", "import"),
    ]
    assert nodes[-1] == Node("pageProcessors[1]", "Parcels", "import", Counts(5), "/x")
    assert [(e.source, e.target) for e in edges] == [
        ("generators[0]", "pageProcessors[0]"),
        ("generators[1]", "pageProcessors[0]"),
        ("pageProcessors[0]", "pageProcessors[1]"),
    ]


def test_routers_lead_to_their_branches_and_branches_to_routers():
    document = {
        "pageGenerators": [{"_exportId": "e"}],
        "routers": [
            {"id": "r1", "name": "By country", "branches": [
                {"name": "at home", "pageProcessors": [{"type": "import", "_importId": "a"}], "nextRouterId": "r2"},
                {"name": "abroad", "nextRouterId": "r2"},
            ]},
            {"id": "r2", "branches": [{"name": "all", "pageProcessors": [{"type": "import", "_importId": "b"}]}]},
        ],
    }  # fmt: skip
    nodes, edges = shape_of(document, {}, {})
    assert {(e.source, e.target, e.label) for e in edges} == {
        ("generators[0]", "routers[0]", ""),
        ("routers[0]", "routers[0].branches[0].pageProcessors[0]", "at home"),
        ("routers[0].branches[0].pageProcessors[0]", "routers[1]", ""),
        ("routers[0]", "routers[1]", "abroad"),
        ("routers[1]", "routers[1].branches[0].pageProcessors[0]", "all"),
    }
    assert layers(nodes, edges)["routers[1]"] == 3


@pytest.mark.parametrize("document", [{}, {"_exportId": "e", "_importId": "i"}, {"pageGenerators": []}])
def test_unfinished_and_simple_flows_are_drawn(document):
    nodes, edges = shape_of(document, {}, {})
    assert len(edges) <= len(nodes)
    ElementTree.fromstring(draw(nodes, edges, title="flow"))
