"""The eleven examples of the documents, each to the letter."""

import copy
from typing import Any

import pytest

from apps.engine.mapping import MappingError, compile_mapping, compile_transform

R: dict[str, Any] = {
    "id": 7, "name": "Ann Lee", "qty": "3", "paid": "T", "when": "31/01/2026", "cc": "US", "tags": ["a", 5],
    "bill": {"mail": "b@x"}, "ship": {"mail": "s@x"},
    "orders": [{"no": "A", "items": [{"sku": "p", "n": 2}, {"sku": "q", "n": 1}]},
               {"no": "B", "items": [{"sku": "r", "n": 4}]}],
}  # fmt: skip


def active(node: Any) -> Any:
    """The documents leave `status` out of their examples."""
    if isinstance(node, list):
        return [active(item) for item in node]
    made = {key: active(value) if key == "mappings" else value for key, value in node.items()}
    if "buildArrayHelper" in made:
        made["buildArrayHelper"] = [
            {**entry, **({"mappings": active(entry["mappings"])} if "mappings" in entry else {})}
            for entry in made["buildArrayHelper"]
        ]
    return {"status": "Active", **made}


def string(name: str, extract: str, **more: Any) -> dict[str, Any]:
    return {"generate": name, "dataType": "string", "extract": extract, **more}


EXAMPLES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "1 types": (
        [string("id", "$.id"), {"generate": "qty", "dataType": "number", "extract": "$.qty"},
         {"generate": "paid", "dataType": "boolean", "extract": "$.paid"}],
        {"id": "7", "qty": 3, "paid": True},
    ),
    "2 template and literal": (
        [string("label", '{{uppercase (split record.name " " 1)}}'), string("cur", "USD"),
         {"generate": "rank", "dataType": "number", "extract": "10"}],
        {"label": "LEE", "cur": "USD", "rank": 10},
    ),
    "3 date": (
        [string("d", "$.when", extractDateFormat="DD/MM/YYYY", extractDateTimezone="America/New_York",
                generateDateFormat="YYYY-MM-DD[T]HH:mm[Z]", generateDateTimezone="UTC")],
        {"d": "2026-01-31T05:00Z"},
    ),
    "4 nested": (
        [{"generate": "c", "dataType": "object", "mappings": [
            string("mail", "$.bill.mail"),
            string("fax", "$.bill.fax", conditional={"when": "extract_not_empty"}),
            {"generate": "vip", "dataType": "boolean", "extract": "$.vip", "default": "false"}]}],
        {"c": {"mail": "b@x", "vip": False}},
    ),
    "5 scalar lists": (
        [{"generate": "skus", "dataType": "stringarray",
          "buildArrayHelper": [{"extract": "$.orders[*].items[*].sku"}, {"extract": "$.tags"}]}],
        {"skus": ["p", "q", "r", "a", "5"]},
    ),
    "6 objects from several sources": (
        [{"generate": "contacts", "dataType": "objectarray", "buildArrayHelper": [
            {"extract": "$.bill"}, {"mappings": [string("mail", "$.ship.mail"), string("kind", "ship")]}]}],
        {"contacts": [{"mail": "b@x"}, {"mail": "s@x", "kind": "ship"}]},
    ),
    "7 composite": (
        [{"generate": "lines", "dataType": "objectarray", "buildArrayHelper": [
            {"extract": "$.orders[*].items[*]", "mappings": [
                string("o", "$.orders.no"), string("s", "$.orders.items.sku"), string("who", "$.name")]}]}],
        {"lines": [{"o": "A", "s": "p", "who": "Ann Lee"}, {"o": "A", "s": "q", "who": "Ann Lee"},
                   {"o": "B", "s": "r", "who": "Ann Lee"}]},
    ),
    "8 lists of lists": (
        [{"generate": "m", "dataType": "arrayarray", "buildArrayHelper": [
            {"extract": "$.orders[*]", "mappings": [
                {"dataType": "numberarray", "buildArrayHelper": [{"extract": "$.orders.items[*].n"}]}]}]}],
        {"m": [[2, 1], [4]]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_the_documents_holds(name: str) -> None:
    document, expected = EXAMPLES[name]
    before = copy.deepcopy(R)
    assert compile_mapping(active(document), version=2)(R) == expected
    assert before == R


@pytest.mark.parametrize("allowed", [True, False])
def test_9_a_lookup_miss_is_the_default_or_an_error(allowed: bool) -> None:
    lookups = [{"name": "c", "map": {"CA": "Canada"}, "default": "?", "allowFailures": allowed}]
    mapper = compile_mapping(active([string("country", "$.cc", lookupName="c")]), lookups=lookups, version=2)
    assert mapper({"cc": "CA"}) == {"country": "Canada"}
    if allowed:
        assert mapper(R) == {"country": "?"}
    else:
        with pytest.raises(MappingError, match="country: lookup 'c' has no value for 'US'"):
            mapper(R)


def test_10_version_1() -> None:
    document = {
        "fields": [
            {"extract": "name", "generate": "n"},
            {"hardCodedValue": "X", "generate": "k"},
            {"extract": "bill.fax", "generate": "f", "default": ""},
        ],
        "lists": [
            {
                "generate": "lines",
                "fields": [{"extract": "orders[*].no", "generate": "o"}, {"extract": "id", "generate": "ref"}],
            }
        ],
    }
    expected = {"n": "Ann Lee", "k": "X", "f": "", "lines": [{"o": "A", "ref": 7}, {"o": "B", "ref": 7}]}
    assert compile_mapping(document, version=1)(R) == expected


@pytest.mark.parametrize(("mode", "expected"), [("create", {"c": 1}), ("modify", {"a": 1, "b": 2, "c": 1})])
def test_11_transform_2(mode: str, expected: dict[str, int]) -> None:
    nodes = active([{"generate": "c", "dataType": "number", "extract": "$.a"}])
    document = {
        "type": "expression",
        "expression": {"version": "2", "rulesTwoDotZero": {"mode": mode, "mappings": nodes}},
    }
    record = {"a": 1, "b": 2}
    assert compile_transform(document)(record, None) == expected
    assert record == {"a": 1, "b": 2}
