"""`delay`: goes on later, by the clock: after so many seconds, minutes, hours and days together, or at a moment.

The run is a due row meanwhile, however long: nothing sleeps, and a restart changes nothing. A run that has a
concurrencyKey keeps its place in its line.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime

from apps.automations.actions.registry import ActionKind, Args, Wait
from apps.automations.errors import fault
from apps.automations.running.turn import Turn
from apps.core import clock
from apps.wire.stamps import stamp

LONGEST = timedelta(days=365)
NEARLY = timedelta(seconds=1)  # by which the database's clock, which has woken it, may be before this one
UNITS = ("seconds", "minutes", "hours", "days")
NUMBER: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": LONGEST.total_seconds()}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {**dict.fromkeys(UNITS, NUMBER), "until": {"type": "string"}},
}


def run(turn: Turn, args: Args) -> dict[str, str]:
    at = f"{turn.path}.args"
    ends = read_moment(turn.state["until"], at) if turn.state else end_of(args, at)
    if ends > clock.now() + (NEARLY if turn.state else timedelta()):
        raise Wait(until=ends, reason=f"a delay until {stamp(ends)}", state={"until": ends.isoformat()})
    return {"until": stamp(ends)}


def end_of(args: Args, at: str) -> datetime:
    """Raises ValidationError naming what is too long, or no moment."""
    now = clock.now()
    start = read_moment(args["until"], f"{at}.until") if "until" in args else now
    ends = start + timedelta(**{unit: args[unit] for unit in UNITS if unit in args})
    if ends - now > LONGEST:
        raise fault(at, f"a delay lasts at most {LONGEST.days} days")
    return ends


def read_moment(text: str, at: str) -> datetime:
    """Without a zone it is UTC."""
    try:
        moment = parse_datetime(text)
        if moment is not None:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise fault(at, "must be a moment such as 2027-01-31T08:00:00Z")


KIND = ActionKind(name="delay", run=run, schema=SCHEMA)
