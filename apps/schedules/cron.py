"""The six-field form `second minute hour day month weekday`, such as `? 0 2 ? * *`, read into the moments it names.

The surprise: weekdays count from Sunday 0 (not Quartz's 1), and the second is always `?`.
"""

import calendar
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from apps.engine.dates.zones import resolve_zone
from apps.schedules import wall

FORM = "second minute hour day month weekday"
MAX_LENGTH = 200
# The calendar's rarest dates, such as a Monday the 29th of February around 2100, come within 40 years.
SEARCH_YEARS = 41
MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LONGEST = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


@dataclass(frozen=True)
class Expression:
    """`times` are minutes of the day. `either`: a day matches by its date or by its weekday, as cron has it."""

    text: str
    times: tuple[int, ...]
    days: frozenset[int]
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]
    nth_weekdays: frozenset[tuple[int, int]]  # (5, 2): the second Friday; (5, -1): the last
    either: bool
    every_hour: bool

    def next_after(self, moment: datetime, *, timezone: str, dst: str) -> datetime | None:
        """The first moment after `moment`, in UTC; None if there is none. `dst` is `contract` or `repair`."""
        zone = resolve_zone(timezone)
        # By the hour, an expression runs through both folds: nobody wants a pause of an hour in autumn.
        repair = dst == "repair" and not self.every_hour
        best: datetime | None = None
        best_day = date.max
        # A day earlier, because a day can end after its successor began: midnight may come twice.
        for day in self.dates(moment.astimezone(zone).date() - timedelta(days=1)):
            if best and day > best_day + timedelta(days=1):
                return best
            offset = wall.steady_offset(zone, day)
            if offset is not None:
                midnight = wall.midnight(day) - offset
                at = bisect_right(self.times, (moment - midnight).total_seconds() // 60)
                if at < len(self.times):
                    found = midnight + timedelta(minutes=self.times[at])
                    return min(best, found) if best else found
                continue
            moments = wall.moments(day, self.times, zone=zone, repair=repair)
            at = bisect_right(moments, moment)
            if at < len(moments) and (best is None or moments[at] < best):
                best, best_day = moments[at], day
        return best

    def between(
        self, after: datetime, until: datetime, *, timezone: str, dst: str, limit: int | None = None
    ) -> list[datetime]:
        """The moments later than `after` and not later than `until`, at most `limit` of them, oldest first."""
        found: list[datetime] = []
        moment = self.next_after(after, timezone=timezone, dst=dst)
        while moment is not None and moment <= until and (limit is None or len(found) < limit):
            found.append(moment)
            moment = self.next_after(moment, timezone=timezone, dst=dst)
        return found

    def latest(self, after: datetime, until: datetime, *, timezone: str, dst: str, count: int) -> list[datetime]:
        """The last `count` moments of `between`, found backwards, so that a long outage costs no more than a short."""
        window = timedelta(hours=1)
        while True:
            start = max(after, until - window)
            found = self.between(start, until, timezone=timezone, dst=dst)
            if len(found) >= count or start == after:
                return found[-count:]
            window *= 4

    def dates(self, start: date) -> Iterator[date]:
        """The calendar's days that match, from `start` on, for as long as any rhythm can take."""
        day, end = start, min(start.year + SEARCH_YEARS, 9998)
        while day.year <= end:
            if day.month not in self.months:
                day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
                continue
            if self.matches(day):
                yield day
            day += timedelta(days=1)

    def matches(self, day: date) -> bool:
        by_date = day.day in self.days
        if self.last_day and not by_date:
            by_date = day.day == calendar.monthrange(day.year, day.month)[1]
        if by_date == self.either:
            return by_date
        weekday = day.isoweekday() % 7
        if weekday in self.weekdays or not self.nth_weekdays:
            return weekday in self.weekdays
        is_last = day.day + 7 > calendar.monthrange(day.year, day.month)[1]
        nth = (day.day + 6) // 7
        return (weekday, nth) in self.nth_weekdays or (is_last and (weekday, -1) in self.nth_weekdays)


@dataclass(frozen=True)
class Field:
    name: str
    low: int
    high: int
    names: dict[str, int]

    def read(self, text: str) -> list[int]:
        """The values of a field: a comma-separated list of values, ranges and steps."""
        if text == "?":
            text = "*"
        return [value for term in text.split(",") for value in self.read_term(term)]

    def read_term(self, term: str) -> range:
        bounds, slash, step_text = term.partition("/")
        first, dash, last = bounds.partition("-")
        step = self.read_step(step_text, term) if slash else 1
        if bounds == "*":
            return range(self.low, self.high + 1, step)
        start = self.value(first)
        # `7/15` is every 15th from 7 on, and `7` is itself.
        end = self.value(last) if dash else self.high if slash else start
        if end < start:
            raise ValueError(f"{self.name}: the range {bounds} ends before it begins.")
        return range(start, end + 1, step)

    def read_step(self, text: str, term: str) -> int:
        size = self.high - self.low + 1
        if not is_number(text) or not 1 <= int(text) <= size:
            raise ValueError(f"{self.name}: the step of {term} must be a number from 1 to {size}.")
        return int(text)

    def value(self, text: str) -> int:
        if text in self.names:
            return self.names[text]
        if not text:
            raise ValueError(f"{self.name}: a value is missing.")
        if not is_number(text):
            raise ValueError(f"{self.name}: {text} is no value of this field.")
        if not self.low <= int(text) <= self.high:
            raise ValueError(f"{self.name}: {text} is not between {self.low} and {self.high}.")
        return int(text)


MINUTE = Field("minute", 0, 59, {})
HOUR = Field("hour", 0, 23, {})
DAY = Field("day", 1, 31, {})
MONTH = Field("month", 1, 12, {name: number for number, name in enumerate(MONTH_NAMES, 1)})
WEEKDAY = Field("weekday", 0, 7, {name: number for number, name in enumerate(WEEKDAY_NAMES)})
WEEK = Field("weekday", 0, 6, WEEKDAY.names)  # where a star stands: 7 would count Sunday twice in a step


def is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 4


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Raises ValueError with a sentence that names the field."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"A schedule is at most {MAX_LENGTH} characters long.")
    parts = text.upper().split()
    if len(parts) != 6:
        raise ValueError(f"A schedule has six fields ({FORM}), this one has {len(parts)}.")
    second, minute, hour, day, month, weekday = parts
    if second != "?":
        raise ValueError(f"second: must be ?, since a schedule fires on the minute; it is {second}.")
    hours = sorted(set(HOUR.read(hour)))
    minutes = sorted(set(MINUTE.read(minute)))
    days, last_day = read_days(day)
    weekdays, nth_weekdays = read_weekdays(weekday)
    expression = Expression(
        text=" ".join(parts),
        times=tuple(60 * h + m for h in hours for m in minutes),
        days=days,
        last_day=last_day,
        months=frozenset(MONTH.read(month)),
        weekdays=weekdays,
        nth_weekdays=nth_weekdays,
        either=day[0] not in "*?" and weekday[0] not in "*?",
        every_hour=len(hours) == 24,
    )
    check_possible(expression, day=day, month=month)
    return expression


def read_days(text: str) -> tuple[frozenset[int], bool]:
    """The days of the month, and whether `L`, its last, is among them."""
    terms = text.split(",")
    rest = [term for term in terms if term != "L"]
    return frozenset(DAY.read(",".join(rest)) if rest else ()), len(rest) < len(terms)


def read_weekdays(text: str) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    """The weekdays, and those of one week of the month: `5#2` or `5L`."""
    plain: set[int] = set()
    nth: set[tuple[int, int]] = set()
    for term in text.split(","):
        name, hash_mark, number = term.partition("#")
        if hash_mark:
            if not is_number(number) or not 1 <= int(number) <= 5:
                raise ValueError(f"weekday: {term} must name a week of the month from 1 to 5.")
            nth.add((WEEKDAY.value(name) % 7, int(number)))
        elif len(term) > 1 and term.endswith("L"):
            nth.add((WEEKDAY.value(term[:-1]) % 7, -1))
        else:
            field = WEEK if term[:1] in ("*", "?") else WEEKDAY
            plain.update(value % 7 for value in field.read(term))
    return frozenset(plain), frozenset(nth)


def check_possible(expression: Expression, *, day: str, month: str) -> None:
    if expression.last_day or expression.either:
        return
    if min(expression.days) > max(LONGEST[m] for m in expression.months):
        raise ValueError(f"day: {day} never comes in month {month}.")
