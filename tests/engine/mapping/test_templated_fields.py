"""A field from a template: the generated function gives what scope, rendering and conversion one by one give."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.engine.mapping import MappingError, RecordContext, compile_mapping
from apps.engine.mapping.convert import CONVERTERS
from apps.engine.mapping.sources import scope_of
from apps.engine.templates import RenderEnv, TemplateError
from apps.engine.templates.handlebars.template import HandlebarsTemplate
from tests.engine.mapping.nodes import node
from tests.engine.templates.test_handlebars_direct import SCOPES, TEMPLATES

NUMBERS = [
    *("{{divide record.a 100}}", "{{divide a b}}", "{{multiply a b}}", "{{add a 0}}", "{{subtract a b}}"),
    *("{{abs a}}", "{{round a}}", "{{toFixed a 2}}", "{{record.a}}", "{{a}}", "{{eq a b}}", '{{compare a "<" b}}'),
    *("{{#if a}}{{b}}{{/if}}", "{{jsonParse a}}", "{{getValue 'record.a' 1}}", "{{record.a}} ", "{{settings.a}}"),
]
EDGES = st.sampled_from(
    [
        *(0, -0.0, 0.1, 1e-7, 5e-324, 1e15, 1e16, 1e20, 1e21, 1e22, 1.5e300, float("nan"), float("inf"), -float("inf")),
        *(2**53, 2**53 + 1, 10**20, 10**21 - 1, 10**21, -(10**21), 10**400, True, False, None, "", " ", "0", "1", "t"),
        *("12.50", "-7", "1e3", "x", "9" * 25, [], [1], [[[]]], {}, "NaN", "1e400", "0x10", "true"),
    ]
)
RECORDS = st.dictionaries(st.sampled_from(["a", "b", "data", "settings"]), EDGES, max_size=4)
SURROUNDINGS = st.dictionaries(st.sampled_from(["a", "data", "settings", "record"]), EDGES, max_size=2)


def as_written(text: str, data_type: str, record: Any, context: RecordContext, *, legacy: bool) -> Any:
    """What the field holds by the rules alone: nothing for blank text, else the text converted."""
    try:
        scope = scope_of(record, context, legacy=legacy)
        rendered = HandlebarsTemplate(text).render_by_steps(scope, context.env)
        if rendered == "":
            return {"f": ""} if legacy else {}
        return {"f": CONVERTERS[data_type](rendered)}
    except (TemplateError, ValueError) as error:
        return ("error", str(error))


def as_mapped(text: str, data_type: str, record: Any, context: RecordContext, *, legacy: bool) -> Any:
    if legacy:
        mapping: Any = {"fields": [{"extract": text, "generate": "f", "dataType": data_type}]}
    else:
        mapping = [node("f", data_type, text)]
    try:
        return compile_mapping(mapping, version=1 if legacy else 2)(record, context)
    except MappingError as error:
        assert error.field == "f"
        return ("error", error.reason)


def check(text: str, data_type: str, record: Any, scope: dict[str, Any], *, legacy: bool) -> None:
    context = RecordContext(scope=scope)
    expected = as_written(text, data_type, record, context, legacy=legacy)
    found = as_mapped(text, data_type, record, context, legacy=legacy)
    # By repr, so that 1 is not 1.0 nor True, and -0.0 is not 0.
    assert repr(found) == repr(expected)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(NUMBERS),
    st.sampled_from(["number", "boolean", "string"]),
    RECORDS | EDGES,
    SURROUNDINGS,
    st.booleans(),
)
def test_numbers_and_truths_are_the_ones_their_text_would_give(
    text: str, data_type: str, record: Any, scope: dict[str, Any], legacy: bool
) -> None:
    check(text, data_type, record, scope, legacy=legacy)


@settings(max_examples=150, deadline=None)
@given(TEMPLATES, st.sampled_from(["number", "boolean", "string"]), SCOPES, SURROUNDINGS, st.booleans())
def test_any_template_maps_as_rendered(
    text: str, data_type: str, record: Any, scope: dict[str, Any], legacy: bool
) -> None:
    try:
        HandlebarsTemplate(text)
    except TemplateError:
        return
    if "{{" in text and "*" not in text:
        check(text, data_type, record, scope, legacy=legacy)


def test_the_surroundings_come_before_the_record_in_version_2_and_after_it_in_version_1() -> None:
    context = RecordContext(scope={"settings": {"x": "around"}, "job": "j", "record": "never"})
    record = {"settings": {"x": "own"}, "job": None, "data": {"y": 1}}
    text = "{{settings.x}}|{{job}}|{{record.settings.x}}|{{data.y}}|{{missing}}"
    assert as_mapped(text, "string", record, context, legacy=False) == {"f": "around|j|own|1|"}
    assert as_mapped(text, "string", record, context, legacy=True) == {"f": "own||own|1|"}


def test_defaults_conditions_and_blank_text_of_a_templated_field() -> None:
    nodes = [
        node("default", "number", "{{record.a}}", default=7),
        node("skipped", "number", "{{record.a}}", conditional={"when": "extract_not_empty"}, default=7),
        node("null", "string", "{{record.a}}", default=None),
        node("number", "number", "{{multiply record.b 2}}", default=7),
    ]
    assert compile_mapping(nodes)({"b": 4}) == {"default": 7, "null": None, "number": 8}
    fields = [
        {"extract": "{{a}}", "generate": "blank"},
        {"extract": "{{a}}", "generate": "gone", "discardIfEmpty": True},
        {"extract": "{{a}}", "generate": "in.default", "default": "d"},
    ]
    assert compile_mapping({"fields": fields}, version=1)({}) == {"blank": "", "in": {"default": "d"}}


@pytest.mark.parametrize("legacy", [True, False])
def test_tighter_bounds_hold_in_mappings_too(legacy: bool) -> None:
    context = RecordContext(env=RenderEnv(max_output=3))
    found = as_mapped("{{uppercase record.a}}", "string", {"a": "long"}, context, legacy=legacy)
    assert found[0] == "error"
    assert "longer than 3" in found[1]
