from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.dates import format_iso, format_moment, parse_moment


def iso(text: object, fmt: str | None = None, tz: str | None = None) -> str:
    return format_iso(parse_moment(text, fmt, tz))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-26T12:34:56Z", "2025-03-26T12:34:56.000Z"),
        ("2025-03-26T12:34:56.5+02:00", "2025-03-26T12:34:56.500+02:00"),
        ("2025-03-26 12:34", "2025-03-26T12:34:00.000Z"),
        ("2025-03-26", "2025-03-26T00:00:00.000Z"),
        ("2025-03", "2025-03-01T00:00:00.000Z"),
        ("2025", "2025-01-01T00:00:00.000Z"),
        ("20250326T101112Z", "2025-03-26T10:11:12.000Z"),
        ("2025-W13-3", "2025-03-26T00:00:00.000Z"),
        ("2025-085", "2025-03-26T00:00:00.000Z"),
        ("03/26/2025", "2025-03-26T00:00:00.000Z"),
        ("3/26/2025 1:02:03 PM", "2025-03-26T13:02:03.000Z"),
        ("Wed, 26 Mar 2025 12:00:00 +0200", "2025-03-26T12:00:00.000+02:00"),
        ("26 Mar 2025 12:00:00 GMT", "2025-03-26T12:00:00.000Z"),
        ("26 Mar 2025 12:00 EST", "2025-03-26T12:00:00.000-05:00"),
        ("Wed Mar 26 2025 12:34:56 GMT+0100 (CET)", "2025-03-26T12:34:56.000+01:00"),
        ("Wed Mar 26 12:34:56 2025", "2025-03-26T12:34:56.000Z"),
        ("March 26th, 2025 at 9:05 am", "2025-03-26T09:05:00.000Z"),
        ("1743000000", "2025-03-26T14:40:00.000Z"),
        ("1743000000123", "2025-03-26T14:40:00.123Z"),
        (1743000000123, "2025-03-26T14:40:00.123Z"),
        ("2025-03-26T24:00:00Z", "2025-03-27T00:00:00.000Z"),
    ],
)  # fmt: skip
def test_common_forms_need_no_format(text: object, expected: str) -> None:
    assert iso(text) == expected


@pytest.mark.parametrize(
    ("text", "fmt", "expected"),
    [
        ("31/01/2026", "DD/MM/YYYY", "2026-01-31T00:00:00.000Z"),
        ("31-01-2026", "DD/MM/YYYY", "2026-01-31T00:00:00.000Z"),
        ("Jan 5th, 26 3:04 pm", "MMM Do, YY h:mm a", "2026-01-05T15:04:00.000Z"),
        ("5 september 1999", "D MMMM YYYY", "1999-09-05T00:00:00.000Z"),
        ("Monday, 5 Jan 2026", "dddd, D MMM YYYY", "2026-01-05T00:00:00.000Z"),
        ("20260131101112", "YYYYMMDDHHmmss", "2026-01-31T10:11:12.000Z"),
        ("2026-01-31T10:00Z", "YYYY-MM-DD", "2026-01-31T00:00:00.000Z"),
        ("2026-01-31", "YYYY-MM-DD HH:mm", "2026-01-31T00:00:00.000Z"),
        (
            "2026-01-31 10:00 -0500",
            "YYYY-MM-DD HH:mm ZZ",
            "2026-01-31T10:00:00.000-05:00",
        ),
        (
            "2026-01-31T10:00:01.25",
            "YYYY-MM-DD[T]HH:mm:ss.SSS",
            "2026-01-31T10:00:01.250Z",
        ),
        ("1743000000", "X", "2025-03-26T14:40:00.000Z"),
        (1743000000, "X", "2025-03-26T14:40:00.000Z"),
        ("1743000000123", "x", "2025-03-26T14:40:00.123Z"),
        ("2026-034", "YYYY-DDDD", "2026-02-03T00:00:00.000Z"),
        ("2026 Q3", "YYYY [Q]Q", "2026-07-01T00:00:00.000Z"),
        ("2026-06-2", "GGGG-WW-E", "2026-02-03T00:00:00.000Z"),
        ("2026-06-2", "gggg-ww-e", "2026-02-03T00:00:00.000Z"),
        ("2026-01-31 930", "YYYY-MM-DD Hmm", "2026-01-31T09:30:00.000Z"),
        ("02/03/2026", "L", "2026-02-03T00:00:00.000Z"),
        ("1/1/70", "M/D/YY", "1970-01-01T00:00:00.000Z"),
        ("1/1/68", "M/D/YY", "2068-01-01T00:00:00.000Z"),
    ],
)
def test_a_format_reads_what_it_names(text: object, fmt: str, expected: str) -> None:
    assert iso(text, fmt) == expected


@pytest.mark.parametrize(
    ("text", "fmt"),
    [
        ("garbage", None), ("", None), ("   ", None), ("2025-13-01", None), ("2025-02-29", None), ("12:61", None),
        (None, None), (True, None), ({}, None), (float("nan"), None), (float("inf"), None), (10**30, None),
        ("9" * 500, None), ("garbage", "MM/DD/YYYY"), ("2026-01-31", "MM/DD/YYYY"), ("2026-01-311", "YYYY-MM-DD"),
        ("12026-01-31", "YYYY-MM-DD"), ("31/02/2026", "DD/MM/YYYY"), ("5 Foo 2026", "D MMM YYYY"),
        ("Tuesday 5 Jan 2026", "dddd D MMM YYYY"), ("2026-01-31 25:00", "YYYY-MM-DD HH:mm"), ("2026 Q5", "YYYY [Q]Q"),
        ("13 pm 2026-01-01", "h a YYYY-MM-DD"), ("99999999999999999999", "X"), ("2026", "[2026]"),
        ("2026-01-01 +99:00", "YYYY-MM-DD Z"),
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused(text: object, fmt: str | None) -> None:
    with pytest.raises(ValueError):
        parse_moment(text, fmt)


def test_a_zone_reads_the_wall_time_and_an_offset_in_the_text_wins() -> None:
    assert iso("31/01/2026", "DD/MM/YYYY", "America/New_York") == "2026-01-31T00:00:00.000-05:00"
    assert iso("2026-01-31T00:00:00Z", None, "America/New_York") == "2026-01-30T19:00:00.000-05:00"


def test_clock_changes_skip_forward_and_repeat_the_first() -> None:
    assert iso("2026-03-29 02:30", "YYYY-MM-DD HH:mm", "Europe/Berlin") == "2026-03-29T03:30:00.000+02:00"
    assert iso("2026-10-25 02:30", "YYYY-MM-DD HH:mm", "Europe/Berlin") == "2026-10-25T02:30:00.000+02:00"


def test_a_text_without_a_date_takes_the_day_it_is_told() -> None:
    now = datetime(2026, 5, 4, 22, 0, tzinfo=UTC)
    assert format_iso(parse_moment("08:30", "HH:mm", now=now)) == "2026-05-04T08:30:00.000Z"
    assert format_iso(parse_moment("08:30", "HH:mm", "Asia/Tokyo", now=now)) == "2026-05-05T08:30:00.000+09:00"
    assert format_iso(parse_moment("08:30", "HH:mm")) == "1970-01-01T08:30:00.000Z"


@given(
    st.datetimes(
        min_value=datetime(1900, 1, 1),
        max_value=datetime(2200, 1, 1),
        timezones=st.just(UTC),
    )
)
def test_a_printed_date_reads_back(moment: datetime) -> None:
    for fmt in (
        "YYYY-MM-DDTHH:mm:ss.SSSSSSZ",
        "dddd, MMMM Do YYYY, h:mm:ss.SSSSSS a",
        "GGGG-[W]WW-E HH:mm:ss.SSSSSS",
    ):
        assert parse_moment(format_moment(moment, fmt), fmt) == moment


@given(st.text(max_size=40), st.text(alphabet="YMDdHhmsSAaZXxQwWgGEe-/: []\\", max_size=20))
def test_any_text_with_any_format_is_a_date_or_a_value_error(text: str, fmt: str) -> None:
    for given_format in (None, fmt):
        try:
            assert parse_moment(text, given_format).tzinfo is not None
        except ValueError:
            continue
