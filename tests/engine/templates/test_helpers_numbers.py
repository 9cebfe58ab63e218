"""Celigo documents 2.2, row by row."""

import re

import pytest

from apps.engine.templates import RenderEnv, TemplateError, compile

SCOPE = {"record": {"list": [2, "5", 2], "n": 7, "none": None, "big": 1e21, "empty": []}}

ROWS = [
    ("abs -2.8", "2.8"),
    ("ceil -2.8", "-2"),
    ("floor -2.8", "-3"),
    ("round -2.8", "-3"),
    ("round 2.5", "3"),
    ("round -2.5", "-2"),
    ('abs "-3"', "3"),
    ('ceil "x"', "NaN"),
    ("floor record.none", "NaN"),
    ("round true", "NaN"),
    ('add "2" "5"', "7"),
    ("add 0.1 0.2", "0.30000000000000004"),
    ("add 1 2 3", "6"),
    ('add 1 "x"', "NaN"),
    ("sum 1 2 3", "6"),
    ("sum record.list", "9"),
    ("sum record.empty", "0"),
    ("avg 2 5 2", "3"),
    ("avg record.list", "3"),
    ("avg record.empty", "NaN"),
    ("subtract 5 7", "-2"),
    ('multiply "2" 3.5', "7"),
    ('divide "2002" "100"', "20.02"),
    ("divide 1 0", "Infinity"),
    ("divide -1 0", "-Infinity"),
    ("divide 0 0", "NaN"),
    ("modulo 7 3", "1"),
    ("modulo -7 3", "-1"),
    ("modulo 7 0", "NaN"),
    ("toFixed 29.7777 2", "29.78"),
    ("toFixed 29 2", "29.00"),
    ("toFixed 1.005 2", "1.00"),
    ("toFixed 2.5", "3"),
    ("toFixed -2.5 0", "-3"),
    ('toFixed "x" 2', "NaN"),
    ("toPrecision 123 2", "1.2e+2"),
    ("toPrecision 1234567 6", "1.23457e+6"),
    ("toPrecision 0.000123 2", "0.00012"),
    ("toPrecision 12.5 4", "12.50"),
    ("toPrecision 7", "7"),
    ("toExponential 12345 2", "1.23e+4"),
    ("toExponential 12345", "1.2345e+4"),
    ("toExponential 0 2", "0.00e+0"),
    ("bytes 13661855", "13.66 MB"),
    ("bytes 13661855 0", "14 MB"),
    ("bytes 825399", "825.4 kB"),
    ("bytes 512", "512 B"),
    ('bytes "abc"', "3 B"),
    ("bytes 2000000000000", "2 TB"),
    ("bytes 0", "0 B"),
    ("addCommas 1234567.5", "1,234,567.5"),
    ("addCommas -1234", "-1,234"),
    ("addCommas 123", "123"),
    ('addCommas "x"', ""),
    ("ordinalize 22", "22nd"),
    ("ordinalize 11", "11th"),
    ("ordinalize 1", "1st"),
    ("ordinalize 113", "113th"),
    ('ordinalize "3"', "3rd"),
    ("ordinalize 0", "0th"),
    ("ordinalize -1", ""),
    ("ordinalize 1.5", ""),
]


@pytest.mark.parametrize(("call", "expected"), ROWS)
def test_a_number_helper_gives_what_its_row_says(call: str, expected: str) -> None:
    assert compile("{{{" + call + "}}}", "handlebars").render(SCOPE) == expected


@pytest.mark.parametrize("call", ["toFixed 1 101", "toPrecision 1 0", "toExponential 1 -1", 'random "dice"'])
def test_an_impossible_request_is_an_error_that_names_the_helper(call: str) -> None:
    with pytest.raises(TemplateError, match=f"^{call.split(maxsplit=1)[0]}: .*line 1, column 1"):
        compile("{{{" + call + "}}}", "handlebars").render({})


@pytest.mark.parametrize(
    ("call", "pattern"),
    [
        ('random "number" 4', r"[0-9]{4}"),
        ('random "NUMBER" 40', r"[0-9]{40}"),
        ('random "crypto"', r"[0-9a-f]{32}"),
        ('random "CRYPTO" 5', r"[0-9a-f]{5}"),
        ('random "uuid"', r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    ],
)
def test_random_text_has_the_form_that_was_asked_for(call: str, pattern: str) -> None:
    assert re.fullmatch(pattern, compile("{{{" + call + "}}}", "handlebars").render({}))


def test_randomness_comes_from_the_environment() -> None:
    env = RenderEnv(random_bytes=lambda count: b"\xab" * count)
    assert compile('{{random "crypto" 4}}', "handlebars").render({}, env=env) == "abab"
