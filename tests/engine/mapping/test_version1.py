import copy
from typing import Any

import pytest

from apps.engine.mapping import MappingError, RecordContext, compile_mapping
from apps.engine.paths import MISSING

RECORD = {
    "id": 7, "name": "Ann", "blank": "", "none": None, "bill": {"mail": "b@x"}, "Odd Name": "odd", "zero": 0,
    "items": [{"x": 1, "s": "p"}, {"x": 2}, {"s": "r"}], "more": [{"y": "m"}],
}  # fmt: skip
ROWS = [{"h": "H1", "n": 1}, {"h": "H2", "n": 2}, {"h": "H3"}]


def mapped(document: dict[str, Any], record: Any = RECORD, context: RecordContext | None = None, **more: Any) -> Any:
    before = copy.deepcopy(record)
    result = compile_mapping(document, version=1, **more)(record, context)
    assert record == before
    return result


def field(**members: Any) -> dict[str, Any]:
    return mapped({"fields": [{"generate": "g", **members}]})


@pytest.mark.parametrize(
    ("members", "result"),
    [
        ({"extract": "id"}, {"g": 7}),
        ({"extract": "bill.mail"}, {"g": "b@x"}),
        ({"extract": "bill"}, {"g": {"mail": "b@x"}}),
        ({"extract": "[Odd Name]"}, {"g": "odd"}),
        ({"extract": "items[1].x"}, {"g": 2}),
        ({"extract": "items[*].x"}, {"g": [1, 2]}),
        ({"extract": "zero"}, {"g": 0}),
        ({"extract": "none"}, {}),
        ({"extract": "gone"}, {}),
        ({"extract": "gone", "default": "D"}, {"g": "D"}),
        ({"extract": "gone", "default": ""}, {"g": ""}),
        ({"extract": "gone", "default": None}, {"g": None}),
        ({"extract": "gone", "default": "", "discardIfEmpty": True}, {}),
        ({"extract": "blank"}, {"g": ""}),
        ({"extract": "blank", "default": "D"}, {"g": "D"}),
        ({"extract": "blank", "discardIfEmpty": True}, {}),
        ({"extract": "{{id}}-{{record.name}}"}, {"g": "7-Ann"}),
        ({"extract": "id", "hardCodedValue": "X"}, {"g": "X"}),
        ({"hardCodedValue": ""}, {"g": ""}),
        ({"hardCodedValue": None}, {"g": None}),
        ({"hardCodedValue": "5", "dataType": "number"}, {"g": 5}),
        ({"extract": "id", "dataType": "string"}, {"g": "7"}),
        ({"extract": "id", "dataType": "stringarray"}, {"g": ["7"]}),
        ({"extract": "zero", "dataType": "boolean"}, {"g": False}),
        ({"hardCodedValue": "2026-01-31", "dataType": "date", "generateDateFormat": "DD/MM/YYYY"}, {"g": "31/01/2026"}),
        ({"extract": "id", "conditional": {"when": "extract_not_empty"}}, {"g": 7}),
        ({"extract": "zero", "conditional": {"when": "extract_not_empty"}}, {}),
    ],
)
def test_a_field_takes_its_value_where_the_document_says(members: dict[str, Any], result: dict[str, Any]) -> None:
    assert field(**members) == result


def test_a_default_that_is_a_list_is_never_shared() -> None:
    mapper = compile_mapping({"fields": [{"extract": "gone", "generate": "g", "default": []}]}, version=1)
    mapper({})["g"].append(1)
    assert mapper({}) == {"g": []}


def test_dots_nest_and_never_write_into_the_input() -> None:
    document = {
        "fields": [
            {"extract": "bill", "generate": "b"},
            {"extract": "id", "generate": "b.id"},
            {"extract": "name", "generate": "deep.a[1].n"},
            {"extract": "name", "generate": "[Odd.Name]"},
        ]
    }
    expected = {"b": {"mail": "b@x", "id": 7}, "deep": {"a": [None, {"n": "Ann"}]}, "Odd.Name": "Ann"}
    assert mapped(document) == expected


def test_a_wrong_type_is_an_error_of_the_field() -> None:
    with pytest.raises(MappingError) as caught:
        field(extract="name", dataType="number")
    assert caught.value.field == "g"


@pytest.mark.parametrize(
    ("operation", "result"), [("create", {"i": 7, "c": 7}), ("update", {"u": 7}), (None, {"i": 7, "c": 7, "u": 7})]
)
def test_immutable_and_conditional_fields_follow_the_operation(operation: Any, result: dict[str, int]) -> None:
    document = {
        "fields": [
            {"extract": "id", "generate": "i", "immutable": True},
            {"extract": "id", "generate": "c", "conditional": {"when": "record_created"}},
            {"extract": "id", "generate": "u", "conditional": {"when": "record_updated"}},
        ]
    }
    assert mapped(document, context=RecordContext(operation=operation)) == result


def test_a_field_may_depend_on_a_lookup() -> None:
    lookups = [{"name": "s", "map": {"Ann": "A"}}]
    document = {
        "fields": [
            {"extract": "name", "generate": "hit", "conditional": {"when": "lookup_not_empty", "lookupName": "s"}},
            {"extract": "id", "generate": "miss", "conditional": {"when": "lookup_not_empty", "lookupName": "s"}},
            {"extract": "id", "generate": "empty", "conditional": {"when": "lookup_empty", "lookupName": "s"}},
            {"extract": "name", "generate": "value", "lookupName": "s"},
        ]
    }
    assert mapped(document, lookups=lookups) == {"hit": "Ann", "empty": 7, "value": "A"}


def lines(*fields: dict[str, Any], record: Any = RECORD, **more: Any) -> Any:
    return mapped({"lists": [{"generate": "l", "fields": list(fields), **more}]}, record).get("l", MISSING)


def test_the_longest_walked_list_decides_how_many_lines_there_are() -> None:
    x = {"extract": "items[*].x", "generate": "x"}
    y = {"extract": "more[*].y", "generate": "y"}
    ref = {"extract": "id", "generate": "ref"}
    assert lines(x, y, ref) == [{"x": 1, "y": "m", "ref": 7}, {"x": 2, "ref": 7}, {"ref": 7}]
    assert lines(x, y) == [{"x": 1, "y": "m"}, {"x": 2}]
    assert lines(ref) == [{"ref": 7}]
    assert lines({"extract": "gone[*].x", "generate": "x"}, ref) is MISSING
    assert lines(ref, jsonPath="items") == [{"ref": 7}] * 3


def test_templates_walk_the_lists_they_name() -> None:
    fields = [{"extract": "{{items[*].s}}-{{id}}", "generate": "t"}, {"extract": "items[*].x", "generate": "x"}]
    assert lines(*fields) == [{"t": "p-7", "x": 1}, {"t": "-7", "x": 2}, {"t": "r-7"}]


def test_a_list_whose_lines_are_all_blank_is_left_out() -> None:
    blank = {"extract": "items[*].gone", "generate": "x", "discardIfEmpty": True}
    assert lines(blank) is MISSING
    assert lines({**blank, "default": ""}) is MISSING
    assert lines({"extract": "items[*].gone", "generate": "a.b", "default": ""}) == [{"a": {"b": ""}}] * 3


def test_grouped_records_are_read_by_first_row_outside_and_row_by_row_inside_of_lists() -> None:
    document = {
        "fields": [{"extract": "h", "generate": "head"}, {"extract": "*.n", "generate": "last", "useFirstRow": True}],
        "lists": [
            {
                "generate": "a.rows",
                "fields": [
                    {"extract": "*.n", "generate": "n"},
                    {"extract": "h", "generate": "h"},
                    {"extract": "*.h", "generate": "first", "useFirstRow": True},
                    {"extract": "{{*.h}}!", "generate": "t"},
                ],
            }
        ],
    }
    same = {"h": "H1", "first": "H1"}
    rows = [{"n": 1, "t": "H1!", **same}, {"n": 2, "t": "H2!", **same}, {"t": "H3!", **same}]
    assert mapped(document, ROWS) == {"head": "H1", "a": {"rows": rows}, "last": 1}


def test_an_unnamed_list_makes_the_output_a_list_of_rows() -> None:
    document = {
        "fields": [{"extract": "id", "generate": "id"}],
        "lists": [{"generate": "", "fields": [{"extract": "items[*].x", "generate": "x"}]}],
    }
    assert mapped(document) == [{"id": 7, "x": 1}, {"id": 7, "x": 2}]
    assert mapped(document, {"id": 1}) == []


def test_a_lookup_in_a_line_is_asked_with_the_lines_own_key_and_the_record() -> None:
    asked: list[tuple[str, Any]] = []

    def port(name: str, key: str, record: Any) -> Any:
        asked.append((key, record["id"]))
        return {"v": f"<{key}>"}

    lookup = {"name": "d", "method": "GET", "relativeURI": "/x", "extract": "v"}
    document = {"lists": [{"generate": "l", "fields": [{"extract": "items[*].x", "generate": "x", "lookupName": "d"}]}]}
    result = mapped(document, {"id": 7, "items": [{"x": 1}, {"x": 2}]}, RecordContext(lookup=port), lookups=[lookup])
    assert result == {"l": [{"x": "<1>"}, {"x": "<2>"}]}
    assert asked == [("1", 7), ("2", 7)]


@pytest.mark.parametrize("document", [None, {}, {"fields": [], "lists": []}])
def test_without_a_mapping_the_record_goes_as_it_is(document: Any) -> None:
    mapper = compile_mapping(document, version=1)
    assert mapper.is_identity and mapper(RECORD) is RECORD


def test_lines_with_equal_keys_are_one_line_as_the_last_has_it():
    lines = {"generate": "lines", "fields": [
        {"extract": "items[*].sku", "generate": "item.sku", "isKey": True},
        {"extract": "items[*].n", "generate": "n"}, {"extract": "items[*].note", "generate": "note"},
    ]}  # fmt: skip
    items = [{"sku": "p", "n": 1, "note": "x"}, {"sku": "q", "n": 2}, {"sku": "p", "n": 3}, {"n": 4}, {"n": 5}]
    mapped = compile_mapping({"lists": [lines]}, version=1)({"items": items})
    assert mapped["lines"] == [
        {"item": {"sku": "p"}, "n": 3, "note": "x"}, {"item": {"sku": "q"}, "n": 2}, {"n": 4}, {"n": 5},
    ]  # fmt: skip
