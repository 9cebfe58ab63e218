"""Schemas that make too much work are refused before they are asked; usual ones, trees among them, are not."""

from __future__ import annotations

from typing import Any

import pytest

from apps.engine.schema_costs import MAX_WORK, cost_of
from apps.engine.schemas import SchemaError, check, check_schema

TREE = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
}
FILTER = {
    "$defs": {
        "filter": {
            "oneOf": [
                {"type": "object", "properties": {"and": {"items": {"$ref": "#/$defs/filter"}}}, "required": ["and"]},
                {"type": "object", "properties": {"not": {"$ref": "#/$defs/filter"}}, "required": ["not"]},
                {"type": "object", "properties": {"field": {"type": "string"}}, "required": ["field"]},
            ]
        }
    },
    "$ref": "#/$defs/filter",
}
LOOKAROUND = r"^(?=.*[A-Z])(?=.*\d).{8,}$"


def doubling(combine: Any, *, levels: int = 27, start: Any = None) -> dict[str, Any]:
    defs = {"a0": start or {"type": "object"}}
    for level in range(1, levels + 1):
        defs[f"a{level}"] = combine({"$ref": f"#/$defs/a{level - 1}"})
    return {"$defs": defs, "$ref": f"#/$defs/a{levels}"}


def nested(levels: int, member: str = "x") -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {member: value}
    return value


@pytest.mark.parametrize(
    "combine",
    [
        lambda ref: {"allOf": [ref, ref]},
        lambda ref: {"anyOf": [ref, ref]},
        lambda ref: {"oneOf": [ref, ref]},
        lambda ref: {"not": {"allOf": [ref, ref]}},
        lambda ref: {"if": ref, "then": ref, "else": ref},
        lambda ref: {"dependentSchemas": {"a": ref, "b": ref}},
        lambda ref: {"dependencies": {"a": ref, "b": ref}},
        lambda ref: {**ref, "allOf": [ref]},
        lambda ref: {"allOf": [ref], "unevaluatedProperties": False},
        lambda ref: {"allOf": [ref], "unevaluatedItems": False},
    ],
)
def test_references_that_multiply_are_refused(combine):
    with pytest.raises(SchemaError, match="multiply") as caught:
        check_schema(doubling(combine))
    assert caught.value.path.startswith("$defs.a")


def test_what_multiplies_in_a_place_that_is_no_schema_by_itself_is_refused():
    schema = doubling(lambda ref: {"allOf": [ref, ref]})
    text = {"default": schema["$defs"], "$ref": "#/default/a27"}
    for level in range(1, 28):
        text["default"][f"a{level}"] = {"allOf": [{"$ref": f"#/default/a{level - 1}"}] * 2}
    with pytest.raises(SchemaError, match="multiply"):
        check_schema(text)


@pytest.mark.parametrize("spelling", ["#a%d", "#/$defs/a%d", "#/%%24defs/a%d", "#/$defs/%%61%d"])
def test_references_multiply_in_every_spelling(spelling):
    schema = {"$defs": {"a0": {"type": "object", "$anchor": "a0"}}, "$ref": spelling % 27}
    for level in range(1, 28):
        ref = {"$ref": spelling % (level - 1)}
        schema["$defs"][f"a{level}"] = {"$anchor": f"a{level}", "anyOf": [ref, ref]}
    with pytest.raises(SchemaError, match="multiply"):
        check_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"$recursiveRef": "#"},
        {"$dynamicAnchor": "n", "anyOf": [{"$dynamicRef": "#n"}, {"type": "object"}]},
        {"properties": {"a": {"not": {"$ref": "#/properties/a"}}}},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"if": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"},
    ],
)
def test_a_schema_that_means_itself_is_refused(schema):
    with pytest.raises(SchemaError, match="refers to itself"):
        check_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x": {"$ref": "#"}}, "patternProperties": {"x": {"$ref": "#"}}},
        {"properties": {"x": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}, "allOf": [{"type": "object"}]},
        {"anyOf": [{"properties": {"x": {"$ref": "#"}}}, {"properties": {"x": {"$ref": "#"}}}]},
        {"if": {"properties": {"x": {"$ref": "#"}}}, "then": {"properties": {"x": {"$ref": "#"}}}},
        {"$dynamicAnchor": "n", "oneOf": [{"additionalProperties": {"$dynamicRef": "#n"}}] * 2},
        {"anyOf": [{"properties": {"x": {"$ref": "#"}}}], "unevaluatedProperties": False},
        {
            "$defs": {"a": {"properties": {"x": {"$ref": "#/$defs/b"}}}, "b": {"allOf": [{"$ref": "#/$defs/a"}] * 2}},
            "$ref": "#/$defs/b",
        },
    ],
)
def test_recursion_that_branches_takes_flat_values_and_refuses_deep_ones(schema):
    assert check(schema, nested(2)) == [] or "oneOf" in schema
    assert check(schema, nested(90)) == [("", "is too large or too deeply nested to be checked against this schema")]


def test_references_that_multiply_level_by_level_are_refused_with_the_value():
    schema = doubling(
        lambda ref: {"properties": {"x": ref}, "additionalProperties": ref, "patternProperties": {".": ref}}
    )
    assert check(schema, {"x": {"x": {}}}) == []
    assert "too deeply nested" in check(schema, nested(27))[0][1]


def test_a_tree_may_be_deep_and_wide():
    deep: dict[str, Any] = {"name": "leaf"}
    for _ in range(100):
        deep = {"name": "branch", "children": [deep]}
    assert check(TREE, deep) == []
    wide = {"name": "root", "children": [{"name": "leaf", "children": []}] * 50_000}
    assert check(TREE, wide) == []
    wide["children"] = [*wide["children"], {"children": []}]
    assert check(TREE, wide) == [("children[50000].name", '"name" is a required property')]


def test_a_language_of_filters_is_followed():
    assert check(FILTER, {"and": [{"not": {"field": "a"}}, {"field": "b"}, {"and": [{"not": {"field": "c"}}]}]}) == []
    assert check(FILTER, {"and": [{"nor": 1}]})[0][0] == ""


def test_the_work_of_a_tree_grows_with_its_size_alone():
    cost = cost_of(TREE)
    few, many = ({"children": [{"name": "x"}] * count} for count in (1_000, 4_000))
    assert cost.units.settled
    assert cost.of(many) < 5 * cost.of(few) < MAX_WORK


def test_a_long_list_of_allowed_texts_costs_nothing_extra():
    names = [f"v{number}" for number in range(5_000)]
    assert check({"items": {"enum": names}}, names * 4) == []


def test_what_is_compared_one_by_one_is_reckoned():
    schema = {"items": {"enum": [[number] for number in range(10_000)]}}
    assert check(schema, [[1]] * 10) == []
    assert "too large" in check(schema, [[-1]] * 10_000)[0][1]
    needed = {"items": {"dependentRequired": {f"v{number}": ["a"] for number in range(10_000)}}}
    assert "too large" in check(needed, [{}] * 10_000)[0][1]


def test_more_wrong_items_than_can_be_told_are_told_by_the_first():
    assert check({"items": {"type": "string"}}, list(range(100_000))) == [("[0]", 'the value is not of type "string"')]
    alternatives = {"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}
    assert check(alternatives, list(range(100_000))) == [
        ("", "does not fit this schema, and is too large to tell where")
    ]


def test_patterns_that_look_around_serve_many_short_texts_and_some_long_ones():
    schema = {"items": {"properties": {"password": {"pattern": LOOKAROUND}, "notes": {"type": "string"}}}}
    good = {"password": "Secret123", "notes": "x" * 2_000}
    assert check(schema, [good] * 2_000) == []
    assert check(schema, [good, {"password": "secret"}])[0][0] == "[1].password"
    assert check(schema, [{"password": "Aa1" * 4_000}]) == []


def test_patterns_that_look_around_do_not_read_long_texts_again_and_again():
    schema = {"items": {"pattern": "(?=[ab]*q)z"}}
    [(path, message)] = check(schema, ["ab" * 5_000] * 100)
    assert path == "[0]"
    assert "256" in message
    names = {"patternProperties": {"(?=[ab]*q)z": {}}}
    assert "too large" in check(names, {"ab" * 5_000 + str(number): 1 for number in range(100)})[0][1]


def test_too_many_schemas_or_patterns_are_refused():
    with pytest.raises(SchemaError, match="patterns"):
        check_schema({"properties": {f"p{number}": {"pattern": f"^a{number}$"} for number in range(1_001)}})
    with pytest.raises(SchemaError, match="more than 20000 schemas"):
        check_schema({"properties": {f"p{number}": {} for number in range(20_001)}})


@pytest.mark.parametrize("value", ["\ud800", {1: 2}])
def test_what_is_no_json_is_a_problem_and_no_error(value):
    assert check({"type": ["object", "string"]}, value)[0][1].startswith("is not JSON")
