"""Dates written without a format: ISO 8601, RFC 2822, JavaScript's toString, US slashes, epoch numbers."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from apps.engine.dates.fields import Fields
from apps.engine.dates.tokens import MONTHS
from apps.engine.dates.zones import parse_offset

_TIME = r"(?P<hour>\d\d?)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?"
_CLOCK = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?(?:\s*(?P<half>[ap]\.?m\.?))?"
_OFFSET = r"(?P<offset>Z|[+-]\d\d(?::?\d\d)?)"
_ZONE = rf"(?:GMT|UTC|UT)?{_OFFSET}|(?P<name>GMT|UTC|UT|EST|EDT|CST|CDT|MST|MDT|PST|PDT)"
_MONTH = r"(?P<word>[A-Za-z]{3,9})\.?"
_WEEKDAY = r"(?:(?:sun|mon|tue|wed|thu|fri|sat)[a-z]*\.?,?\s+)?"
_TAIL = rf"(?:,?\s+(?:at\s+)?{_CLOCK})?(?:\s*(?:{_ZONE}))?(?:\s*\([^)]*\))?\s*\Z"

_FORMS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<year>\d{{4}})-(?P<month>\d\d?)(?:-(?P<day>\d\d?))?(?:[T\s]+{_TIME})?\s*{_OFFSET}?\Z",
        rf"(?P<year>\d{{4}})(?P<month>\d\d)(?P<day>\d\d)(?:T{_TIME})?\s*{_OFFSET}?\Z",
        rf"(?P<iso_year>\d{{4}})-?W(?P<iso_week>\d\d)(?:-?(?P<iso_day>\d))?(?:[T\s]+{_TIME})?\s*{_OFFSET}?\Z",
        rf"(?P<year>\d{{4}})-(?P<day_of_year>\d{{3}})(?:[T\s]+{_TIME})?\s*{_OFFSET}?\Z",
        r"(?P<year>\d{4})\Z",
        rf"(?P<year>\d{{4}})/(?P<month>\d\d?)/(?P<day>\d\d?){_TAIL}",
        rf"(?P<month>\d\d?)/(?P<day>\d\d?)/(?P<year>\d{{4}}|\d\d){_TAIL}",
        rf"{_WEEKDAY}(?P<day>\d\d?)(?:st|nd|rd|th)?[\s-]+{_MONTH},?[\s-]+(?P<year>\d{{4}}|\d\d){_TAIL}",
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d\d?)(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}}){_TAIL}",
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d\d?)\s+{_CLOCK}(?:\s+(?:{_ZONE}))?\s+(?P<year>\d{{4}})\Z",
    )
]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED_HOURS = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}


def parse_common(text: str) -> Fields:
    """Raises ValueError when the text is in none of the forms. Ten digits are seconds, thirteen milliseconds."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) in (10, 13):
        scale = 1 if len(text) == 13 else 1000
        return Fields(instant=_EPOCH + timedelta(milliseconds=int(text) * scale))
    for form in _FORMS:
        if found := form.match(text):
            return _fields(found.groupdict())
    raise ValueError(f"not a date: {text!r}")


def _fields(parts: dict[str, str | None]) -> Fields:
    fields = Fields()
    for name in (
        "year",
        "month",
        "day",
        "day_of_year",
        "iso_year",
        "iso_week",
        "hour",
        "minute",
        "second",
    ):
        if value := parts.get(name):
            setattr(fields, name, int(value))
    if fields.year is not None and len(parts["year"] or "") == 2:
        fields.year += 1900 if fields.year > 68 else 2000
    if word := parts.get("word"):
        fields.month = _month(word)
    if iso_day := parts.get("iso_day"):
        fields.weekday = int(iso_day) % 7
    if fraction := parts.get("fraction"):
        fields.microsecond = int(f"{fraction}000000"[:6])
    if half := parts.get("half"):
        fields.afternoon = half.lower().startswith("p")
    fields.zone = _zone(parts)
    return fields


def _month(word: str) -> int:
    for index, name in enumerate(MONTHS, 1):
        if name.lower().startswith(word.lower()):
            return index
    raise ValueError(f"not a month: {word!r}")


def _zone(parts: dict[str, str | None]) -> tzinfo | None:
    if offset := parts.get("offset"):
        return parse_offset(offset)
    if name := parts.get("name"):
        hours = _NAMED_HOURS.get(name.upper(), 0)
        return parse_offset(f"{'-' if hours < 0 else '+'}{abs(hours):02d}:00")
    return None
