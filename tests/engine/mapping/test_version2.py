import copy
from typing import Any

import pytest

from apps.engine.mapping import MappingError, RecordContext, compile_mapping
from tests.engine.mapping.nodes import node

LEFT_OUT: dict[str, Any] = {}


def mapped(document: list[dict[str, Any]], record: Any, context: RecordContext | None = None, **more: Any) -> Any:
    before = copy.deepcopy(record)
    try:
        return compile_mapping(document, version=2, **more)(record, context)
    finally:
        assert record == before


@pytest.mark.parametrize(
    ("data_type", "value", "result"),
    [
        ("string", 7, "7"), ("string", 7.0, "7"), ("string", 0.1, "0.1"), ("string", 1e21, "1e+21"),
        ("string", True, "true"), ("string", [1, "a"], '[1,"a"]'), ("string", {"a": None}, '{"a":null}'),
        ("string", 12345678901234567890123, "12345678901234567890123"), ("string", 0, "0"),
        ("number", 0, 0), ("number", "3", 3), ("number", " 3.50 ", 3.5), ("number", "3.0", 3), ("number", "1e3", 1000),
        ("number", "-2", -2), ("number", "12345678901234567890", 12345678901234567890), ("number", 2.5, 2.5),
        ("boolean", "true", True), ("boolean", "F", False), ("boolean", "0", False), ("boolean", 1, True),
        ("boolean", 0, False), ("boolean", False, False), ("boolean", " T ", True),
        ("stringarray", 5, ["5"]), ("stringarray", [1, {"a": 1}, None], ["1", '{"a":1}', None]),
        ("stringarray", [], []),
        ("stringarray", {"a": 1}, ['{"a":1}']),
        ("numberarray", "5", [5]), ("numberarray", [1, "2"], [1, 2]),
        ("booleanarray", ["t", 0], [True, False]), ("booleanarray", "1", [True]),
        ("object", {"a": 1}, {"a": 1}), ("object", {}, {}),
        ("objectarray", {"a": 1}, [{"a": 1}]), ("objectarray", [{"a": 1}, 5], [{"a": 1}, {"value": 5}]),
        ("arrayarray", [[1], [2]], [[1], [2]]), ("arrayarray", [1, 2], [[1, 2]]),
    ],
)  # fmt: skip
def test_what_a_type_accepts_it_converts(data_type: str, value: Any, result: Any) -> None:
    found = mapped([node("x", data_type, "$.v")], {"v": value})
    assert found == {"x": result}
    assert repr(found) == repr({"x": result})


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("number", True), ("number", [1]), ("number", {"a": 1}), ("number", "x"), ("number", "1_000"),
        ("number", "0x10"),
        ("number", "NaN"), ("number", "1e999"), ("number", "9" * 5000), ("number", "٣"), ("number", " "),
        ("boolean", "yes"), ("boolean", 2), ("boolean", []), ("boolean", {}), ("boolean", 0.5),
        ("numberarray", [True]), ("numberarray", {"a": 1}), ("numberarray", [1, {"a": 1}]),
        ("booleanarray", [{"a": 1}]), ("booleanarray", "maybe"),
        ("object", "text"), ("object", [1]), ("object", 5),
        ("objectarray", "text"), ("objectarray", 5), ("arrayarray", 5), ("arrayarray", {"a": 1}),
        ("arrayarray", [1, [2]]),
    ],
)  # fmt: skip
def test_what_a_type_refuses_is_an_error_of_the_field(data_type: str, value: Any) -> None:
    with pytest.raises(MappingError) as caught:
        mapped([node("x", data_type, "$.v")], {"v": value})
    assert caught.value.field == "x"
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("data_type", ["string", "number", "boolean", "object", "stringarray", "objectarray"])
@pytest.mark.parametrize("record", [{}, {"v": None}, {"v": ""}, [], "text", None, 5])
def test_what_is_empty_is_left_out(data_type: str, record: Any) -> None:
    assert mapped([node("x", data_type, "$.v")], record) == LEFT_OUT


def test_zero_and_false_are_not_empty() -> None:
    nodes = [node("a", "number", "$.a"), node("b", "boolean", "$.b"), node("c", "string", "$.a")]
    assert mapped(nodes, {"a": 0, "b": False}) == {"a": 0, "b": False, "c": "0"}


@pytest.mark.parametrize(
    ("data_type", "default", "result"),
    [
        ("string", "none", "none"), ("string", 5, "5"), ("string", "", ""), ("string", None, None),
        ("number", "3", 3), ("number", "", ""), ("number", None, None), ("boolean", "false", False),
        ("stringarray", [], []), ("stringarray", None, None), ("object", None, None), ("stringarray", "a", ["a"]),
    ],
)  # fmt: skip
def test_a_default_stands_in_for_nothing(data_type: str, default: Any, result: Any) -> None:
    document = [node("x", data_type, "$.v", default=default)]
    assert mapped(document, {}) == {"x": result}
    assert mapped(document, {"v": ""}) == {"x": result}
    do_nothing = [node("x", data_type, "$.v", default=default, conditional={"when": "extract_not_empty"})]
    assert mapped(do_nothing, {}) == LEFT_OUT


def test_defaults_are_never_shared_between_records() -> None:
    mapper = compile_mapping([node("x", "stringarray", "$.v", default=[])], version=2)
    first, second = mapper({}), mapper({})
    first["x"].append("mine")
    assert second == {"x": []} and mapper({}) == {"x": []}


def test_literals_templates_and_hard_coded_values() -> None:
    nodes = [
        node("lit", extract="$5 off"),
        node("num", "number", "{{record.a}}"),
        node("bare", extract="{{a}}!"),
        node("gone", extract="{{record.z}}"),
        node("blank", hardCodedValue=""),
        node("null", hardCodedValue=None),
        node("fixed", "number", hardCodedValue="12"),
    ]
    expected = {"lit": "$5 off", "num": 4, "bare": "4!", "blank": "", "null": None, "fixed": 12}
    assert mapped(nodes, {"a": 4}) == expected


def test_templates_see_settings_and_connection_beside_the_record() -> None:
    context = RecordContext(scope={"settings": {"flow": {"p": "P"}}, "connection": {"name": "C"}})
    nodes = [node("x", extract="{{settings.flow.p}}{{connection.name}}{{record.a}}{{a}}")]
    assert mapped(nodes, {"a": 1, "settings": "mine"}, context) == {"x": "PC11"}


def test_a_template_that_fails_is_an_error_of_the_field() -> None:
    with pytest.raises(MappingError, match="x: "):
        mapped([node("x", extract="{{jsonParse record.a}}")], {"a": "{"})


@pytest.mark.parametrize(
    ("operation", "result"),
    [("create", {"c": "v"}), ("update", {"c": "D", "u": "v"}), (None, {"c": "v", "u": "v"})],
)
def test_conditions_follow_the_chosen_operation(operation: Any, result: dict[str, str]) -> None:
    nodes = [
        node("c", extract="$.v", default="D", conditional={"when": "record_created"}),
        node("u", extract="$.v", conditional={"when": "record_updated"}),
    ]
    assert mapped(nodes, {"v": "v"}, RecordContext(operation=operation)) == result


def test_an_object_may_be_copied_and_then_extended() -> None:
    inner = [node("x", extract="$.v"), node("a", extract="new")]
    record = {"o": {"a": 1, "b": 2}, "v": "V"}
    assert mapped([node("o", "object", "$.o", mappings=inner)], record) == {"o": {"a": "new", "b": 2, "x": "V"}}
    with pytest.raises(MappingError, match="not an object"):
        mapped([node("o", "object", "$.v", mappings=inner)], record)


def test_parents_without_children_are_left_out_or_defaulted() -> None:
    empty = [node("x", extract="$.gone")]
    assert mapped([node("o", "object", mappings=empty)], {"v": 1}) == LEFT_OUT
    assert mapped([node("o", "object", mappings=empty, default=None)], {"v": 1}) == {"o": None}
    assert mapped([node("o", "objectarray", buildArrayHelper=[{"mappings": empty}])], {"v": 1}) == LEFT_OUT
    assert mapped([node("o", "objectarray", buildArrayHelper=[{"mappings": empty}], default=[])], {}) == {"o": []}


def test_a_dot_in_a_name_is_part_of_it() -> None:
    assert mapped([node("a.b", extract="$.v")], {"v": "x"}) == {"a.b": "x"}


def test_of_two_nodes_with_one_name_the_later_that_is_not_empty_wins() -> None:
    nodes = [node("x", extract="$.a"), node("x", extract="$.b"), node("x", extract="$.c", default="")]
    assert mapped(nodes, {"a": "1", "b": "2"}) == {"x": "2"}
    assert mapped(nodes, {"a": "1"}) == {"x": "1"}
    assert mapped(nodes, {}) == {"x": ""}


def test_draft_nodes_are_skipped() -> None:
    assert mapped([node("x", extract="$.v", status="Draft"), node("y", extract="$.v")], {"v": "1"}) == {"y": "1"}


def test_dates_are_read_and_printed_in_their_zones() -> None:
    options = {"extractDateFormat": "X", "generateDateFormat": "x"}
    assert mapped([node("d", "number", "$.d", **options)], {"d": 1743000000}) == {"d": 1743000000000}
    assert mapped([node("d", "date", "$.d")], {"d": "03/26/2025"}) == {"d": "2025-03-26T00:00:00.000Z"}
    keep = node("d", extract="$.d", generateDateFormat="HH:mm Z")
    assert mapped([keep], {"d": "2025-03-26T10:00:00+02:00"}) == {"d": "10:00 +02:00"}
    assert mapped([{**keep, "default": "never"}], {}) == {"d": "never"}
    for bad in ("soon", True, [1], {"a": 1}):
        with pytest.raises(MappingError, match="d: "):
            mapped([keep], {"d": bad})


def test_the_envelope_puts_the_record_under_a_name() -> None:
    context = RecordContext(scope={"settings": {"flow": {"p": "P"}}, "job": {"_id": "j"}})
    nodes = [node("a", extract="$.record.v"), node("b", extract="$.settings.flow.p"), node("c", extract="$.job._id")]
    assert mapped(nodes, {"v": "V"}, context, envelope=True) == {"a": "V", "b": "P", "c": "j"}


def test_rows_of_a_grouped_record() -> None:
    rows = [{"h": "H", "n": 1}, {"h": "H", "n": 2}]
    lines = {"extract": "$[*]", "mappings": [node("n", "number", "$.n")]}
    nodes = [
        node("h", extract="$[0].h"),
        node("ns", "numberarray", buildArrayHelper=[{"extract": "$[*].n"}]),
        node("lines", "objectarray", buildArrayHelper=[lines]),
    ]
    assert mapped(nodes, rows) == {"h": "H", "ns": [1, 2], "lines": [{"n": 1}, {"n": 2}]}


def test_one_unnamed_array_makes_the_output_a_list_of_rows() -> None:
    nodes = [
        node("", "objectarray", buildArrayHelper=[{"extract": "$.l[*]", "mappings": [node("x", extract="$.l.x")]}])
    ]
    assert mapped(nodes, {"l": [{"x": "1"}, {"x": "2"}]}) == [{"x": "1"}, {"x": "2"}]
    assert mapped(nodes, {}) == []


RECORD = {"l": [{"x": 1, "in": [{"y": 1}, {"y": 2}]}, {"x": 2, "in": []}, {"x": 3, "in": [{"y": 3}]}], "one": {"x": 9}}


@pytest.mark.parametrize(
    ("extract", "inner", "result"),
    [
        ("$.l", "$.l.x", ["1", "2", "3"]),
        ("$.l[*]", "$.l.x", ["1", "2", "3"]),
        ("$.l[1]", "$.l.x", ["2"]),
        ("$.l[9]", "$.l.x", []),
        ("$.one", "$.one.x", ["9"]),
        ("$.gone[*]", "$.one.x", []),
        ("$.l[*].in[*]", "$.l.in.y", ["1", "2", "3"]),
        ("$.l.in", "$.l.in.y", ["1", "2", "3"]),
        ("$.l[0].in[*]", "$.l.in.y", ["1", "2"]),
        ("$.l[*].in[*]", "$.l.x", ["1", "1", "3"]),
        ("$.l[*].in[*]", "$.one.x", ["9", "9", "9"]),
        ("$", "$.one.x", ["9"]),
    ],
)
def test_composites_hold_the_current_element_on_the_path(extract: str, inner: str, result: list[str]) -> None:
    entry = {"extract": extract, "mappings": [node("v", extract=inner)]}
    found = mapped([node("o", "objectarray", buildArrayHelper=[entry])], RECORD)
    assert [item["v"] for item in found.get("o", [])] == result


def test_arrays_inside_arrays_go_on_from_the_composite() -> None:
    inner = node(
        "ys", "objectarray", buildArrayHelper=[{"extract": "$.l.in[*]", "mappings": [node("y", extract="$.l.in.y")]}]
    )
    entry = {"extract": "$.l[*]", "mappings": [node("x", extract="$.l.x"), inner]}
    assert mapped([node("o", "objectarray", buildArrayHelper=[entry])], RECORD) == {
        "o": [{"x": "1", "ys": [{"y": "1"}, {"y": "2"}]}, {"x": "2"}, {"x": "3", "ys": [{"y": "3"}]}]
    }


def test_entries_without_values_add_their_default_or_nothing() -> None:
    entries = [
        {"extract": "$.gone", "default": "D"},
        {"extract": "$.gone"},
        {"extract": "$.gone", "default": "N", "conditional": {"when": "extract_not_empty"}},
        {"extract": "lit"},
        {"extract": "{{record.one.x}}"},
    ]
    assert mapped([node("o", "stringarray", buildArrayHelper=entries)], RECORD) == {"o": ["D", "lit", "9"]}


def test_a_record_cannot_build_without_end() -> None:
    nodes = [node("leaf", extract="$.l")]
    for _ in range(4):
        nodes = [
            node(
                "o",
                "objectarray",
                buildArrayHelper=[{"extract": "$.m[*]", "mappings": [*nodes, node("k", extract="k")]}],
            )
        ]
    record = {"m": [[[[1] * 100] * 100] * 100] * 100}
    with pytest.raises(MappingError, match="at most"):
        mapped(nodes, record)


def test_what_a_source_is_said_to_be_changes_nothing_and_an_object_is_copied_whole():
    nodes = [
        {**node("bill", "object", "$.bill"), "copySource": "yes"},
        {**node("n", "string", "$.n"), "sourceDataType": "object", "description": "its number"},
        {"generate": "all", "dataType": "objectarray", "status": "Active",
         "buildArrayHelper": [{"extract": "$.lines", "sourceDataType": "string", "copySource": "yes"}]},
    ]  # fmt: skip
    record = {"bill": {"mail": "b@x", "deep": [1]}, "n": 5, "lines": [{"a": 1}, {"b": 2}]}
    assert mapped(nodes, record) == {"bill": record["bill"], "n": "5", "all": record["lines"]}
