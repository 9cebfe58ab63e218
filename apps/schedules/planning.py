"""Which ticks a due schedule has: the moment it waited for, and after an outage what its misfire policy makes of it."""

from datetime import datetime, timedelta

import structlog

from apps.core.ids import hex24
from apps.schedules.cron import Expression, parse_expression
from apps.schedules.models import Schedule, Tick

log = structlog.get_logger(__name__)
# A tick that comes later than this was missed rather than late: `misfire` decides about it.
GRACE = timedelta(minutes=5)
COUNTED = 1000  # moments of an outage that are counted one by one


def due_of(schedule: Schedule) -> datetime:
    if schedule.next_due_at is None:
        raise ValueError("a schedule that is not due was asked for its moment")
    return schedule.next_due_at


def plan(schedule: Schedule, moment: datetime) -> tuple[list[Tick], datetime | None]:
    """The ticks of a due schedule and the moment it waits for next, which no tick's outcome has a say in."""
    first = due_of(schedule)
    try:
        expression = parse_expression(schedule.expression)
        following = expression.next_after(first, timezone=schedule.timezone, dst=schedule.dst)
        if moment - first <= GRACE and (following is None or following > moment):
            return [Tick(schedule=schedule, due_at=first)], following
        following = expression.next_after(moment, timezone=schedule.timezone, dst=schedule.dst)
        return plan_late(schedule, expression, moment), following
    except ValueError as error:
        # Such as a zone that an update of the zone data took away: it must not stop the others of its batch.
        log.error("a schedule cannot be read and stops", schedule=hex24(schedule.id), reason=str(error))
        return [Tick(schedule=schedule, due_at=first, missed=1, reason=f"Stopped: {error}"[:200])], None


def plan_late(schedule: Schedule, expression: Expression, moment: datetime) -> list[Tick]:
    """Oldest first, those to fire; before them one that stands for all that were missed."""
    due = [due_of(schedule)]
    zone = {"timezone": schedule.timezone, "dst": schedule.dst}
    due += expression.between(due[0], moment, **zone, limit=COUNTED)
    counted = len(due) <= COUNTED
    if not counted:
        due += expression.latest(due[-1], moment, **zone, count=schedule.misfire_cap)
    keep = schedule.misfire_cap if schedule.misfire == Schedule.Misfire.ALL else 1
    chosen = due[-keep:]
    if schedule.misfire == Schedule.Misfire.SKIP and moment - chosen[-1] > GRACE:
        chosen = []
    missed = due[: len(due) - len(chosen)]
    ticks = [Tick(schedule=schedule, due_at=due_at) for due_at in chosen]
    if missed:
        number = str(len(missed)) if counted else f"More than {COUNTED}"
        until = f"{missed[-1]:%Y-%m-%d %H:%M}Z"
        reason = f"{number} missed until {until}, fired by no scheduler (misfire: {schedule.misfire})."
        ticks.insert(0, Tick(schedule=schedule, due_at=missed[0], missed=len(missed), reason=reason))
    return ticks
