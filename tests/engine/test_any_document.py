"""Whatever is saved compiles or is refused by path; whatever is fed works or fails as a record."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.engine.conditions.celigo import compile_filter
from apps.engine.conditions.rely import compile_conditions
from apps.engine.errors import DocumentError, RecordFault
from apps.engine.mapping import (
    RecordContext,
    compile_import_mapping,
    compile_mapping,
    compile_response_mapping,
    compile_transform,
)
from apps.engine.paging import PagingLoopError, compile_paging
from apps.engine.responses import compile_response

WORDS = [
    *("$", "$.a", "$.a[*].b", "$.b[0]", "a", "a.b", "*.a", "list[*].x", "a[0].b", "5", "true", "[", "("),
    *("{{a}}", "{{record.a}}", "{{{a}", "{{lookup.n}}", "n", "Active", "Draft", "YYYY", "X", "Etc/UTC", "1", "2"),
    *("string", "number", "boolean", "date", "object", "stringarray", "objectarray", "arrayarray"),
    *("extract_not_empty", "record_created", "lookup_empty", "create", "modify", "expression", "settings", "flow.x"),
    *("equals", "and", "not", "extract", "context", "matches", "empty", "contains", "in", "like", "eq"),
    *("page", "skip", "token", "url", "body", "header"),
]
NAMES = [
    *("generate", "dataType", "extract", "status", "mappings", "buildArrayHelper", "default", "lookupName"),
    *("conditional", "when", "hardCodedValue", "extractDateFormat", "generateDateFormat", "extractDateTimezone"),
    *("fields", "lists", "jsonPath", "useFirstRow", "discardIfEmpty", "lookups", "name", "map", "a", "b"),
    *("rules", "expression", "version", "type", "rulesTwoDotZero", "mode", "mapping", "http", "paging", "method"),
    *("path", "page", "pathLocation", "relativeURI", "lastPagePath", "lastPageValues", "maxPagePath", "maxCountPath"),
    *("field", "operator", "value", "successPath", "successValues", "failPath", "errorPath", "resourcePath"),
]
TEXT = st.sampled_from(WORDS) | st.text(max_size=4)
SCALARS = st.none() | st.booleans() | st.integers(-3, 99) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)
TYPES = st.sampled_from(
    ["string", "number", "boolean", "date", "object", "stringarray", "numberarray", "objectarray", "arrayarray"]
)
NODES = st.recursive(
    st.builds(dict),
    lambda inner: st.lists(
        st.fixed_dictionaries(
            {"generate": st.sampled_from(["x", "y", "%", ""]), "dataType": TYPES, "status": st.just("Active")},
            optional={
                "extract": TEXT,
                "default": SCALARS,
                "lookupName": st.just("n"),
                "mappings": inner,
                "conditional": st.fixed_dictionaries(
                    {"when": st.sampled_from(["extract_not_empty", "record_created"])}
                ),
                "buildArrayHelper": st.lists(
                    st.fixed_dictionaries({}, optional={"extract": TEXT, "mappings": inner, "default": SCALARS}),
                    max_size=2,
                ),
            },
        ),
        max_size=3,
    ),
    max_leaves=8,
)
OLD_FIELD = st.fixed_dictionaries(
    {"generate": st.sampled_from(["x", "y.z", "%", "a[0]"])},
    optional={
        "extract": TEXT,
        "default": SCALARS,
        "hardCodedValue": SCALARS,
        "dataType": st.sampled_from(["string", "number", "boolean", "date", "stringarray"]),
        "lookupName": st.just("n"),
        "discardIfEmpty": st.booleans(),
        "useFirstRow": st.booleans(),
    },
)
OLD = st.fixed_dictionaries(
    {
        "fields": st.lists(OLD_FIELD, max_size=3),
        "lists": st.lists(
            st.fixed_dictionaries(
                {"generate": st.sampled_from(["l", "", "m.n"]), "fields": st.lists(OLD_FIELD, max_size=3)}
            ),
            max_size=2,
        ),
    }
)
LOOKUPS = [{"name": "n", "map": {"1": "one", "": "blank"}}]


def compiled(compile_document: Callable[[], Any]) -> Any:
    try:
        return compile_document()
    except DocumentError as error:
        assert isinstance(error.path, str) and error.reason
        return None


def works(run: Callable[[], Any]) -> None:
    try:
        run()
    except RecordFault as error:
        assert str(error)


@given(JSON, JSON, st.sampled_from([1, 2]))
def test_a_mapping_compiles_or_is_refused(document: Any, record: Any, version: int) -> None:
    if mapper := compiled(lambda: compile_mapping(document, lookups=LOOKUPS, version=version)):
        works(lambda: mapper(record, RecordContext(operation="create")))


@given(NODES, st.lists(JSON, max_size=3))
def test_nodes_of_any_shape_map_or_fail_the_record(document: Any, records: list[Any]) -> None:
    if mapper := compiled(lambda: compile_mapping(document or [], lookups=LOOKUPS, version=2)):
        assert len(mapper.map_page(records)) == len(records)


@given(OLD, st.lists(JSON, max_size=3))
def test_fields_and_lists_of_any_shape_map_or_fail_the_record(document: Any, records: list[Any]) -> None:
    if mapper := compiled(lambda: compile_mapping(document, lookups=LOOKUPS, version=1)):
        assert len(mapper.map_page(records)) == len(records)


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5))
def test_an_import_compiles_or_is_refused(document: dict[str, Any]) -> None:
    compiled(lambda: compile_import_mapping(document))


@given(JSON, JSON, JSON)
def test_responses_and_transforms_compile_or_are_refused(document: Any, record: Any, response: Any) -> None:
    if lay := compiled(lambda: compile_response_mapping(document)):
        works(lambda: lay(record, response))
    for transform in (document, {"rules": document}, {"expression": {"rulesTwoDotZero": {"mappings": document}}}):
        if change := compiled(lambda transform=transform: compile_transform(transform)):
            works(lambda change=change: change(record, None))


OPERAND = st.recursive(
    SCALARS,
    lambda inner: st.tuples(
        st.sampled_from(
            ["extract", "number", "string", "boolean", "epochtime", "lowercase", "abs", "ceiling", "context"]
        ),
        inner,
    ).map(list),
    max_leaves=3,
)


def list_of_lists(rule: Any) -> Any:
    return [list_of_lists(part) for part in rule] if isinstance(rule, tuple) else rule


RULE = st.recursive(
    st.tuples(
        st.sampled_from(["equals", "notequals", "lessthan", "contains", "startswith", "matches", "empty", "anyof"]),
        OPERAND,
        OPERAND,
    ),
    lambda inner: st.tuples(st.sampled_from(["and", "or", "not"]), inner, inner),
    max_leaves=4,
).map(list_of_lists)


@given(RULE | JSON, JSON)
def test_filters_compile_or_are_refused(rules: Any, record: Any) -> None:
    for document in ({"rules": rules}, rules):
        if keep := compiled(lambda document=document: compile_filter(document)):
            works(lambda keep=keep: keep(record))


@given(JSON, JSON)
def test_conditions_compile_or_are_refused(document: Any, scope: Any) -> None:
    if conditions := compiled(lambda: compile_conditions(document, lambda text, _: text)):
        assert conditions(scope) in (True, False)


@given(st.dictionaries(st.sampled_from(NAMES), SCALARS, max_size=8), st.lists(JSON, max_size=4))
def test_paging_compiles_or_is_refused(paging: dict[str, Any], bodies: list[Any]) -> None:
    pager = compiled(lambda: compile_paging({"paging": paging}))
    state = pager.first() if pager else None
    for number, body in enumerate(bodies):
        if state is None:
            break
        pager.request_scope(state)
        try:
            state = pager.advance(
                state, status=200, headers={"Link": str(body)}, body=body, records=[body], url=f"https://x/{number}"
            )
        except PagingLoopError:
            break


@given(JSON, JSON, st.none() | st.integers(0, 1))
def test_response_rules_compile_or_are_refused(document: Any, body: Any, index: int | None) -> None:
    if rules := compiled(lambda: compile_response(document, index=index)):
        assert len(rules.judge_batch(200, body, 2)) == 2
