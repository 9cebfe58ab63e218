"""Celigo documents 2.3, row by row. The time is always given: the engine reads no clock."""

from datetime import UTC, datetime

import pytest

from apps.engine.templates import RenderEnv, TemplateError, compile

NOW = datetime(2026, 1, 31, 5, 6, 7, 89_000, tzinfo=UTC)
SCOPE = {"record": {"at": "2025-03-26T12:34:56Z", "ms": 1742992496000, "none": None, "naive": "2025-03-26 12:34:56"}}

ROWS = [
    ('dateFormat "MM/DD/YYYY HH:mm" record.at "" "Asia/Hong_Kong"', "03/26/2025 20:34"),
    ('dateFormat "MM/DD/YYYY HH:mm" record.at "Asia/Hong_Kong"', "03/26/2025 20:34"),
    ('dateFormat "HH:mm" record.at "US/Eastern"', "08:34"),
    ('dateFormat "YYYY-MM-DD HH:mm" record.at', "2025-03-26 12:34"),
    ('dateFormat "HH:mm" record.naive "" "Asia/Hong_Kong"', "20:34"),
    ('dateFormat "YYYY-MM-DD" "31/01/2026" "DD/MM/YYYY"', "2026-01-31"),
    ('dateFormat "[day] D" record.at', "day 26"),
    ('dateFormat "X" record.at', "1742992496"),
    ('dateFormat "YYYY" record.ms', "2025"),
    ('dateFormat "YYYY" "soon"', "Invalid date"),
    ('dateFormat "YYYY" record.none', ""),
    ('dateFormat "YYYY" ""', ""),
    ('dateAdd "2025-03-26T00:00:00Z" "86400000" "Asia/Hong_Kong"', "2025-03-27T08:00:00.000+08:00"),
    ('dateAdd "2025-03-26T00:00:00Z" 86400000', "2025-03-27T00:00:00.000Z"),
    ('dateAdd "2025-03-26T00:00:00Z"', "2025-03-26T00:00:00.000Z"),
    ('dateAdd "2025-03-26T00:00:00Z" "1E6"', "2025-03-26T00:16:40.000Z"),
    ('dateAdd "2025-03-26T00:00:00Z" -1', "2025-03-25T23:59:59.999Z"),
    ('dateAdd "03/26/2025" 0', "2025-03-26T00:00:00.000Z"),
    ('dateAdd "Wed, 26 Mar 2025 01:02:03 +0100" 0', "2025-03-26T00:02:03.000Z"),
    ('dateAdd "soon" 0', "Invalid date"),
    ('dateAdd record.at "much"', "Invalid date"),
    ('dateAdd record.at "1e300"', "Invalid date"),
    ("dateAdd record.none 5", ""),
    ('timestamp "YYYY-MM-DD"', "2026-01-31"),
    ("timestamp", "2026-01-31T05:06:07.089Z"),
    ('timestamp "YYYY-MM-DDTHH:mm:ss.SSSZ" "America/New_York"', "2026-01-31T00:06:07.089-05:00"),
    ('date "YYYY-MM"', "2026-01"),
    ('lowercase (timestamp "MMM")', "jan"),
]


@pytest.mark.parametrize(("call", "expected"), ROWS)
def test_a_date_helper_gives_what_its_row_says(call: str, expected: str) -> None:
    assert compile("{{{" + call + "}}}", "handlebars").render(SCOPE, env=RenderEnv(now=NOW)) == expected


def test_a_field_named_date_wins_over_the_undocumented_alias() -> None:
    template = compile("{{date}}", "handlebars")
    assert template.render({"date": "today"}, env=RenderEnv(now=NOW)) == "today"
    assert template.render({}, env=RenderEnv(now=NOW)) == "2026-01-31T05:06:07.089Z"


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(TemplateError, match="Mars/Base"):
        compile('{{timestamp "YYYY" "Mars/Base"}}', "handlebars").render({}, env=RenderEnv(now=NOW))


def test_without_a_time_the_template_fails_instead_of_reading_the_clock() -> None:
    with pytest.raises(TemplateError, match="timestamp: the time is not known"):
        compile("{{timestamp}}", "handlebars").render({})
