"""Celigo documents 2.1, row by row."""

import pytest

from apps.engine.templates import TemplateError, compile

SCOPE = {
    "record": {
        "tags": ["b", "c"],
        "deep": {"a": 1},
        "none": None,
        "blank": "   ",
        "n": 7,
        "html": "<b>Hi</b>",
        "long": "x" * 999_999,
    }
}

ROWS = [
    ('uppercase "new iT"', "NEW IT"),
    ('lowercase "new iT"', "new it"),
    ('capitalize "new iT"', "New iT"),
    ('capitalizeAll "new iT"', "New IT"),
    ("uppercase record.none", ""),
    ("capitalize record.none", ""),
    ("capitalizeAll record.none", ""),
    ("uppercase record.tags", "B,C"),
    ("uppercase true", "TRUE"),
    ("lowercase 12", "12"),
    ("uppercase record.deep", "[OBJECT OBJECT]"),
    ('camelcase "version-2_1-final"', "version21Final"),
    ('pascalcase "version-2_1-final"', "Version21Final"),
    ('camelcase "HELLO&WORLD"', "helloWorld"),
    ('camelcase "  spaced out "', "spacedOut"),
    ("camelcase record.none", ""),
    ('snakecase "getUserProfile x"', "get_user_profile_x"),
    ('dashcase "getUserProfile x"', "get-user-profile-x"),
    ('dotcase "getUserProfile x"', "get.user.profile.x"),
    ('pathcase "getUserProfile x"', "get/user/profile/x"),
    ('snakecase "a -_ b"', "a_b"),
    ('snakecase "--ends--"', "ends"),
    ('snakecase "room101b"', "room101b"),
    ('snakecase "parseHTTPBody"', "parse_http_body"),
    ('sentence "hi API. bye"', "Hi api. Bye"),
    ('sentence "one! two? three"', "One! Two? Three"),
    ('trim " a "', "a"),
    ('trimLeft " a "', "a "),
    ('trimRight " a "', " a"),
    ("trim record.blank", ""),
    ('chop "_-A_B- "', "A_B"),
    ('chop "!?"', ""),
    ('padLeft "7" 3 "0"', "007"),
    ('padRight "7" 3 "0"', "700"),
    ('padLeft record.n 3 "0"', "007"),
    ('padLeft "7" 3', "  7"),
    ('padLeft "7" 6 "ab"', "ababa7"),
    ('padRight "7" 6 "ab"', "7ababa"),
    ('padLeft "7"', "7"),
    ('padLeft "7" 0 "0"', "7"),
    ('padLeft "7" -3 "0"', "7"),
    ('padLeft "7" "many" "0"', "7"),
    ('padLeft "7" 3.9 "0"', "007"),
    ('padLeft "long" 2 "0"', "long"),
    ('replace "a.a" "." "-"', "a-a"),
    ('replace "a.a.a" "a" "$&"', "$&.$&.$&"),
    ('replace "Aa" "a" "b"', "Ab"),
    ('replace "abc" "" "-"', "abc"),
    ('replacefirst "a.a" "a" "b"', "b.a"),
    ('removefirst "a.a" "a"', ".a"),
    ('split "a-b-c" "-" 1', "b"),
    ('split "a-b-c" "-"', "a"),
    ('split "a-b-c" "-" 9', ""),
    ('split "a-b-c" "-" -1', ""),
    ('split "abc" "-"', "abc"),
    ('split "abc" "-" 0', "abc"),
    ('join "-" "a" record.tags', "a-b-c"),
    ('join "-" "a" record.none "c"', "a--c"),
    ('join ", " record.tags', "b, c"),
    ('substring "Celigo" 1 4', "eli"),
    ('substring "Celigo" 4 99', "go"),
    ('substring "Celigo" -5 2', "Ce"),
    ('substring "Celigo" 3', "igo"),
    ('reverse "abc"', "cba"),
    ("reverse record.tags", "c,b"),
    ("reverse 123", "321"),
    ('occurrences "Banana" "a"', "3"),
    ('occurrences "aaa" "aa"', "1"),
    ('occurrences "Banana" "A"', "0"),
    ('occurrences "Banana" ""', "0"),
    ('truncateWords "foo bar baz" 2', "foo bar…"),
    ('truncateWords "foo bar baz" 2 "..."', "foo bar..."),
    ('truncateWords "foo bar" 2', "foo bar"),
    ('truncateWords "foo bar" 0', "…"),
    ('truncateWords "foo bar" -1', ""),
    ('truncateWords "foo bar" "x"', ""),
    ("sanitize record.html", "Hi"),
    ('sanitize "<p class=x>a</p><br/>b &amp; 1 < 2"', "ab &amp; 1 < 2"),
]


@pytest.mark.parametrize(("call", "expected"), ROWS)
def test_a_text_helper_gives_what_its_row_says(call: str, expected: str) -> None:
    assert compile("{{{" + call + "}}}", "handlebars").render(SCOPE) == expected


def test_padding_reaches_the_documented_maximum_and_no_further() -> None:
    assert len(compile('{{{padLeft "7" 999999 "0"}}}', "handlebars").render({})) == 999_999
    with pytest.raises(TemplateError, match="at most 999999"):
        compile('{{{padLeft "7" 1000000 "0"}}}', "handlebars").render({})


def test_a_replacement_that_multiplies_text_is_refused_before_it_is_made() -> None:
    with pytest.raises(TemplateError, match="grows past"):
        compile('{{{replace record.long "x" record.long}}}', "handlebars").render(SCOPE)
