from typing import Any

import pytest

from apps.engine.errors import DocumentError
from apps.engine.mapping import compile_import_mapping, compile_mapping
from tests.engine.mapping.nodes import node

OBJECT = {"generate": "o", "dataType": "object", "status": "Active"}
ARRAY = {"generate": "o", "dataType": "objectarray", "status": "Active"}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "mappings"),
        (["x"], "mappings[0]"),
        ([{"generate": "a", "dataType": "string"}], "mappings[0].status"),
        ([node("a", status="active")], "mappings[0].status"),
        ([node("a", "text")], "mappings[0].dataType"),
        ([{"generate": "a", "status": "Active"}], "mappings[0].dataType"),
        ([node("")], "mappings[0].generate"),
        ([{"dataType": "string", "status": "Active"}], "mappings[0].generate"),
        ([node(5)], "mappings[0].generate"),  # type: ignore[arg-type]
        ([node("a", extract=5)], "mappings[0].extract"),  # type: ignore[arg-type]
        ([node("a", extract="$..b")], "mappings[0].extract"),
        ([node("a", extract="$.b[?(@.c)]")], "mappings[0].extract"),
        ([node("a", extract="{{#if x}}")], "mappings[0].extract"),
        ([node("a", extract="{{nohelper x 1}}")], "mappings[0].extract"),
        ([node("a", "number", default="x")], "mappings[0].default"),
        ([node("a", "object", default="x")], "mappings[0].default"),
        ([node("a", conditional={"when": "always"})], "mappings[0].conditional.when"),
        ([node("a", conditional="always")], "mappings[0].conditional"),
        ([node("a", extractDateTimezone="Mars/Base")], "mappings[0].extractDateTimezone"),
        ([node("a", generateDateFormat="Y" * 600)], "mappings[0].generateDateFormat"),
        ([node("a", generateDateFormat=5)], "mappings[0].generateDateFormat"),
        (
            [{**OBJECT, "mappings": [node("a"), {"generate": "b", "dataType": "string"}]}],
            "mappings[0].mappings[1].status",
        ),
        ([{**ARRAY, "buildArrayHelper": ["x"]}], "mappings[0].buildArrayHelper[0]"),
        ([{**ARRAY, "buildArrayHelper": [{"extract": "$.a["}]}], "mappings[0].buildArrayHelper[0].extract"),
        (
            [{**ARRAY, "buildArrayHelper": [{"extract": "lit", "mappings": [node("a")]}]}],
            "mappings[0].buildArrayHelper[0].extract",
        ),
        (
            [{**ARRAY, "buildArrayHelper": [{"extract": "$.a", "mappings": [{"generate": "b"}]}]}],
            "mappings[0].buildArrayHelper[0].mappings[0].status",
        ),
        (
            [{**ARRAY, "dataType": "stringarray", "buildArrayHelper": [{"extract": "$.a", "mappings": [node("b")]}]}],
            "mappings[0].buildArrayHelper[0].mappings",
        ),
        (
            [{**ARRAY, "dataType": "arrayarray", "buildArrayHelper": [{"extract": "$.a", "mappings": [node("b")]}]}],
            "mappings[0].buildArrayHelper[0].mappings",
        ),
        ([node("", "objectarray", "$.l"), node("a")], "mappings[0].generate"),
    ],
)  # fmt: skip
def test_a_wrong_node_is_refused_where_it_stands(document: Any, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_mapping(document, version=2)
    assert caught.value.path == path


def test_endless_nesting_is_refused_before_it_hurts() -> None:
    for data_type in ("object", "objectarray", "arrayarray"):
        inner: dict[str, Any] = node("x")
        for _ in range(5_000):
            inner = node("o", data_type, mappings=[inner], buildArrayHelper=[{"mappings": [inner]}])
        with pytest.raises(DocumentError):
            compile_mapping([inner], version=2)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "mapping"),
        ({"fields": {}}, "mapping.fields"),
        ({"fields": [{"extract": "a"}]}, "mapping.fields[0].generate"),
        ({"fields": [{"extract": "a[", "generate": "a"}]}, "mapping.fields[0].extract"),
        ({"fields": [{"extract": "a", "generate": "a..b"}]}, "mapping.fields[0].generate"),
        ({"fields": [{"extract": "a", "generate": "a[*].b"}]}, "mapping.fields[0].generate"),
        ({"fields": [{"extract": "a", "generate": "a", "dataType": "objectarray"}]}, "mapping.fields[0].dataType"),
        ({"fields": [{"generate": "a", "conditional": {"when": "never"}}]}, "mapping.fields[0].conditional.when"),
        (
            {"fields": [{"generate": "a", "conditional": {"when": "lookup_empty"}}]},
            "mapping.fields[0].conditional.lookupName",
        ),
        ({"lists": [{"fields": []}]}, "mapping.lists[0].generate"),
        ({"lists": [{"generate": "l", "fields": [{"extract": "a"}]}]}, "mapping.lists[0].fields[0].generate"),
        (
            {"lists": [{"generate": "l", "fields": [{"extract": "{{x", "generate": "a"}]}]},
            "mapping.lists[0].fields[0].extract",
        ),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_where_it_stands(document: Any, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_mapping(document, version=1)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("lookup", "path"),
    [
        ({}, "lookups[0].name"), ({"name": 5}, "lookups[0].name"), ({"name": "a", "map": []}, "lookups[0].map"),
        ({"name": "a", "extract": "a["}, "lookups[0].extract"), ("x", "lookups[0]"),
    ],
)  # fmt: skip
def test_a_wrong_lookup_is_refused_where_it_stands(lookup: Any, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_mapping([node("a")], lookups=[lookup], version=2)
    assert caught.value.path == path


def test_an_import_has_one_kind_of_mapping() -> None:
    fields = {"fields": [{"extract": "a", "generate": "x"}]}
    with pytest.raises(DocumentError) as caught:
        compile_import_mapping({"mapping": fields, "mappings": [node("a", extract="$.a")]})
    assert caught.value.path == "mappings"
    assert compile_import_mapping({"mapping": fields, "mappings": []})({"a": 1}) == {"x": 1}
    assert compile_import_mapping({"mapping": {"fields": [], "lists": []}, "mappings": [node("y", extract="$.a")]})(
        {"a": "1"}
    ) == {"y": "1"}
    assert compile_import_mapping({}).is_identity


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(DocumentError):
        compile_mapping([], version=3)
