"""Reads dates by moment.js tokens, or without a format in ISO and the common written forms.

The surprise: like moment in its forgiving mode it skips separators that differ and ignores text after the last
token, but unlike moment it refuses a text in which a date token found nothing or digits would be skipped: a wrong
date is worse than an error.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from apps.engine.dates.common import parse_common
from apps.engine.dates.fields import Fields, build_moment
from apps.engine.dates.tokens import MONTHS, WEEKDAYS, split_format
from apps.engine.dates.zones import parse_offset, resolve_zone

MAX_TEXT = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Store = Callable[[Fields, str], None]


def parse_moment(
    text: object,
    fmt: str | None = None,
    tz: str | None = None,
    *,
    now: datetime | None = None,
) -> datetime:
    """An aware datetime; ValueError when the text does not fit.

    A text without offset is wall time in `tz` (else UTC). The result is in `tz` when given, else it keeps the offset
    the text had. Numbers without a format are milliseconds since 1970. `now` supplies the date when the text has none.
    """
    zone = resolve_zone(tz) if tz else None
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError(f"not a date: {text!r}")
    try:
        if isinstance(text, str):
            moment = _parse_text(text, fmt=fmt, zone=zone, now=now)
        elif fmt:
            moment = _parse_text(_number_text(text), fmt=fmt, zone=zone, now=now)
        else:
            moment = _EPOCH + timedelta(milliseconds=text)
        return moment.astimezone(zone) if zone else moment
    except OverflowError:
        raise ValueError(f"not a date: {text!r}") from None


def _number_text(number: int | float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _parse_text(text: str, *, fmt: str | None, zone: tzinfo | None, now: datetime | None) -> datetime:
    if len(text) > MAX_TEXT:
        raise ValueError(f"not a date: a text of {len(text)} characters")
    fields = _read(text, fmt) if fmt else parse_common(text)
    base = now.astimezone(zone or UTC).date() if now else date(1970, 1, 1)
    try:
        return build_moment(fields, base=base, zone=zone or UTC)
    except ValueError as error:
        raise ValueError(f"not a date: {text!r}{f' as {fmt!r}' if fmt else ''} ({error})") from None


def _read(text: str, fmt: str) -> Fields:
    fields = Fields()
    rest = text.strip()
    found_any = False
    for pattern, store, required in _compile(fmt):
        found = pattern.search(rest)
        if found is None:
            if required:
                raise ValueError(f"not a date: {text!r} as {fmt!r}")
            continue
        if store is not None:
            if any(char.isdigit() for char in rest[: found.start()]):
                raise ValueError(f"not a date: {text!r} as {fmt!r}")
            store(fields, found.group(0))
            found_any = True
        elif found.start():
            if rest[0].isdigit():
                raise ValueError(f"not a date: {text!r} as {fmt!r}")
            continue
        rest = rest[found.end() :]
    if not found_any or (rest[:1].isdigit() and text.strip() != rest):
        raise ValueError(f"not a date: {text!r} as {fmt!r}")
    return fields


@lru_cache(maxsize=2048)
def _compile(fmt: str) -> tuple[tuple[re.Pattern[str], Store | None, bool], ...]:
    steps: list[tuple[re.Pattern[str], Store | None, bool]] = []
    for is_token, text in split_format(fmt):
        if is_token:
            pattern, store = _PARSERS[text]
            steps.append((re.compile(pattern, re.IGNORECASE), store, text[0] in "YMDQgGwWXx"))
        else:
            steps.append((re.compile(re.escape(text)), None, False))
    return tuple(steps)


def _number(name: str) -> Store:
    return lambda fields, text: setattr(fields, name, int(text))


def _ordinal_number(name: str) -> Store:
    return lambda fields, text: setattr(fields, name, int(re.sub(r"\D", "", text)))


def _year(name: str) -> Store:
    def store(fields: Fields, text: str) -> None:
        year = int(text)
        if len(text) <= 2:
            year += 1900 if year > 68 else 2000
        setattr(fields, name, year)

    return store


def _month_name(fields: Fields, text: str) -> None:
    fields.month = name_index(text, MONTHS) + 1


def _weekday_name(fields: Fields, text: str) -> None:
    fields.weekday = name_index(text, WEEKDAYS)


def name_index(text: str, names: list[str]) -> int:
    """Position of the name that begins like the text (three letters decide; two do for weekdays)."""
    for index, name in enumerate(names):
        if name.lower().startswith(text.lower()[:3]):
            return index
    raise ValueError(f"not a name: {text!r}")


def _quarter(fields: Fields, text: str) -> None:
    if not 1 <= int(text) <= 4:
        raise ValueError(f"not a quarter: {text}")
    fields.month = int(text) * 3 - 2


def _iso_weekday(fields: Fields, text: str) -> None:
    fields.weekday = int(text) % 7


def _half(fields: Fields, text: str) -> None:
    fields.afternoon = text.lower().startswith("p")


def _fraction(fields: Fields, text: str) -> None:
    fields.microsecond = int(f"{text}000000"[:6])


def _zone_offset(fields: Fields, text: str) -> None:
    fields.zone = parse_offset(text)


def _seconds(fields: Fields, text: str) -> None:
    fields.instant = _EPOCH + timedelta(seconds=float(text) if "." in text else int(text))


def _millis(fields: Fields, text: str) -> None:
    fields.instant = _EPOCH + timedelta(milliseconds=int(text))


def _glued(fields: Fields, text: str) -> None:
    """`Hmm` and `Hmmss`: the last two digits are minutes or seconds."""
    digits = len(text) - (len(text) % 2 or 2)
    head = len(text) - digits
    fields.hour, fields.minute = int(text[:head]), int(text[head : head + 2])
    if digits > 2:
        fields.second = int(text[head + 2 :])


_TWO, _THREE = r"\d\d?", r"\d{1,3}"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)?"
_WORD = r"[a-z]+"

_PARSERS: dict[str, tuple[str, Store]] = {
    "M": (_TWO, _number("month")),
    "Mo": (_ORDINAL, _ordinal_number("month")),
    "MM": (_TWO, _number("month")),
    "MMM": (_WORD, _month_name),
    "MMMM": (_WORD, _month_name),
    "Q": (r"\d", _quarter),
    "Qo": (r"\d(?:st|nd|rd|th)?", lambda fields, text: _quarter(fields, text[0])),
    "D": (_TWO, _number("day")),
    "Do": (_ORDINAL, _ordinal_number("day")),
    "DD": (_TWO, _number("day")),
    "DDD": (_THREE, _number("day_of_year")),
    "DDDo": (r"\d{1,3}(?:st|nd|rd|th)?", _ordinal_number("day_of_year")),
    "DDDD": (r"\d{3}", _number("day_of_year")),
    "d": (r"\d", _number("weekday")),
    "do": (r"\d(?:st|nd|rd|th)?", _ordinal_number("weekday")),
    "dd": (_WORD, _weekday_name),
    "ddd": (_WORD, _weekday_name),
    "dddd": (_WORD, _weekday_name),
    "e": (r"\d", _number("weekday")),
    "E": (r"\d", _iso_weekday),
    "w": (_TWO, _number("week")),
    "wo": (_ORDINAL, _ordinal_number("week")),
    "ww": (_TWO, _number("week")),
    "W": (_TWO, _number("iso_week")),
    "Wo": (_ORDINAL, _ordinal_number("iso_week")),
    "WW": (_TWO, _number("iso_week")),
    "Y": (r"\d{1,4}", _number("year")),
    "YY": (_TWO, _year("year")),
    "YYYY": (r"\d{1,4}", _year("year")),
    "gg": (_TWO, _year("week_year")),
    "gggg": (r"\d{1,4}", _year("week_year")),
    "GG": (_TWO, _year("iso_year")),
    "GGGG": (r"\d{1,4}", _year("iso_year")),
    "A": (r"[ap]\.?m?\.?", _half),
    "a": (r"[ap]\.?m?\.?", _half),
    "H": (_TWO, _number("hour")),
    "HH": (_TWO, _number("hour")),
    "h": (_TWO, _number("hour")),
    "hh": (_TWO, _number("hour")),
    "k": (_TWO, lambda fields, text: setattr(fields, "hour", int(text) % 24)),
    "kk": (_TWO, lambda fields, text: setattr(fields, "hour", int(text) % 24)),
    "m": (_TWO, _number("minute")),
    "mm": (_TWO, _number("minute")),
    "s": (_TWO, _number("second")),
    "ss": (_TWO, _number("second")),
    "Hmm": (r"\d{3,4}", _glued),
    "hmm": (r"\d{3,4}", _glued),
    "Hmmss": (r"\d{5,6}", _glued),
    "hmmss": (r"\d{5,6}", _glued),
    "Z": (r"Z|[+-]\d\d(?::?\d\d)?", _zone_offset),
    "ZZ": (r"Z|[+-]\d\d(?::?\d\d)?", _zone_offset),
    "z": (_WORD, lambda fields, text: None),
    "zz": (_WORD, lambda fields, text: None),
    "X": (r"[+-]?\d+(?:\.\d{1,3})?", _seconds),
    "x": (r"[+-]?\d+", _millis),
}
_PARSERS.update({"S" * digits: (r"\d{1,3}" if digits <= 3 else r"\d+", _fraction) for digits in range(1, 10)})
