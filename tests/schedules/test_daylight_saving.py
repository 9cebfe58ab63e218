"""Literal UTC lists: what `contract` and `repair` make of a day on which the clock is changed."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.schedules.cron import parse_expression


@dataclass(frozen=True)
class Change:
    zone: str
    expression: str
    start: str  # a day, in UTC
    end: str
    contract: list[str]
    repair: list[str]

    def moments(self, dst: str) -> list[str]:
        start, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (self.start, self.end))
        second = timedelta(seconds=1)
        expression = parse_expression(self.expression)
        found = expression.between(start - second, end - second, timezone=self.zone, dst=dst)
        return [f"{moment:%dT%H:%M}" for moment in found]


CHANGES = [
    pytest.param(
        Change(
            "America/New_York", "? 30 2 * * *", "2026-03-07", "2026-03-10",
            ["07T07:30", "09T06:30"],
            ["07T07:30", "08T07:00", "09T06:30"],
        ),
        id="New York in spring",
    ),
    pytest.param(
        Change(
            "America/New_York", "? 30 1 * * *", "2026-10-31", "2026-11-03",
            ["31T05:30", "01T05:30", "01T06:30", "02T06:30"],
            ["31T05:30", "01T05:30", "02T06:30"],
        ),
        id="New York in autumn",
    ),
    pytest.param(
        Change(
            "Europe/Berlin", "? 0,30 2 ? * *", "2026-03-28", "2026-03-31",
            ["28T01:00", "28T01:30", "30T00:00", "30T00:30"],
            ["28T01:00", "28T01:30", "29T01:00", "30T00:00", "30T00:30"],
        ),
        id="Berlin in spring: two skipped times move to the same moment, and that fires once",
    ),
    pytest.param(
        Change(
            "Europe/Berlin", "? 30 2 ? * *", "2026-10-24", "2026-10-27",
            ["24T00:30", "25T00:30", "25T01:30", "26T01:30"],
            ["24T00:30", "25T00:30", "26T01:30"],
        ),
        id="Berlin in autumn",
    ),
    pytest.param(
        Change(
            "Australia/Lord_Howe", "? 15 2 ? * *", "2026-10-02", "2026-10-05",
            ["02T15:45", "04T15:15"],
            ["02T15:45", "03T15:30", "04T15:15"],
        ),
        id="Lord Howe in spring: half an hour",
    ),
    pytest.param(
        Change(
            "Australia/Lord_Howe", "? 45 1 ? * *", "2026-04-03", "2026-04-06",
            ["03T14:45", "04T14:45", "04T15:15", "05T15:15"],
            ["03T14:45", "04T14:45", "05T15:15"],
        ),
        id="Lord Howe in autumn: half an hour",
    ),
    pytest.param(
        Change(
            "Africa/Cairo", "? 30 0 ? * *", "2026-04-22", "2026-04-25",
            ["22T22:30", "24T21:30"],
            ["22T22:30", "23T22:00", "24T21:30"],
        ),
        id="Cairo in spring: the skipped hour is midnight's",
    ),
    pytest.param(
        Change(
            "Africa/Cairo", "? 30 23 ? * *", "2026-10-28", "2026-10-31",
            ["28T20:30", "29T20:30", "29T21:30", "30T21:30"],
            ["28T20:30", "29T20:30", "30T21:30"],
        ),
        id="Cairo in autumn: the day's last hour comes twice",
    ),
    pytest.param(
        Change(
            "America/Sao_Paulo", "? 0 0 ? * *", "2018-11-03", "2018-11-06",
            ["03T03:00", "05T02:00"],
            ["03T03:00", "04T03:00", "05T02:00"],
        ),
        id="Sao Paulo in the spring of 2018",
    ),
    pytest.param(
        Change(
            "America/Sao_Paulo", "? 15 23 ? * *", "2019-02-16", "2019-02-19",
            ["16T01:15", "17T01:15", "17T02:15", "18T02:15"],
            ["16T01:15", "17T01:15", "18T02:15"],
        ),
        id="Sao Paulo in the autumn of 2019",
    ),
    pytest.param(
        Change(
            "Asia/Kathmandu", "? 0 6 ? * *", "2026-03-28", "2026-03-31",
            ["28T00:15", "29T00:15", "30T00:15"],
            ["28T00:15", "29T00:15", "30T00:15"],
        ),
        id="Kathmandu never changes",
    ),
    pytest.param(
        Change(
            "Pacific/Apia", "? 0 12 ? * *", "2011-12-29", "2011-12-31",
            ["29T22:00", "30T22:00"],
            ["29T22:00", "30T10:00", "30T22:00"],
        ),
        id="Apia left out a whole day",
    ),
    pytest.param(
        Change(
            "America/St_Johns", "? 0,30 0,23 ? * *", "2006-10-29", "2006-10-30",
            ["29T01:30", "29T02:00", "29T02:30", "29T03:00", "29T03:30", "29T04:00"],
            ["29T01:30", "29T02:00", "29T02:30", "29T04:00"],
        ),
        id="St. John's in 2006: the old day comes back after the new one has begun",
    ),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_by_contract_a_repeated_time_fires_twice_and_a_skipped_one_not(change):
    assert change.moments("contract") == change.contract


@pytest.mark.parametrize("change", CHANGES)
def test_by_repair_every_wall_time_fires_once_and_a_skipped_one_moved(change):
    assert change.moments("repair") == change.repair


@pytest.mark.parametrize("dst", ["contract", "repair"])
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_an_every_half_hour_rhythm_never_pauses(dst, day):
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    found = parse_expression("? */30 * * * *").between(
        start, start + timedelta(hours=6), timezone="Europe/Berlin", dst=dst
    )
    assert found == [start + timedelta(minutes=30 * i) for i in range(1, 13)]


def test_an_unknown_zone_is_refused():
    with pytest.raises(ValueError, match="Mars/Olympus"):
        parse_expression("? 0 2 ? * *").next_after(
            datetime(2026, 1, 1, tzinfo=UTC), timezone="Mars/Olympus", dst="repair"
        )


# Around each of these days (in UTC) the zone's clock is changed.
ZONE_DAYS = st.sampled_from(
    [
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("Australia/Lord_Howe", "2026-04-04"),
        ("Australia/Lord_Howe", "2026-10-03"),
        ("Africa/Cairo", "2026-04-24"),
        ("Africa/Cairo", "2026-10-29"),
        ("America/Sao_Paulo", "2018-11-04"),
        ("America/Sao_Paulo", "2019-02-17"),
        ("America/St_Johns", "2006-10-29"),
        ("America/St_Johns", "2007-03-11"),
        ("Pacific/Apia", "2011-12-30"),
        ("Africa/Casablanca", "2026-02-15"),
        ("Asia/Kathmandu", "2026-06-01"),
    ]
)


def brute_force(
    minutes: set[int], hours: set[int], *, zone: str, start: datetime, end: datetime, dst: str
) -> list[datetime]:
    """Looks at every minute of the clock, one by one."""
    info = ZoneInfo(zone)
    margin = timedelta(days=2)
    span = int((end - start + 2 * margin) / timedelta(minutes=1))
    clock = [start - margin + timedelta(minutes=i) for i in range(span)]
    shown: dict[datetime, list[datetime]] = {}
    for moment in clock:
        shown.setdefault(moment.astimezone(info).replace(tzinfo=None), []).append(moment)
    order = sorted(shown)
    walls = [order[0] + timedelta(minutes=i) for i in range(int((order[-1] - order[0]) / timedelta(minutes=1)))]
    found = set()
    for naive in walls:
        if naive.minute not in minutes or naive.hour not in hours:
            continue
        if dst == "contract" or len(hours) == 24:
            found.update(shown.get(naive, []))
        elif naive in shown:
            found.add(shown[naive][0])
        else:
            found.add(shown[order[bisect_right(order, naive)]][0])
    return sorted(moment for moment in found if start < moment <= end)


@settings(max_examples=60, deadline=None)
@given(
    zone_day=ZONE_DAYS,
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=4),
    hours=st.one_of(st.sets(st.integers(0, 23), min_size=1, max_size=6), st.just(set(range(24)))),
    shift=st.integers(-1500, 1500),
    dst=st.sampled_from(["contract", "repair"]),
)
def test_every_rhythm_agrees_with_a_look_at_every_minute(zone_day, minutes, hours, shift, dst):
    zone, day = zone_day
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=shift)
    end = start + timedelta(days=1, hours=6)
    text = f"? {','.join(map(str, sorted(minutes)))} {','.join(map(str, sorted(hours)))} ? * *"
    found = parse_expression(text).between(start, end, timezone=zone, dst=dst)
    assert found == brute_force(minutes, hours, zone=zone, start=start, end=end, dst=dst)


@pytest.mark.parametrize("count", [1, 3, 50])
def test_the_latest_moments_of_a_long_span_are_the_tail_of_all(count):
    expression = parse_expression("? 0 9 ? * 1-5")
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    every = expression.between(start, end, timezone="Europe/Berlin", dst="repair")
    assert expression.latest(start, end, timezone="Europe/Berlin", dst="repair", count=count) == every[-count:]
    assert len(every) > 100
