from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.paths import MISSING, STAR, Dialect, PathError, compile_getter, compile_setter, parse_path

RECORD = {
    "a": {"b": 1, "n": None},
    "list": [{"x": 1, "in": [{"y": "p"}, {"y": "q"}]}, {"in": [{"y": "r"}]}, {"x": 3}],
    "Odd Name": {"c.d": 5},
    "tags": {"env": "prod"},
    "7": "digit key",
}


@pytest.mark.parametrize(
    ("path", "dialect", "value"),
    [
        ("a.b", "dot", 1),
        ("a.n", "dot", None),
        ("a.z", "dot", MISSING),
        ("a.b.c", "dot", MISSING),
        ("list[0].x", "dot", 1),
        ("list.0.x", "dot", 1),
        ("list[9].x", "dot", MISSING),
        ("list[*].x", "dot", [1, 3]),
        ("list[*].in[*].y", "dot", ["p", "q", "r"]),
        ("list[*].in[0].y", "dot", ["p", "r"]),
        ("[Odd Name].[c.d]", "dot", 5),
        ("[Odd Name][c.d]", "dot", 5),
        ("tags['env']", "dot", "prod"),
        ('tags["env"]', "dot", "prod"),
        ("*.a.b", "dot", [1]),
        ("a[*].b", "dot", [1]),
        ("gone[*].b", "dot", MISSING),
        ("7", "dot", "digit key"),
        ("$", "json", RECORD),
        ("$.a.b", "json", 1),
        ("$.list[1].in[0].y", "json", "r"),
        ("$['Odd Name']['c.d']", "json", 5),
        ("$.['Odd Name'].[c.d]", "json", 5),
        ("$.list[*].x", "json", [1, 3]),
        ("a/b", "slash", 1),
        ("/list/0/x", "slash", 1),
        ("tags/env", "slash", "prod"),
    ],
)
def test_each_dialect_reads_its_paths(path: str, dialect: Dialect, value: object) -> None:
    assert compile_getter(path, dialect)(RECORD) == value


def test_rows_of_a_grouped_record_are_read_with_a_star() -> None:
    rows = [{"x": 1}, {"x": 2}]
    assert compile_getter("*.x")(rows) == [1, 2]
    assert compile_getter("$[*].x", "json")(rows) == [1, 2]
    assert compile_getter("$[*]", "json")(rows) == rows
    assert compile_getter("x")(rows) is MISSING


@pytest.mark.parametrize(
    ("path", "dialect"),
    [("", "dot"), ("a..b", "dot"), ("a.", "dot"), ("a[", "dot"), ("a[0", "dot"), ("a]b", "dot"), ("a[99999]", "dot"),
     ("a[0]b", "dot"), ("a[?(@.x)]", "json"), ("$..a", "json"), ("$.a[?(@.x>1)]", "json"), ("a.b", "json"),
     ("", "slash"), ("a//b", "slash"), ("x" * 2000, "dot")],
)  # fmt: skip
def test_what_is_no_path_is_refused(path: str, dialect: Dialect) -> None:
    with pytest.raises(PathError):
        parse_path(path, dialect)


@pytest.mark.parametrize(
    ("path", "value", "result"),
    [
        ("a", 2, {"a": 2}),
        ("a.b", 2, {"a": {"b": 2}}),
        ("[Odd Name].x", 2, {"Odd Name": {"x": 2}}),
        ("a[1].b", 2, {"a": [None, {"b": 2}]}),
        ("a[*].b", [1, 2], {"a": [{"b": 1}, {"b": 2}]}),
        ("a[*].b", 7, {"a": [{"b": 7}]}),
    ],
)
def test_a_setter_makes_what_it_needs(path: str, value: object, result: object) -> None:
    target: dict[str, Any] = {}
    compile_setter(path)(target, value)
    assert target == result


def test_a_setter_keeps_neighbours_and_touches_no_shared_container() -> None:
    shared = {"b": [{"c": 1}, {"c": 2}], "k": 0}
    target = {"a": shared}
    compile_setter("a.b[*].d")(target, [8, 9])
    compile_setter("a.b[0].c")(target, 5)
    assert target == {"a": {"b": [{"c": 5, "d": 8}, {"c": 2, "d": 9}], "k": 0}}
    assert shared == {"b": [{"c": 1}, {"c": 2}], "k": 0}


def test_a_scalar_in_the_way_gives_way() -> None:
    target: dict[str, Any] = {"a": 1}
    compile_setter("a.b")(target, 2)
    assert target == {"a": {"b": 2}}


KEYS = st.sampled_from(["a", "b", "c d", "0"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("xy", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=20,
)
SEGMENTS = st.lists(KEYS | st.integers(0, 2) | st.just(STAR), min_size=1, max_size=5)


def spelled(segments: list[Any]) -> str:
    return "$" + "".join("[*]" if s is STAR else f"[{s}]" if isinstance(s, int) else f"['{s}']" for s in segments)


def slow_values(value: Any, segments: list[Any]) -> list[Any]:
    """Every value at the end of the path, by plain recursion."""
    if not segments:
        return [value]
    head, rest = segments[0], segments[1:]
    if head is STAR:
        held = value if isinstance(value, list) else [] if value is None else [value]
        return [found for item in held for found in slow_values(item, rest)]
    if isinstance(value, dict) and str(head) in value:
        return slow_values(value[str(head)], rest)
    if isinstance(value, list) and (isinstance(head, int) or head.isdigit()) and int(head) < len(value):
        return slow_values(value[int(head)], rest)
    return []


@given(JSON, SEGMENTS)
def test_a_compiled_getter_agrees_with_a_slow_walk(value: Any, segments: list[Any]) -> None:
    found = compile_getter(spelled(segments), "json")(value)
    expected = slow_values(value, segments)
    if STAR in segments:
        assert (found or []) == expected
    else:
        assert ([] if found is MISSING else [found]) == expected


@given(st.dictionaries(KEYS, JSON), SEGMENTS.filter(lambda s: isinstance(s[0], str) and STAR not in s), JSON)
def test_what_was_set_is_read_back(target: dict[str, Any], segments: list[Any], value: Any) -> None:
    path = "".join(f"[{s}]" if isinstance(s, int) else f"['{s}']" for s in segments)
    compile_setter(path)(target, value)
    assert compile_getter(path)(target) == value


@given(st.text(alphabet="ab.[]*'\"0 $?/", max_size=12))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    for dialect in ("dot", "json", "slash"):
        try:
            segments = parse_path(text, dialect)  # type: ignore[arg-type]
        except PathError:
            continue
        assert isinstance(segments, tuple)
