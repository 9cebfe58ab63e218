from datetime import UTC, datetime

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.schedules.cron import parse_expression


def first_moments(text: str, *, start: str = "2026-01-01T00:00", count: int = 4) -> list[str]:
    moment, found = datetime.fromisoformat(start).replace(tzinfo=UTC), []
    for _ in range(count):
        moment = parse_expression(text).next_after(moment, timezone="UTC", dst="contract")
        found.append(f"{moment:%Y-%m-%dT%H:%M}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("? 0 2 ? * *", ["2026-01-01T02:00", "2026-01-02T02:00", "2026-01-03T02:00", "2026-01-04T02:00"]),
        ("? */15 * * * *", ["2026-01-01T00:15", "2026-01-01T00:30", "2026-01-01T00:45", "2026-01-01T01:00"]),
        ("? 7-59/15 * * * *", ["2026-01-01T00:07", "2026-01-01T00:22", "2026-01-01T00:37", "2026-01-01T00:52"]),
        ("? 7/15 * * * *", ["2026-01-01T00:07", "2026-01-01T00:22", "2026-01-01T00:37", "2026-01-01T00:52"]),
        ("? 5 0,6,12,18 ? * *", ["2026-01-01T00:05", "2026-01-01T06:05", "2026-01-01T12:05", "2026-01-01T18:05"]),
        ("? 0 9 ? * 1-5", ["2026-01-01T09:00", "2026-01-02T09:00", "2026-01-05T09:00", "2026-01-06T09:00"]),
        ("? 0 9 ? * mon-fri", ["2026-01-01T09:00", "2026-01-02T09:00", "2026-01-05T09:00", "2026-01-06T09:00"]),
        ("? 0 0 ? * 0", ["2026-01-04T00:00", "2026-01-11T00:00", "2026-01-18T00:00", "2026-01-25T00:00"]),
        ("? 0 0 ? * 7", ["2026-01-04T00:00", "2026-01-11T00:00", "2026-01-18T00:00", "2026-01-25T00:00"]),
        ("? 0 0 ? * 5-7", ["2026-01-02T00:00", "2026-01-03T00:00", "2026-01-04T00:00", "2026-01-09T00:00"]),
        ("? 0 0 L * ?", ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00", "2026-04-30T00:00"]),
        ("? 0 0 1,L FEB ?", ["2026-02-01T00:00", "2026-02-28T00:00", "2027-02-01T00:00", "2027-02-28T00:00"]),
        ("? 0 0 ? * 5L", ["2026-01-30T00:00", "2026-02-27T00:00", "2026-03-27T00:00", "2026-04-24T00:00"]),
        ("? 0 0 ? * FRI#2", ["2026-01-09T00:00", "2026-02-13T00:00", "2026-03-13T00:00", "2026-04-10T00:00"]),
        ("? 0 0 29 2 ?", ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00", "2040-02-29T00:00"]),
        ("? 0 0 1 jan,jul *", ["2026-07-01T00:00", "2027-01-01T00:00", "2027-07-01T00:00", "2028-01-01T00:00"]),
        # A day and a weekday: either will do, as cron has always had it.
        ("? 0 0 13 * FRI", ["2026-01-02T00:00", "2026-01-09T00:00", "2026-01-13T00:00", "2026-01-16T00:00"]),
    ],
)
def test_an_expression_names_these_moments(text, expected):
    assert first_moments(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 2 * * *", "A schedule has six fields (second minute hour day month weekday), this one has 5."),
        ("", "A schedule has six fields (second minute hour day month weekday), this one has 0."),
        ("0 0 2 ? * *", "second: must be ?, since a schedule fires on the minute; it is 0."),
        ("? 75 2 ? * *", "minute: 75 is not between 0 and 59."),
        ("? x 2 ? * *", "minute: X is no value of this field."),
        ("? ٣ 2 ? * *", "minute: ٣ is no value of this field."),
        ("? 1,,2 2 ? * *", "minute: a value is missing."),
        ("? 0 24 ? * *", "hour: 24 is not between 0 and 23."),
        ("? 0 17-9 ? * *", "hour: the range 17-9 ends before it begins."),
        ("? 0 */0 ? * *", "hour: the step of */0 must be a number from 1 to 24."),
        ("? */90 * ? * *", "minute: the step of */90 must be a number from 1 to 60."),
        ("? */ * ? * *", "minute: the step of */ must be a number from 1 to 60."),
        ("? 0 2 0 * *", "day: 0 is not between 1 and 31."),
        ("? 0 2 30 2 *", "day: 30 never comes in month 2."),
        ("? 0 2 31 4,6,9,11 ?", "day: 31 never comes in month 4,6,9,11."),
        ("? 0 2 ? 13 *", "month: 13 is not between 1 and 12."),
        ("? 0 2 ? MAI *", "month: MAI is no value of this field."),
        ("? 0 2 ? * 8", "weekday: 8 is not between 0 and 7."),
        ("? 0 2 ? * 1#6", "weekday: 1#6 must name a week of the month from 1 to 5."),
        ("? 0 2 ? * L", "weekday: L is no value of this field."),
        ("? 0 2 ? * " + "1," * 200, "A schedule is at most 200 characters long."),
    ],
)
def test_a_bad_expression_is_refused_by_a_sentence_that_names_its_field(text, sentence):
    with pytest.raises(ValueError) as caught:
        parse_expression(text)
    assert str(caught.value) == sentence


def test_an_expression_is_kept_in_one_spelling():
    assert parse_expression("  ?  0 2 ?  jan mon-fri ").text == "? 0 2 ? JAN MON-FRI"


def test_a_day_that_never_comes_on_its_weekday_ends_the_search():
    # The fifth Monday of February: leap years only, 28 years apart, and 40 around the year 2100.
    february = parse_expression("? 0 0 ? 2 MON#5")
    assert first_moments("? 0 0 ? 2 MON#5", start="2052-03-01T00:00", count=2) == [
        "2072-02-29T00:00",
        "2112-02-29T00:00",
    ]
    assert february.next_after(datetime(9990, 1, 1, tzinfo=UTC), timezone="UTC", dst="repair") is None


def test_a_time_that_only_ever_falls_into_the_gap_never_comes():
    expression = parse_expression("? 30 2 ? 3 0L")  # the last Sunday of March, when Berlin has no such time
    assert expression.next_after(datetime(2026, 1, 1, tzinfo=UTC), timezone="Europe/Berlin", dst="contract") is None
    repaired = expression.next_after(datetime(2026, 1, 1, tzinfo=UTC), timezone="Europe/Berlin", dst="repair")
    assert repaired == datetime(2026, 3, 29, 1, tzinfo=UTC)


def field(low: int, high: int, extra: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    # cronsim reads `3-3/2` as `3/2`, so a range has two ends here.
    pair = st.sets(value, min_size=2, max_size=2).map(sorted)
    step = st.integers(1, min(high, 30))
    term = st.one_of(
        value.map(str),
        pair.map(lambda p: f"{p[0]}-{p[1]}"),
        step.map(lambda s: f"*/{s}"),
        st.tuples(value, step).map(lambda t: f"{t[0]}/{t[1]}"),
        st.tuples(pair, step).map(lambda t: f"{t[0][0]}-{t[0][1]}/{t[1]}"),
        *([st.sampled_from(extra)] if extra else []),
    )
    return st.one_of(st.just("*"), st.lists(term, min_size=1, max_size=3).map(",".join))


@settings(max_examples=150, deadline=None)
@given(
    fields=st.tuples(
        field(0, 59),
        field(0, 23),
        field(1, 28, ("L",)),
        field(1, 12, ("JAN", "DEC")),
        field(0, 7, ("SUN", "SAT", "MON#1", "5L", "7L")),
    ),
    start=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
)
@example(fields=("0", "0", "*/29", "2", "MON"), start=datetime(2026, 1, 1))
@example(fields=("0", "0", "1", "*", "5/2"), start=datetime(2026, 1, 1))
def test_the_calendar_agrees_with_an_independent_cron(fields, start):
    theirs = CronSim(" ".join(fields), start)
    expected = [f"{next(theirs):%Y-%m-%dT%H:%M}" for _ in range(5)]
    assert first_moments("? " + " ".join(fields), start=start.isoformat(), count=5) == expected
