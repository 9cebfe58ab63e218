"""Date helpers, over the engine's moment.js tokens. Times without a zone are UTC, and so is output without one."""

import math
from datetime import datetime, timedelta
from typing import Any

from apps.engine.dates import format_moment, is_zone, parse_moment
from apps.engine.javascript_values import numeric, to_text
from apps.engine.templates.environment import Run
from apps.engine.templates.helpers.registry import helper

_INVALID = "Invalid date"
_WITH_OFFSET = "YYYY-MM-DDTHH:mm:ss.SSSZ"
_IN_UTC = "YYYY-MM-DDTHH:mm:ss.SSS[Z]"


@helper("dateFormat")
def date_format(run: Run, out_format: Any, date: Any, in_format: Any = None, zone: Any = None) -> str:
    """The zone is the fourth argument; a third that names a zone counts as it when there is no fourth."""
    if zone is None and isinstance(in_format, str) and is_zone(in_format):
        in_format, zone = None, in_format
    if date is None or date == "":
        return ""
    moment = _moment(date, to_text(in_format) or None)
    return _INVALID if moment is None else _printed(moment, to_text(out_format) or _IN_UTC, zone, run)


@helper("dateAdd")
def date_add(run: Run, date: Any, milliseconds: Any = 0, zone: Any = None) -> str:
    if date is None or date == "":
        return ""
    moment, offset = _moment(date, None), numeric(milliseconds) if milliseconds not in (None, "") else 0.0
    if moment is None or math.isnan(offset):
        return _INVALID
    try:
        moved = moment + timedelta(milliseconds=offset)
    except OverflowError:
        return _INVALID
    return _printed(moved, _WITH_OFFSET if zone else _IN_UTC, zone, run)


@helper("timestamp")
def timestamp(run: Run, out_format: Any = None, zone: Any = None) -> str:
    if run.env.now is None:
        raise ValueError("the time is not known here")
    written = to_text(out_format) or (_WITH_OFFSET if zone else _IN_UTC)
    return _printed(run.env.now, written, zone, run)


# In the documents' examples, in none of their helper lists: a field of that name wins.
helper("date", yields_to_field=True)(timestamp)


def _moment(date: Any, in_format: str | None) -> datetime | None:
    if isinstance(date, datetime):
        return date
    try:
        if in_format is None and isinstance(date, (int, float)) and not isinstance(date, bool):
            return parse_moment(str(int(date)), "x")
        return parse_moment(to_text(date), in_format)
    except (ValueError, OverflowError):
        return None


def _printed(moment: datetime, out_format: str, zone: Any, run: Run) -> str:
    return format_moment(moment, out_format, to_text(zone) or run.env.timezone)
