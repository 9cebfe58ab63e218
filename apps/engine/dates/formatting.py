"""Prints aware datetimes by moment.js tokens."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from apps.engine.dates.tokens import MONTHS, WEEKDAYS, split_format
from apps.engine.dates.zones import resolve_zone

Part = Callable[[datetime], str]


def format_moment(moment: datetime, fmt: str | None = None, tz: str | None = None) -> str:
    """Without a format ISO 8601; with `tz` shown in that zone. Raises ValueError for an unknown zone."""
    moment = to_zone(moment, tz)
    if not fmt:
        return format_iso(moment)
    try:
        return "".join([part(moment) for part in _compile(fmt)])
    except OverflowError:
        raise ValueError(f"{moment!r} is too near the end of time for {fmt!r}") from None


def format_iso(moment: datetime) -> str:
    """`2026-01-31T05:00:00.000Z`: milliseconds as JavaScript prints them, `Z` for UTC, else the offset."""
    text = _FORMATTERS["YYYY"](moment) + moment.strftime("-%m-%dT%H:%M:%S")
    offset = "Z" if not moment.utcoffset() else _offset(moment, ":")
    return f"{text}.{moment.microsecond // 1000:03d}{offset}"


def to_zone(moment: datetime, tz: str | None) -> datetime:
    """The same instant in the zone; a naive datetime counts as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if not tz:
        return moment
    try:
        return moment.astimezone(resolve_zone(tz))
    except OverflowError:
        raise ValueError(f"{moment!r} has no date in {tz}") from None


@lru_cache(maxsize=2048)
def _compile(fmt: str) -> tuple[Part, ...]:
    return tuple(_FORMATTERS[text] if is_token else _literal(text) for is_token, text in split_format(fmt))


def _literal(text: str) -> Part:
    return lambda _: text


def _ordinal(number: int) -> str:
    if 10 < number % 100 < 14:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _offset(moment: datetime, colon: str) -> str:
    seconds = int((moment.utcoffset() or timedelta()).total_seconds())
    sign = "-" if seconds < 0 else "+"
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{sign}{hours:02d}{colon}{minutes:02d}"


def _day_of_year(moment: date) -> int:
    return moment.timetuple().tm_yday


def _saturday(moment: datetime) -> date:
    """The Saturday that ends the English week; the week belongs to that day's year."""
    return moment.date() + timedelta(days=6 - moment.isoweekday() % 7)


def _week(moment: datetime) -> int:
    return (_day_of_year(_saturday(moment)) - 1) // 7 + 1


def _hour12(moment: datetime) -> int:
    return moment.hour % 12 or 12


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _zone_name(moment: datetime) -> str:
    return moment.tzname() or ""


def _weekday(moment: datetime) -> str:
    return WEEKDAYS[moment.isoweekday() % 7]


_FORMATTERS: dict[str, Part] = {
    "M": lambda m: str(m.month),
    "Mo": lambda m: _ordinal(m.month),
    "MM": lambda m: f"{m.month:02d}",
    "MMM": lambda m: MONTHS[m.month - 1][:3],
    "MMMM": lambda m: MONTHS[m.month - 1],
    "Q": lambda m: str((m.month + 2) // 3),
    "Qo": lambda m: _ordinal((m.month + 2) // 3),
    "D": lambda m: str(m.day),
    "Do": lambda m: _ordinal(m.day),
    "DD": lambda m: f"{m.day:02d}",
    "DDD": lambda m: str(_day_of_year(m)),
    "DDDo": lambda m: _ordinal(_day_of_year(m)),
    "DDDD": lambda m: f"{_day_of_year(m):03d}",
    "d": lambda m: str(m.isoweekday() % 7),
    "do": lambda m: _ordinal(m.isoweekday() % 7),
    "dd": lambda m: _weekday(m)[:2],
    "ddd": lambda m: _weekday(m)[:3],
    "dddd": _weekday,
    "e": lambda m: str(m.isoweekday() % 7),
    "E": lambda m: str(m.isoweekday()),
    "w": lambda m: str(_week(m)),
    "wo": lambda m: _ordinal(_week(m)),
    "ww": lambda m: f"{_week(m):02d}",
    "W": lambda m: str(m.isocalendar().week),
    "Wo": lambda m: _ordinal(m.isocalendar().week),
    "WW": lambda m: f"{m.isocalendar().week:02d}",
    "Y": lambda m: str(m.year),
    "YY": lambda m: f"{m.year % 100:02d}",
    "YYYY": lambda m: f"{m.year:04d}",
    "gg": lambda m: f"{_saturday(m).year % 100:02d}",
    "gggg": lambda m: f"{_saturday(m).year:04d}",
    "GG": lambda m: f"{m.isocalendar().year % 100:02d}",
    "GGGG": lambda m: f"{m.isocalendar().year:04d}",
    "A": lambda m: "AM" if m.hour < 12 else "PM",
    "a": lambda m: "am" if m.hour < 12 else "pm",
    "H": lambda m: str(m.hour),
    "HH": lambda m: f"{m.hour:02d}",
    "h": lambda m: str(_hour12(m)),
    "hh": lambda m: f"{_hour12(m):02d}",
    "k": lambda m: str(m.hour or 24),
    "kk": lambda m: f"{m.hour or 24:02d}",
    "m": lambda m: str(m.minute),
    "mm": lambda m: f"{m.minute:02d}",
    "s": lambda m: str(m.second),
    "ss": lambda m: f"{m.second:02d}",
    "Hmm": lambda m: f"{m.hour}{m.minute:02d}",
    "hmm": lambda m: f"{_hour12(m)}{m.minute:02d}",
    "Hmmss": lambda m: f"{m.hour}{m.minute:02d}{m.second:02d}",
    "hmmss": lambda m: f"{_hour12(m)}{m.minute:02d}{m.second:02d}",
    "Z": lambda m: _offset(m, ":"),
    "ZZ": lambda m: _offset(m, ""),
    "z": _zone_name,
    "zz": _zone_name,
    "X": lambda m: str(_milliseconds(m) // 1000),
    "x": lambda m: str(_milliseconds(m)),
}


def _fraction(digits: int) -> Part:
    return lambda m: f"{m.microsecond:06d}000"[:digits]


_FORMATTERS.update({"S" * digits: _fraction(digits) for digits in range(1, 10)})
