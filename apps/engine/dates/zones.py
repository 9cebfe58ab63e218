"""Time zones by name: IANA, the old names (`US/Eastern`), any case, and plain offsets (`+05:30`)."""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?\Z")


@cache
def _names() -> dict[str, str]:
    # `localtime` is whatever the server is set to: a document must not depend on it.
    return {name.lower(): name for name in available_timezones() if name != "localtime"}


@lru_cache(maxsize=1024)
def resolve_zone(name: str) -> tzinfo:
    """Raises ValueError for a name that no zone has."""
    key = name.strip()
    if key.upper() in ("Z", "UTC"):
        return UTC
    if offset := _OFFSET.match(key):
        return parse_offset(offset.group(0))
    try:
        return ZoneInfo(_names()[key.lower()])
    except KeyError:
        raise ValueError(f"unknown time zone {name!r}") from None


def is_zone(name: object) -> bool:
    """Whether the text is the name of a zone; a bare offset is not a name."""
    return isinstance(name, str) and (name.strip().lower() in _names() or name.strip().upper() == "UTC")


def parse_offset(text: str) -> timezone:
    """`Z`, `+02`, `+0200` or `+02:00`. Raises ValueError from 24 hours on."""
    if text in ("Z", "z"):
        return UTC
    found = _OFFSET.match(text)
    if not found:
        raise ValueError(f"not an offset: {text!r}")
    hours, minutes = int(found.group(2)), int(found.group(3) or 0)
    if minutes > 59 or hours > 23:
        raise ValueError(f"not an offset: {text!r}")
    seconds = (hours * 60 + minutes) * 60
    if not seconds:
        return UTC
    return timezone(timedelta(seconds=-seconds if found.group(1) == "-" else seconds))
