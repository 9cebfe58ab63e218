"""JSON Schema checks: precise paths, no secrets in messages, nothing fetched, Interactor's extensions."""

from __future__ import annotations

import pytest

from apps.engine.schemas import SchemaError, check, check_schema, input_fields

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "x-required": True, "title": "Full name"},
        "age": {"type": "integer", "minimum": 0},
        "country": {"type": "string", "x-datatype": "country", "x-onChange": {"refreshVariables": True}},
        "tags": {"type": "array", "items": {"type": "object", "required": ["key"]}},
    },
    "additionalProperties": False,
}


def test_a_value_that_fits_has_no_problems():
    assert check(PERSON, {"name": "Ada", "age": 3, "tags": [{"key": 1}]}) == []


def test_every_problem_names_its_place():
    problems = check(PERSON, {"age": -1, "tags": [{"key": 1}, {}], "more": 1})
    assert [path for path, _ in problems] == ["", "age", "name", "tags[1].key"]


def test_messages_do_not_repeat_the_value():
    problems = check({"properties": {"token": {"type": "integer"}}}, {"token": "s3cret"})
    assert [path for path, _ in problems] == ["token"]
    assert "s3cret" not in problems[0][1]
    assert "integer" in problems[0][1]


@pytest.mark.parametrize("reference", ["http://example.com/s.json", "file:///etc/passwd", "other.json", "urn:x"])
def test_a_reference_outside_the_schema_is_refused(reference):
    with pytest.raises(SchemaError) as caught:
        check_schema({"properties": {"a": {"$ref": reference}}})
    assert caught.value.path == "properties.a.$ref"
    assert reference in caught.value.reason


def test_references_inside_are_followed():
    schema = {"$defs": {"id": {"type": "integer"}}, "items": {"$ref": "#/$defs/id"}}
    assert [path for path, _ in check(schema, [1, "x"])] == ["[1]"]


def test_a_property_named_like_a_keyword_is_no_keyword():
    assert check({"properties": {"$ref": {"type": "string"}, "const": {"x-required": True}}}, {"const": 1}) == []


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"properties": {"a": {"type": "nope"}}}, "properties.a.type"),
        ({"properties": {"a": {"pattern": "("}}}, "properties.a.pattern"),
        ({"$ref": "#/nowhere"}, "$ref"),
        ({"$schema": "http://example.com/own"}, ""),
        (5, ""),
        ({"a": {1, 2}}, ""),
    ],
)
def test_a_wrong_schema_is_told_with_its_member(schema, path):
    with pytest.raises(SchemaError) as caught:
        check_schema(schema)
    assert caught.value.path == path
    assert caught.value.reason


def test_a_schema_nested_without_end_is_refused():
    schema: dict[str, object] = {}
    for _ in range(100):
        schema = {"not": schema}
    with pytest.raises(SchemaError, match="deep"):
        check_schema(schema)


def test_a_hostile_pattern_does_not_hang():
    check({"pattern": "^(a+)+(?=b)$"}, "a" * 5_000 + "!")


def test_the_number_of_problems_is_bounded():
    assert len(check({"items": {"type": "string"}}, list(range(1_000)))) == 50


def test_the_fields_of_a_form_carry_their_extensions():
    fields = {field.path: field for field in input_fields(PERSON)}
    assert fields["name"].required
    assert fields["name"].title == "Full name"
    assert fields["country"].datatype == "country"
    assert fields["country"].on_change == {"refreshVariables": True}
    assert not fields["age"].required
