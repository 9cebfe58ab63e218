import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.errors import DocumentError
from apps.engine.mapping import compile_response_mapping, compile_transform
from tests.engine.mapping.nodes import node

RESPONSE = {"data": [{"x": 1, "y": "a"}, {"y": "b"}, {"x": 3}], "id": "new", "errors": [], "none": None}


def laid(pairs: Any, record: Any, response: Any = RESPONSE) -> Any:
    before = copy.deepcopy((record, response))
    result = compile_response_mapping(pairs)(record, response)
    assert (record, response) == before
    return result


@pytest.mark.parametrize(
    ("extract", "generate", "record", "result"),
    [
        ("data", "got", {"k": 1}, {"k": 1, "got": RESPONSE["data"]}),
        ("data[0].x", "o.first", {"o": {"k": 1}}, {"o": {"k": 1, "first": 1}}),
        ("data[*].x", "xs", {}, {"xs": [1, 3]}),
        (
            "data[*].x", "l[*].x",
            {"l": [{"k": 1}, {"k": 2, "x": 0}]},
            {"l": [{"k": 1, "x": 1}, {"k": 2, "x": 0}, {"x": 3}]},
        ),
        ("id", "l[*].id", {"l": [{}, {}]}, {"l": [{"id": "new"}, {"id": "new"}]}),
        ("gone", "id", {"id": "old"}, {"id": "old"}),
        ("none", "id", {"id": "old"}, {"id": None}),
        ("id", "a.b", {"a": 5}, {"a": {"b": "new"}}),
        ("id", "id", [{"n": 1}, {"n": 2}], [{"n": 1, "id": "new"}, {"n": 2, "id": "new"}]),
    ],
)  # fmt: skip
def test_a_pair_copies_from_the_response_into_the_record(extract: str, generate: str, record: Any, result: Any) -> None:
    assert laid([{"extract": extract, "generate": generate}], record) == result
    assert laid({"fields": [{"extract": extract, "generate": generate}], "lists": []}, record) == result


def test_lists_build_arrays_of_objects() -> None:
    fields = [
        {"extract": "data[*].x", "generate": "a"},
        {"extract": "id", "generate": "ref"},
        {"extract": "data[*].y", "generate": "o.b"},
    ]
    expected = [{"a": 1, "ref": "new", "o": {"b": "a"}}, {"ref": "new", "o": {"b": "b"}}, {"a": 3, "ref": "new"}]
    assert laid({"lists": [{"generate": "l", "fields": fields}]}, {"k": 1}) == {"k": 1, "l": expected}
    assert laid({"lists": [{"generate": "l", "fields": fields[:1]}]}, {"k": 1}, {"data": []}) == {"k": 1}


@pytest.mark.parametrize("document", [None, {}, [], {"fields": [], "lists": []}])
def test_an_empty_response_mapping_changes_nothing(document: Any) -> None:
    assert laid(document, {"k": 1}) == {"k": 1}


def test_transform_1_holds_only_what_is_mapped() -> None:
    rules = [
        [
            {"extract": "a.b", "generate": "x"},
            {"extract": "SDF[0]", "generate": "y.z"},
            {"extract": "gone", "generate": "g"},
        ],
        [
            {"extract": "[Internal ID]", "generate": "y.id"},
            {"extract": "/a/b", "generate": "s"},
            {"hardCodedValue": 1, "generate": "h"},
        ],
    ]
    record = {"a": {"b": 1}, "SDF": ["s"], "Internal ID": 9, "left": True}
    expected = {"x": 1, "y": {"z": "s", "id": 9}, "s": 1, "h": 1}
    for document in (
        {"type": "expression", "expression": {"version": "1", "rules": rules}},
        {"version": "1", "rules": rules},
    ):
        assert compile_transform(document)(record, None) == expected


def test_transform_1_of_a_grouped_record_maps_its_rows() -> None:
    rules = [[{"extract": "*.id", "generate": "ids"}]]
    assert compile_transform({"rules": rules})([{"id": 1}, {"id": 2}], None) == {"ids": [1, 2]}
    rows = [[{"extract": "*.id", "generate": "*.key"}, {"extract": "*.[A B]", "generate": "*.c"}]]
    assert compile_transform({"rules": rows})([{"id": 1, "A B": 3}, {"id": 2}], None) == [
        {"key": 1, "c": 3},
        {"key": 2},
    ]


def test_modify_keeps_the_fields_of_objects_that_are_built() -> None:
    nodes = [
        node("o", "object", mappings=[node("x", "number", "$.v")]),
        node("copy", "object", "$.o"),
    ]
    document = {"expression": {"version": "2", "rulesTwoDotZero": {"mode": "modify", "mappings": nodes}}}
    record = {"v": 1, "o": {"k": 2}, "copy": {"old": True}}
    assert compile_transform(document)(record, None) == {"v": 1, "o": {"k": 2, "x": 1}, "copy": {"k": 2}}
    assert record == {"v": 1, "o": {"k": 2}, "copy": {"old": True}}


@pytest.mark.parametrize(
    "document", [None, {}, {"expression": {"version": "1", "rules": [[]]}}, {"expression": {"rulesTwoDotZero": {}}}]
)
def test_an_empty_transform_passes_the_record(document: Any) -> None:
    assert compile_transform(document)({"a": 1}, None) == {"a": 1}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"type": "jsonata"}, "transform.type"),
        ({"type": "script", "script": {}}, "transform.type"),
        ({"expression": {"rules": [[{"extract": "a"}]]}}, "transform.expression.rules[0][0].generate"),
        ({"expression": {"rules": [[{"generate": "a"}]]}}, "transform.expression.rules[0][0].extract"),
        ({"rules": [[{"extract": "a[", "generate": "a"}]]}, "transform.rules[0][0].extract"),
        ({"rules": "x"}, "transform.rules"),
        ({"expression": {"rulesTwoDotZero": {"mode": "replace"}}}, "transform.expression.rulesTwoDotZero.mode"),
        (
            {"expression": {"rulesTwoDotZero": {"mappings": [{"generate": "a", "dataType": "string"}]}}},
            "transform.expression.rulesTwoDotZero.mappings[0].status",
        ),
    ],
)
def test_a_wrong_transform_is_refused_where_it_stands(document: Any, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_transform(document)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"fields": [{"extract": "a"}]}, "responseMapping.fields[0].generate"),
        ({"fields": [{"extract": "a", "generate": "b["}]}, "responseMapping.fields[0].generate"),
        ({"lists": [{"fields": []}]}, "responseMapping.lists[0].generate"),
        ({"lists": [{"generate": "l", "fields": [{"generate": "x"}]}]}, "responseMapping.lists[0].fields[0].extract"),
        ({"fields": {"type": []}}, "responseMapping.fields"),
        ("x", "responseMapping"),
    ],
)
def test_a_wrong_response_mapping_is_refused_where_it_stands(document: Any, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_response_mapping(document)
    assert caught.value.path == path


JSON = st.recursive(
    st.none() | st.integers(0, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=15,
)
PATHS = st.sampled_from(["a", "a.b", "b[1].c", "a[*].b", "c[*]", "b[*].a[*].c", "a[*].b[0]"])


@given(JSON, JSON, st.lists(st.tuples(PATHS, PATHS), max_size=4))
def test_no_response_changes_what_was_given(record: Any, response: Any, pairs: list[tuple[str, str]]) -> None:
    laid([{"extract": extract, "generate": generate} for extract, generate in pairs], record, response)
