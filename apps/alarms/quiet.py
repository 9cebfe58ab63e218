"""Quiet hours: from a time of day until another, in a zone, on all days or some. They may pass midnight.

A span belongs to the day it begins on. Clock changes are the zone's: 22:00 until 07:00 is what the wall says.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from apps.engine.dates.zones import is_zone, resolve_zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True)
class QuietHours:
    begin: time
    end: time
    zone: str = "UTC"
    days: tuple[str, ...] = DAYS

    def until(self, moment: datetime) -> datetime | None:
        """When they end that hold at a moment; None where none do. Spans that meet are one."""
        ends = self._span_end(moment)
        while ends is not None:
            following = self._span_end(ends)
            if following is None or following - moment > timedelta(days=8):
                return ends
            ends = following
        return None

    def _span_end(self, moment: datetime) -> datetime | None:
        today = moment.astimezone(resolve_zone(self.zone)).date()
        for day in (today - timedelta(days=1), today):
            if DAYS[day.weekday()] in self.days:
                begins, ends = self._span(day)
                if begins <= moment < ends:
                    return ends
        return None

    def _span(self, day: date) -> tuple[datetime, datetime]:
        zone = resolve_zone(self.zone)
        last = day if self.begin < self.end else day + timedelta(days=1)
        begins, ends = (datetime.combine(d, t, zone) for d, t in ((day, self.begin), (last, self.end)))
        return begins.astimezone(UTC), ends.astimezone(UTC)


def check_quiet(value: Mapping[str, Any] | None, *, fail: Callable[[str, str], None]) -> None:
    if value is None:
        return
    for name in ("from", "until"):
        if not CLOCK.fullmatch(value.get(name) or ""):
            fail(f"quietHours.{name}", "must be a time of day such as 22:00.")
    if value.get("from") == value.get("until"):
        fail("quietHours.until", "must be another time than from.")
    if not is_zone(value.get("timezone") or "UTC"):
        fail("quietHours.timezone", "must be the name of a time zone such as Europe/Helsinki.")
    days = value.get("days")
    if days is not None and (not days or set(days) - set(DAYS)):
        fail("quietHours.days", f"must be some of {', '.join(DAYS)}.")


def read_quiet(value: Mapping[str, Any] | None) -> QuietHours | None:
    if value is None:
        return None
    begin, end = (time.fromisoformat(value[name]) for name in ("from", "until"))
    return QuietHours(begin, end, zone=zone_of(value), days=tuple(value.get("days") or DAYS))


def zone_of(value: Mapping[str, Any] | None) -> str:
    return ((value or {}).get("timezone") or "UTC").strip()
