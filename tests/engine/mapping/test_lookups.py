from typing import Any

import pytest

from apps.engine.mapping import (
    DocumentError,
    MappingError,
    RecordContext,
    compile_import_mapping,
    compile_mapping,
    gather_lookups,
)
from apps.engine.paths import MISSING
from tests.engine.mapping.nodes import node

STATIC = {"name": "s", "map": {"a": "1", "7": "seven", "null": None, "true": "yes"}}


def mapped(lookup: dict[str, Any], record: Any, context: RecordContext | None = None, **more: Any) -> Any:
    document = [node("x", extract="$.k", lookupName=lookup["name"], **more)]
    return compile_mapping(document, lookups=[lookup], version=2)(record, context)


@pytest.mark.parametrize(("key", "result"), [("a", "1"), (7, "seven"), (True, "yes"), ("null", None)])
def test_a_static_map_is_read_by_the_exact_text_of_the_key(key: Any, result: Any) -> None:
    assert mapped(STATIC, {"k": key}) == {"x": result}


@pytest.mark.parametrize("key", ["A", "b", "", None])
@pytest.mark.parametrize(
    ("more", "result"),
    [({"default": "D"}, {"x": "D"}), ({"default": ""}, {"x": ""}), ({"default": None}, {"x": None}), ({}, {})],
)
def test_a_miss_is_the_default_when_failures_are_allowed(key: Any, more: Any, result: Any) -> None:
    assert mapped({**STATIC, "allowFailures": True, **more}, {"k": key}) == result
    with pytest.raises(MappingError, match="lookup 's' has no value"):
        mapped({**STATIC, **more}, {"k": key})


def test_the_result_takes_the_type_of_the_node() -> None:
    document = [node("x", "number", "$.k", lookupName="s")]
    assert compile_mapping(document, lookups=[STATIC], version=2)({"k": "a"}) == {"x": 1}


def test_the_empty_rule_of_the_node_comes_before_the_lookup() -> None:
    assert mapped(STATIC, {}, conditional={"when": "extract_not_empty"}) == {}
    assert mapped(STATIC, {}, default="N") == {"x": "N"}


class Port:
    """Answers from a dict and remembers what it was asked."""

    def __init__(self, answers: dict[tuple[str, str], Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, name: str, key: str, record: Any) -> Any:
        self.asked.append((name, key, record))
        return self.answers.get((name, key), MISSING)


CACHE = {"name": "c", "_lookupCacheId": "5f"}
CALL = {"name": "d", "method": "GET", "relativeURI": "/p?x={{record.k}}", "extract": "products[0].name"}
QUERY = {"name": "q", "query": "select id from t", "extract": "id"}


@pytest.mark.parametrize(
    ("lookup", "answer", "result"),
    [
        (CACHE, "text", "text"),
        (CACHE, '{"a":1}', '{"a":1}'),
        ({**CACHE, "extract": "a.b"}, '{"a":{"b":5}}', "5"),
        ({**CACHE, "extract": "$.a.b"}, {"a": {"b": 5}}, "5"),
        (CALL, {"products": [{"name": "N1"}, {"name": "N2"}]}, "N1"),
        ({**CALL, "extract": "products[*].name"}, {"products": [{"name": "N1"}, {"name": "N2"}]}, "N1"),
        (QUERY, [{"id": 4}, {"id": 5}], "4"),
        (QUERY, {"data": [{"id": 4}]}, "4"),
    ],
)
def test_outside_lookups_go_through_the_port(lookup: dict[str, Any], answer: Any, result: Any) -> None:
    port = Port({(lookup["name"], "K"): answer})
    record = {"k": "K"}
    assert mapped(lookup, record, RecordContext(lookup=port)) == {"x": result}
    assert port.asked == [(lookup["name"], "K", record)]


@pytest.mark.parametrize(
    ("lookup", "answer"),
    [
        (CACHE, None), ({**CACHE, "extract": "a.z"}, '{"a":1}'), (CALL, {"products": []}), (CALL, None), (QUERY, []),
        (QUERY, [{"other": 1}]), ({**QUERY, "useDefaultOnMultipleMatches": True}, [{"id": 1}, {"id": 2}]),
        ({**CACHE, "extract": "a"}, "not json"),
    ],
)  # fmt: skip
def test_an_answer_without_the_value_is_a_miss(lookup: dict[str, Any], answer: Any) -> None:
    context = RecordContext(lookup=Port({(lookup["name"], "K"): answer}))
    with pytest.raises(MappingError):
        mapped(lookup, {"k": "K"}, context)


def test_a_dynamic_lookup_needs_no_key() -> None:
    port = Port({("d", ""): {"products": [{"name": "N"}]}})
    document = [node("x", lookupName="d")]
    assert compile_mapping(document, lookups=[CALL], version=2)({}, RecordContext(lookup=port)) == {"x": "N"}


def test_templates_reach_lookups_by_name_and_by_member() -> None:
    port = Port({("d", ""): {"products": [{"name": "N"}]}, ("c", "K"): "cached"})
    document = [node("x", extract='{{lookup "s" "a"}}/{{lookup "c" record.k}}/{{lookup.d}}')]
    mapper = compile_mapping(document, lookups=[STATIC, CACHE, CALL], version=2)
    assert mapper({"k": "K"}, RecordContext(lookup=port)) == {"x": "1/cached/N"}
    assert mapper.lookup_names == {"c", "d"}
    with pytest.raises(MappingError, match="x: "):
        mapper({"k": "other"}, RecordContext(lookup=port))


def test_only_outside_lookups_in_use_are_named_and_their_keys_are_known_beforehand() -> None:
    document = [
        node("a", extract="$.k", lookupName="s"),
        node("b", extract="$.k", lookupName="c"),
        node("n", "number", "$.n", lookupName="c"),
    ]
    mapper = compile_mapping(document, lookups=[{**STATIC, "allowFailures": True}, CACHE, CALL], version=2)
    assert mapper.lookup_names == {"c"}
    assert mapper.wanted_keys([{"k": "a", "n": 1}, {"k": "b", "n": 1}]) == {"c": {"a", "b", "1"}}
    assert compile_mapping([node("a", extract="$.k")], version=2).wanted_keys([{"k": "a"}]) == {}


def test_lookups_of_an_import_are_gathered_adapter_first() -> None:
    document = {
        "lookups": [{"name": "s", "map": {"a": "import"}}, {"name": "t", "map": {}}],
        "http": {"lookups": [{"name": "s", "map": {"a": "http"}}]},
        "mappings": [node("x", extract="$.k", lookupName="s")],
    }
    assert [lookup["name"] for lookup in gather_lookups(document)] == ["s", "s", "t"]
    assert compile_import_mapping(document)({"k": "a"}) == {"x": "http"}


def test_a_lookup_that_is_not_there_is_refused() -> None:
    for document, version in (
        ([node("x", extract="$.k", lookupName="z")], 2),
        ({"fields": [{"generate": "x", "lookupName": "z"}]}, 1),
    ):
        with pytest.raises(DocumentError, match="there is no lookup 'z'") as caught:
            compile_mapping(document, lookups=[STATIC], version=version)
        assert caught.value.path.endswith(".lookupName")
