"""JavaScript's value rules, checked against values Node prints."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine import javascript_values as js

NUMBERS = [
    (0.0, "0"),
    (-0.0, "0"),
    (7.0, "7"),
    (0.1 + 0.2, "0.30000000000000004"),
    (1e21, "1e+21"),
    (123456789012345680000.0, "123456789012345680000"),
    (1e-6, "0.000001"),
    (1e-7, "1e-7"),
    (1.5e-9, "1.5e-9"),
    (-1.25e30, "-1.25e+30"),
    (5e-324, "5e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (math.nan, "NaN"),
    (math.inf, "Infinity"),
    (-math.inf, "-Infinity"),
]


@pytest.mark.parametrize(("number", "text"), NUMBERS)
def test_a_double_prints_as_in_javascript(number: float, text: str) -> None:
    assert js.number_text(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_double_reads_back_as_itself(number: float) -> None:
    assert float(js.number_text(number)) == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (12345678901234567890, "12345678901234567890"),
        (10**30, "1e+30"),
        ([1, [2, None], "a", {}], "1,2,,a,[object Object]"),
        ({"a": 1}, "[object Object]"),
        (Decimal("1.50"), "1.50"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (b"ab", "ab"),
    ],
)
def test_text_of_values(value: Any, text: str) -> None:
    assert js.to_text(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("", 0),
        (" 12 ", 12),
        ("1e3", 1000),
        (".5", 0.5),
        ("0x1F", 31),
        ("0b11", 3),
        ("-Infinity", -math.inf),
        (True, 1),
        ([], 0),
        (["5"], 5),
    ],
)
def test_numbers_of_values(value: Any, number: float) -> None:
    assert js.to_number(value) == number


@pytest.mark.parametrize("value", ["1_000", "12px", "1,5", "٣", None, {}, [1, 2], "+-1", "nan", "inf"])
def test_what_is_no_number_is_nan(value: Any) -> None:
    assert math.isnan(js.to_number(value))


@pytest.mark.parametrize("value", ["", " ", True, [], None, "x"])
def test_helpers_take_only_numbers_and_numeric_text(value: Any) -> None:
    assert math.isnan(js.numeric(value))


EQUALITIES = [
    (1, "1", True, False),
    (1, 1.0, True, True),
    (0, "", True, False),
    (0, None, False, False),
    (None, None, True, True),
    (True, 1, True, False),
    (True, "1", True, False),
    ("a", "a", True, True),
    ("true", True, False, False),
    ([1], "1", True, False),
    ([1], [1], False, False),
    ({}, "[object Object]", True, False),
    (math.nan, math.nan, False, False),
]


@pytest.mark.parametrize(("left", "right", "loose", "strict"), EQUALITIES)
def test_equality_loose_and_strict(left: Any, right: Any, loose: bool, strict: bool) -> None:
    assert (js.loosely_equal(left, right), js.loosely_equal(right, left)) == (loose, loose)
    assert (js.strictly_equal(left, right), js.strictly_equal(right, left)) == (strict, strict)


@pytest.mark.parametrize(
    ("value", "truth"),
    [(0, False), ("", False), (None, False), (math.nan, False), (False, False), ("0", True), ([], True), ({}, True)],
)
def test_truth(value: Any, truth: bool) -> None:
    assert js.is_true(value) is truth


def test_text_compares_as_text_and_numbers_as_numbers() -> None:
    assert js.less_than("100", "50")
    assert not js.less_than(100, "50")
    assert js.at_most("a", "a")
    assert not js.less_than(None, 5)


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [(1.45, 1, "1.4"), (1.005, 2, "1.00"), (-1.5, 0, "-2"), (0.5, 0, "1"), (1e21, 2, "1e+21"), (-0.0001, 2, "-0.00")],
)
def test_fixed_digits(number: float, digits: int, text: str) -> None:
    assert js.to_fixed(number, digits) == text


def test_rounding_takes_halves_up() -> None:
    assert [js.round_half_up(number) for number in (2.5, -2.5, 0.49999999999999994, 2.4)] == [3, -2, 0, 2]
