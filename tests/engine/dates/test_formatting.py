from datetime import UTC, datetime, timedelta

import pytest

from apps.engine.dates import format_iso, format_moment

MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789_123, tzinfo=UTC)  # a Tuesday

EXPECTED = {
    "M": "2", "Mo": "2nd", "MM": "02", "MMM": "Feb", "MMMM": "February", "Q": "1", "Qo": "1st",
    "D": "3", "Do": "3rd", "DD": "03", "DDD": "34", "DDDo": "34th", "DDDD": "034",
    "d": "2", "do": "2nd", "dd": "Tu", "ddd": "Tue", "dddd": "Tuesday", "e": "2", "E": "2",
    "w": "6", "wo": "6th", "ww": "06", "W": "6", "Wo": "6th", "WW": "06",
    "YY": "26", "YYYY": "2026", "gg": "26", "gggg": "2026", "GG": "26", "GGGG": "2026",
    "A": "AM", "a": "am", "H": "4", "HH": "04", "h": "4", "hh": "04", "m": "5", "mm": "05", "s": "6", "ss": "06",
    "S": "7", "SS": "78", "SSS": "789", "SSSSSS": "789123", "Z": "+00:00", "ZZ": "+0000",
    "X": "1770091506", "x": "1770091506789", "LT": "4:05 AM", "LTS": "4:05:06 AM",
    "L": "02/03/2026", "l": "2/3/2026", "LL": "February 3, 2026", "ll": "Feb 3, 2026",
    "LLL": "February 3, 2026 4:05 AM", "lll": "Feb 3, 2026 4:05 AM",
    "LLLL": "Tuesday, February 3, 2026 4:05 AM", "llll": "Tue, Feb 3, 2026 4:05 AM",
    "[at LT] H": "at LT 4", "YYYY-MM-DD[T]HH:mm[Z]": "2026-02-03T04:05Z", "YYYYMMDDHHmmss": "20260203040506",
    r"\M M": "M 2", "MM/DD/YYYY": "02/03/2026",
}  # fmt: skip


@pytest.mark.parametrize(("fmt", "text"), EXPECTED.items())
def test_every_token_prints_as_moment_does(fmt: str, text: str) -> None:
    assert format_moment(MOMENT, fmt) == text


@pytest.mark.parametrize(
    ("day", "english", "iso"),
    [
        ((2025, 12, 27), "2025-52", "2025-52"),
        (
            (2025, 12, 28),
            "2026-01",
            "2025-52",
        ),  # a Sunday begins the English week that holds 1 January
        ((2026, 1, 1), "2026-01", "2026-01"),
        ((2027, 1, 1), "2027-01", "2026-53"),
    ],
)
def test_weeks_belong_to_the_year_of_their_rule(day: tuple[int, int, int], english: str, iso: str) -> None:
    moment = datetime(*day, tzinfo=UTC)
    assert format_moment(moment, "gggg-ww") == english
    assert format_moment(moment, "GGGG-WW") == iso


def test_a_zone_moves_the_wall_time_and_not_the_instant() -> None:
    moment = datetime(2025, 3, 26, 12, 34, 56, tzinfo=UTC)
    assert format_moment(moment, "MM/DD/YYYY HH:mm", "Asia/Hong_Kong") == "03/26/2025 20:34"
    assert format_moment(moment, "HH:mm Z", "US/Eastern") == "08:34 -04:00"
    assert format_moment(moment, "HH:mm", "Etc/GMT-0") == "12:34"
    assert format_moment(moment, "HH:mm", "us/eastern") == "08:34"
    assert format_moment(moment, "X", "Asia/Hong_Kong") == format_moment(moment, "X")


@pytest.mark.parametrize(("hour", "text"), [(0, "12 am"), (11, "11 am"), (12, "12 pm"), (13, "1 pm")])
def test_noon_and_midnight_are_twelve(hour: int, text: str) -> None:
    assert format_moment(MOMENT.replace(hour=hour), "h a") == text


@pytest.mark.parametrize(
    ("day", "text"),
    [(1, "1st"), (2, "2nd"), (11, "11th"), (12, "12th"), (22, "22nd"), (23, "23rd")],
)
def test_ordinals_know_the_teens(day: int, text: str) -> None:
    assert format_moment(datetime(2026, 1, day, tzinfo=UTC), "Do") == text


def test_iso_is_what_javascript_prints() -> None:
    assert format_iso(MOMENT) == "2026-02-03T04:05:06.789Z"
    assert format_moment(MOMENT, "", "Asia/Hong_Kong") == "2026-02-03T12:05:06.789+08:00"


def test_a_naive_datetime_is_utc() -> None:
    assert format_moment(MOMENT.replace(tzinfo=None), "X") == "1770091506"


def test_an_unknown_zone_and_an_endless_format_are_refused() -> None:
    with pytest.raises(ValueError, match="Nowhere/Land"):
        format_moment(MOMENT, "X", "Nowhere/Land")
    with pytest.raises(ValueError, match="at most"):
        format_moment(MOMENT, "Y" * 1000)


def test_the_last_week_of_time_is_an_error_and_no_crash() -> None:
    with pytest.raises(ValueError, match="end of time"):
        format_moment(datetime(9999, 12, 31, tzinfo=UTC), "ww")
    with pytest.raises(ValueError, match="no date"):
        format_moment(datetime(1, 1, 1, tzinfo=UTC) + timedelta(hours=1), "YYYY", "US/Eastern")
