import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.conditions.celigo import compile_filter
from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError, FilterError

RECORD = {
    "type": "SKU", "qty": "12", "n": 5, "zero": 0, "yes": True, "name": "Ann Lee", "blank": "", "none": None,
    "when": "2026-01-31", "tags": ["a", 5], "empty_list": [], "o": {"x": [{"y": "deep"}]},
    "big": "12345678901234567890",
}  # fmt: skip


def field(path: str) -> list[str]:
    return ["extract", path]


def keeps(rule: list[Any], record: Any = RECORD, context: RecordContext | None = None) -> bool:
    return compile_filter({"type": "expression", "expression": {"version": "1", "rules": rule}})(record, context)


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        (["equals", field("type"), "SKU"], True),
        (["EQUALS", field("type"), "SKU"], True),
        (["equals", field("type"), "sku"], False),
        (["notequals", field("type"), "sku"], True),
        (["equals", field("qty"), 12], True),
        (["equals", field("qty"), "12.0"], True),
        (["equals", ["string", field("qty")], "12.0"], False),
        (["equals", field("big"), "12345678901234567891"], False),
        (["equals", field("missing"), None], True),
        (["equals", field("none"), None], True),
        (["equals", field("missing"), ""], False),
        (["equals", ["string", field("missing")], ""], True),
        (["notequals", field("missing"), None], False),
        (["equals", field("yes"), True], True),
        (["equals", field("yes"), "true"], True),
        (["equals", ["boolean", field("yes")], True], True),
        (["equals", ["boolean", " T "], True], True),
        (["equals", ["boolean", 0], False], True),
        (["equals", field("o.x[0].y"), "deep"], True),
        (["equals", field("tags"), field("tags")], True),
        (["greaterthan", field("n"), 4], True),
        (["greaterthan", field("n"), 5], False),
        (["greaterthanequals", field("n"), 5], True),
        (["lessthan", field("qty"), 100], True),
        (["lessthan", field("qty"), "9"], True),
        (["lessthan", ["number", field("qty")], "9"], False),
        (["lessthanequals", field("when"), "2026-02-01"], True),
        (["greaterthan", field("missing"), 0], False),
        (["lessthan", field("missing"), 0], False),
        (["lessthan", field("name"), 5], False),
        (["contains", field("name"), "Lee"], True),
        (["contains", field("name"), "lee"], False),
        (["contains", ["lowercase", field("name")], "lee"], True),
        (["contains", field("tags"), "5"], True),
        (["contains", field("tags"), "6"], False),
        (["contains", field("missing"), "x"], False),
        (["doesnotcontain", field("missing"), "x"], True),
        (["doesnotcontain", field("name"), "Ann"], False),
        (["startswith", field("name"), "Ann"], True),
        (["endswith", ["uppercase", field("name")], "LEE"], True),
        (["startswith", field("qty"), 1], True),
        (["matches", field("name"), "Lee"], True),
        (["matches", field("name"), "^A.+e$"], True),
        (["matches", field("name"), "^Lee"], False),
        (["matches", "a[b", "[b"], True),
        (["empty", field("blank")], True),
        (["isempty", field("missing")], True),
        (["empty", field("empty_list")], True),
        (["empty", field("zero")], False),
        (["notempty", field("name"), "ignored"], True),
        (["isnotempty", field("none")], False),
        (["anyof", field("type"), ["KIT", "SKU"]], True),
        (["anyof", field("n"), ["5"]], True),
        (["anyof", field("type"), []], False),
        (["not", ["equals", field("n"), 5]], False),
        (["not", ["and", ["equals", field("n"), 5], ["equals", field("n"), 6]]], True),
        (["or", ["equals", field("n"), 1], ["equals", field("n"), 5]], True),
        (["and", ["notempty", field("n")]], True),
        (["equals", ["number", field("name")], 5], False),
        (["notequals", ["number", field("name")], 5], False),
        (["equals", ["floor", 2.9], ["ceiling", 1.1]], True),
        (["equals", ["abs", ["number", "-3"]], 3], True),
        (["greaterthan", ["epochtime", field("when")], ["epochtime", "2026-01-01T00:00:00Z"]], True),
        (["equals", ["epochtime", "1970-01-01T00:00:01Z"], 1000], True),
        (["equals", ["epochtime", "never"], 0], False),
    ],
)
def test_each_operator_and_wrapper_answers_as_documented(rule: list[Any], answer: bool) -> None:
    assert keeps(rule) is answer


def test_settings_and_run_values_come_from_the_context() -> None:
    context = RecordContext(scope={"settings": {"flow": {"x": 3}}}, values={"lastExportDateTime": "2026-01-01"})
    assert keeps(["equals", ["settings", "flow.x"], 3], context=context)
    assert keeps(["greaterthan", field("when"), ["context", "lastExportDateTime"]], context=context)
    assert keeps(["empty", ["settings", "flow.x"]])


@pytest.mark.parametrize("document", [None, {}, {"rules": []}, {"type": "expression", "expression": {"rules": None}}])
def test_without_rules_everything_passes(document: Any) -> None:
    assert compile_filter(document)(RECORD)


def test_older_documents_carry_their_rules_at_the_top() -> None:
    assert compile_filter({"version": "1", "rules": ["equals", field("n"), 5]})(RECORD)


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        (["equal", field("a"), 1], "filter.rules[0]"),
        (["and", ["equals", field("a"), 1], ["is", 1]], "filter.rules[2][0]"),
        (["equals", field("a")], "filter.rules"),
        (["equals", ["field", "a"], 1], "filter.rules[1][0]"),
        (["equals", ["extract", "a[?(@.x)]"], 1], "filter.rules[1][1]"),
        (["equals", ["settings", "x"], 1], "filter.rules[1][1]"),
        (["equals", {"a": 1}, 1], "filter.rules[1]"),
        (["anyof", field("a"), "x"], "filter.rules"),
        (["and"], "filter.rules"),
        ("equals", "filter.rules"),
        ([["equals", 1, 1]], "filter.rules"),
    ],
)
def test_a_wrong_rule_is_refused_where_it_stands(rules: Any, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_filter({"rules": rules})
    assert caught.value.path == path


def test_endless_nesting_is_refused() -> None:
    rule: list[Any] = ["equals", 1, 1]
    for _ in range(5_000):
        rule = ["not", rule]
    with pytest.raises(DocumentError, match="deep"):
        compile_filter({"rules": rule})


def test_a_boolean_of_what_is_none_is_an_error_of_the_record() -> None:
    with pytest.raises(FilterError, match="not a boolean"):
        keeps(["equals", ["boolean", field("name")], True])


def test_a_pattern_that_never_ends_is_stopped() -> None:
    started = time.monotonic()
    with pytest.raises(FilterError, match="takes longer"):
        keeps(["matches", "a" * 60 + "!", "^(a|aa|a?a)+$(?=b)|^((a+)+)+b$"])
    assert time.monotonic() - started < 5


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ORDERS = [("lessthan", "greaterthanequals"), ("lessthanequals", "greaterthan")]


@given(SCALARS, SCALARS)
def test_notequals_is_the_opposite_of_equals_and_both_are_symmetric(left: Any, right: Any) -> None:
    assert keeps(["equals", left, right]) is not keeps(["notequals", left, right])
    assert keeps(["equals", left, right]) is keeps(["equals", right, left])


@given(st.integers() | st.text(max_size=5), st.integers() | st.text(max_size=5), st.sampled_from(ORDERS))
def test_two_orders_never_both_hold(left: Any, right: Any, names: tuple[str, str]) -> None:
    below, above = (keeps([name, left, right]) for name in names)
    assert not (below and above)
    if type(left) is type(right):
        assert below or above
