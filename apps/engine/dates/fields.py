"""What a text said about a date, and the one datetime that agrees with all of it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo


@dataclass(slots=True)
class Fields:
    year: int | None = None
    month: int | None = None
    day: int | None = None
    day_of_year: int | None = None
    weekday: int | None = None  # 0 is Sunday
    week: int | None = None
    week_year: int | None = None
    iso_week: int | None = None
    iso_year: int | None = None
    hour: int = 0
    minute: int = 0
    second: int = 0
    microsecond: int = 0
    afternoon: bool | None = None
    zone: tzinfo | None = None
    instant: datetime | None = None


def build_moment(fields: Fields, *, base: date, zone: tzinfo) -> datetime:
    """`base` gives the parts of the date left of the first one named. Raises ValueError when there is no such time."""
    if fields.instant is not None:
        return fields.instant
    day = _day(fields, base)
    if fields.weekday is not None and day.isoweekday() % 7 != fields.weekday:
        raise ValueError("the weekday does not match the date")
    hour = _hour(fields)
    # 24:00 is the midnight that ends the day.
    if hour == 24 and not (fields.minute or fields.second or fields.microsecond):
        day, hour = day + timedelta(days=1), 0
    moment = datetime(
        day.year,
        day.month,
        day.day,
        hour,
        fields.minute,
        fields.second,
        fields.microsecond,
        tzinfo=fields.zone or zone,
    )
    if fields.zone is not None:
        return moment
    # A wall time that a clock change skips does not exist: through UTC it becomes the one an hour later.
    return moment.astimezone(UTC).astimezone(zone)


def _hour(fields: Fields) -> int:
    if fields.afternoon is None:
        return fields.hour
    if fields.hour > 12:
        raise ValueError(f"hour {fields.hour} with AM or PM")
    return fields.hour % 12 + (12 if fields.afternoon else 0)


def _day(fields: Fields, base: date) -> date:
    if fields.day_of_year is not None:
        year = base.year if fields.year is None else fields.year
        day = date(year, 1, 1) + timedelta(days=fields.day_of_year - 1)
        if day.year != year:
            raise ValueError(f"day {fields.day_of_year} is not in {year}")
        return day
    if fields.month is None and fields.day is None:
        if fields.iso_week is not None or fields.iso_year is not None:
            year = fields.iso_year or fields.year or base.isocalendar().year
            weekday = 1 if fields.weekday is None else fields.weekday or 7
            return date.fromisocalendar(year, fields.iso_week or 1, weekday)
        if fields.week is not None or fields.week_year is not None:
            return _english_week_day(fields, base)
        if fields.weekday is not None and fields.year is None:
            return base + timedelta(days=fields.weekday - base.isoweekday() % 7)
    if fields.year is not None:
        return date(fields.year, _or(fields.month, 1), _or(fields.day, 1))
    if fields.month is not None:
        return date(base.year, fields.month, _or(fields.day, 1))
    return date(base.year, base.month, _or(fields.day, base.day))


def _or(value: int | None, fallback: int) -> int:
    return fallback if value is None else value


def _english_week_day(fields: Fields, base: date) -> date:
    year = fields.week_year or fields.year or base.year
    week = 1 if fields.week is None else fields.week
    if not 1 <= week <= 53:
        raise ValueError(f"no week {week}")
    first = date(year, 1, 1)
    sunday = first - timedelta(days=first.isoweekday() % 7)
    return sunday + timedelta(days=(week - 1) * 7 + (fields.weekday or 0))
