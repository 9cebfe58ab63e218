"""One bad record is one error; the others come out as if it had not been there, and nobody's input changes."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.engine.mapping import Mapper, MappingError, RecordContext, compile_mapping
from tests.engine.mapping.nodes import node

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
    | st.sampled_from(["3", "T"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), inner, max_size=4)
    ),
    max_leaves=20,
)
RECORDS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), JSON, max_size=4) | JSON, max_size=6)

LOOKUPS = [
    {"name": "s", "map": {"1": "one", "3": "three"}},
    {"name": "d", "method": "GET", "relativeURI": "/", "extract": "v"},
]
SECOND = compile_mapping(
    [
        node("n", "number", "$.a"),
        node("s", "string", "$.b.c", default="-"),
        node("b", "boolean", "$.c"),
        node("t", "string", "{{record.a}}/{{record.b.c}}"),
        node("d", "string", "$.d", generateDateFormat="YYYY"),
        node("l", "string", "$.a", lookupName="s"),
        node("o", "object", mappings=[node("x", "number", "$.b.c"), node("all", "object", "$.b")]),
        node("ss", "stringarray", buildArrayHelper=[{"extract": "$.a[*].b"}, {"extract": "$.c"}]),
        node(
            "os",
            "objectarray",
            buildArrayHelper=[{"extract": "$.a[*].c", "mappings": [node("y", "number", "$.a.c.d")]}],
        ),
    ],
    lookups=LOOKUPS,
    version=2,
)
LENIENT = compile_mapping(
    [
        node("s", "string", "$.a"),
        node("ss", "stringarray", "$.b[*].c"),
        node("k", "string", "{{record.a}}", default=None),
    ],
    version=2,
)
FIRST = compile_mapping(
    {
        "fields": [
            {"extract": "a", "generate": "x.n", "dataType": "number"},
            {"extract": "b", "generate": "x.copy"},
            {"extract": "b.c", "generate": "x.copy.c", "default": ""},
            {"extract": "{{a}}{{record.b}}", "generate": "t"},
            {"extract": "c", "generate": "l", "lookupName": "d"},
        ],
        "lists": [
            {"generate": "l1", "fields": [{"extract": "d[*].a", "generate": "a"}, {"extract": "c", "generate": "c.c"}]}
        ],
    },
    lookups=LOOKUPS,
    version=1,
)


def context() -> RecordContext:
    return RecordContext(lookup=lambda name, key, record: {"v": key})


def alone(mapper: Mapper, record: Any) -> Any:
    try:
        return mapper(copy.deepcopy(record), context())
    except MappingError as error:
        return str(error)


@given(RECORDS, st.sampled_from([FIRST, SECOND, LENIENT]))
def test_a_page_is_its_records_each_alone(records: list[Any], mapper: Mapper) -> None:
    before = copy.deepcopy(records)
    page = mapper.map_page(records, context())
    assert records == before
    assert [str(item) if isinstance(item, MappingError) else item for item in page] == [
        alone(mapper, r) for r in before
    ]


@given(RECORDS)
def test_a_bad_record_among_good_ones_is_one_error(records: list[Any]) -> None:
    good = [{"a": 1, "b": {"c": "x"}, "c": "t", "d": "2026-01-01"}, {"a": "3", "b": {"c": 4}, "c": True, "d": "2025"}]
    strict = compile_mapping([node("n", "number", "$.a"), node("b", "boolean", "$.c")], version=2)
    page = strict.map_page([good[0], *records, {"a": [1]}, good[1]])
    assert page[0] == {"n": 1, "b": True} and page[-1] == {"n": 3, "b": True}
    assert isinstance(page[-2], MappingError)
    assert len(page) == len(records) + 3


@given(RECORDS)
def test_a_mapping_that_takes_any_value_never_fails(records: list[Any]) -> None:
    lenient = compile_mapping([node("s", "string", "$.a"), node("ss", "stringarray", "$.b")], version=2)
    assert all(isinstance(item, dict) for item in lenient.map_page(records))


@given(st.text(min_size=1, max_size=12) | st.just("x'] = __import__('os'); o['"), JSON)
def test_any_name_is_a_name_and_never_code(name: str, value: Any) -> None:
    documents = [node(name, "stringarray", "$", default=[]), node(f"_{name}", "string", "$.v", default="")]
    if not set(name) & set("'\"[]*?"):
        documents.append(node(f"-{name}", "string", f"$.['{name}']", default=None))
    mapped = compile_mapping(documents, version=2)({"v": value, name: "here"})
    assert set(mapped) == {document["generate"] for document in documents}
    assert mapped.get(f"-{name}", "here") == "here"
