"""A template's generated function says what rendering step by step says: the same text, the same error."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.engine.templates import RenderEnv, TemplateError
from apps.engine.templates.handlebars.places import PLACES
from apps.engine.templates.handlebars.roots import SCOPE_ROOTS
from apps.engine.templates.handlebars.template import HandlebarsTemplate
from apps.engine.templates.helpers import HELPERS
from tests.engine.templates.handlebars_corpus import CORPUS, DATA

ENV = RenderEnv(now=datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC))
EFFECTS = {"random", "lookup", "regexMatch", "regexReplace", "regexSearch", "date"}

WORDS = ("a", "b", "c", "0", "length", "record", "this")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**24), 10**24)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["12.50", " 7 ", "-0", "1e400", "Infinity", "2025-01-02", 2**53, 0.1, 1e-7, -0.0, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
SCOPES = st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=5)
PATHS = st.lists(st.sampled_from(WORDS[:6]), min_size=1, max_size=3).map(".".join) | st.sampled_from(
    ["this", "this.a", "@root.a", "@index", "../a", "[odd name]"]
)
LITERALS = st.sampled_from(['"a"', '"1"', '""', "0", "1", "-2", "2.5", "100", "true", "null", '"YYYY"', '">="'])


@st.composite
def calls(draw: st.DrawFn, arguments: st.SearchStrategy[str]) -> str:
    helper = HELPERS[draw(st.sampled_from(sorted(HELPERS)))]
    most = helper.least + 2 if helper.most is None else helper.most
    given_ = draw(st.lists(arguments, min_size=helper.least, max_size=max(most, helper.least)))
    return " ".join([helper.name, *given_])


ARGUMENTS = st.recursive(PATHS | LITERALS, lambda inner: calls(inner).map("({})".format), max_leaves=4)
TAGS = (PATHS | calls(ARGUMENTS)).flatmap(
    lambda inside: st.sampled_from([f"{{{{{inside}}}}}", f"{{{{{{{inside}}}}}}}"])
)
PIECES = st.recursive(
    TAGS | st.sampled_from(["x", "'{}\\", "\n", "{{! no }}", "{{~a~}}"]),
    lambda inner: st.builds(
        lambda head, yes, no: f"{{{{#{head}}}}}{yes}{{{{else}}}}{no}{{{{/{head.partition(' ')[0]}}}}}",
        st.sampled_from(["if a", "unless b.c", 'compare a ">" b', "and a b", "not (eq a b)", "contains a b"]),
        inner,
        inner,
    ),
    max_leaves=4,
)
TEMPLATES = st.lists(PIECES, min_size=1, max_size=4).map("".join)


def outcome(render: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "text", render()
    except TemplateError as error:
        return "error", str(error)


def both(template: HandlebarsTemplate, scope: Any, env: RenderEnv = ENV) -> tuple[Any, Any] | None:
    """What the two ways make of it; None when there is one way only."""
    render = template.direct(SCOPE_ROOTS, otherwise=template.render_by_steps)
    if render is None:
        return None
    return outcome(lambda: render(scope, env)), outcome(lambda: template.render_by_steps(scope, env))


@settings(max_examples=300, deadline=None)
@given(TEMPLATES, SCOPES, st.sampled_from([place for place in PLACES if place != "sql"]))
@example("{{divide a b}}|{{add a 1}}|{{multiply a b}}", {"a": 2**53 + 1, "b": 3}, "raw")
@example("{{subtract a b}}", {"a": 2**60 + 1, "b": 2**60}, "raw")
@example("{{divide a 0}}{{divide 0 a}}", {"a": 0}, "raw")
@example("{{toFixed a b}}", {"a": 1, "b": 1000}, "raw")
def test_any_template_without_loops_renders_alike(text: str, scope: dict[str, Any], place: Any) -> None:
    try:
        template = HandlebarsTemplate(text, place=place)
    except TemplateError:
        return
    if (found := both(template, scope)) is not None:
        assert found[0] == found[1]


def test_the_documented_examples_render_alike_and_most_of_them_directly() -> None:
    direct = 0
    for text, _ in CORPUS:
        found = both(HandlebarsTemplate(text), DATA)
        if found is not None:
            direct += 1
            assert found[0] == found[1], text
    assert direct > len(CORPUS) / 4


@pytest.mark.parametrize("name", sorted(set(HELPERS) - EFFECTS))
def test_every_helper_without_effects_takes_the_direct_way(name: str) -> None:
    arguments = " ".join(['"a"', "1", "2", "3"][: HELPERS[name].least])
    template = HandlebarsTemplate(f"{{{{{name} {arguments}}}}}")
    assert template.direct(SCOPE_ROOTS, otherwise=template.render_by_steps) is not None


@pytest.mark.parametrize(
    "text",
    [
        "{{#each a}}x{{/each}}",
        "{{#a}}x{{/a}}",
        "{{#with a}}x{{/with}}",
        "{{#if a}}" * 25 + "{{/if}}" * 25,
        "{{#if a}}x" + "{{else if b}}y" * 200 + "{{/if}}",
        "{{a}}" * 500,
        "{{uppercase a}}" * 80,
        '{{random "uuid"}}',
        '{{regexMatch a "x+"}}',
        '{{lookup "x" a}}',
    ],
)
def test_what_loops_or_may_cost_much_is_counted_step_by_step(text: str) -> None:
    template = HandlebarsTemplate(text)
    assert template.direct(SCOPE_ROOTS, otherwise=template.render_by_steps) is None


def test_values_larger_than_usual_are_counted() -> None:
    long = "x" * 600_000
    for text in ("{{uppercase a}}", '{{replace a "x" "yy"}}', "{{a}}" * 20, "{{#if a}}{{a}}{{/if}}" * 20):
        found = both(HandlebarsTemplate(text), {"a": long})
        assert found is not None
        assert found[0] == found[1], text
    error = both(HandlebarsTemplate("{{a}}" * 20), {"a": long})
    assert error is not None
    assert "longer than 10,000,000" in error[0][1]


def test_tighter_bounds_than_usual_hold() -> None:
    for env in (RenderEnv(max_output=3), RenderEnv(max_value=3), RenderEnv(strict=True), RenderEnv(max_steps=0)):
        assert not env.roomy
    assert RenderEnv(max_output=20_000_000).roomy
    found = both(HandlebarsTemplate("{{uppercase a}}"), {"a": "long"}, RenderEnv(max_value=3))
    assert found is not None
    assert found[0] == found[1]
    assert found[0][0] == "error"


def test_names_and_texts_of_a_template_are_never_code() -> None:
    hostile = "\"+__import__('os').getcwd()+\""
    template = HandlebarsTemplate(f"'''{{{{[{hostile}]}}}}\\n{{v1}}{{{{uppercase '{hostile[:3]}'}}}}")
    found = both(template, {hostile: "value"})
    assert found is not None
    assert found[0] == found[1]
    assert "value" in found[0][1]
