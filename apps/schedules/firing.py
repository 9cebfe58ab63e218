"""Firing what is due. The surprise: one transaction fires a batch of schedules, each with its tick and its execution.

Any number of schedulers may do it at once: a batch locks its schedules and passes over those that another has locked,
and a row is moved only if its revision and due moment are still those that were read.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import OperationalError, transaction

from apps.core import clock
from apps.core.ids import hex24
from apps.events.services import emit
from apps.schedules.models import Schedule, Tick
from apps.schedules.planning import due_of, plan
from apps.schedules.starting import BUSY, start_all

BATCH = 200
MISSED = "schedule.missed"


def fire_due(*, limit: int = 10_000) -> int:
    """Fires up to `limit` due schedules; returns how many. What cannot start is written down and stops no other."""
    fired = 0
    while fired < limit:
        batch = fire_batch(min(BATCH, limit - fired))
        fired += batch
        if not batch:
            break
    return fired


@transaction.atomic
def fire_batch(size: int) -> int:
    moment = clock.now()
    due = Schedule.objects.due(moment).select_for_update(skip_locked=True)
    schedules = list(due.order_by("next_due_at")[:size])
    if not schedules:
        return 0
    # A clock that was set back, or a schedule saved anew, may bring a moment up again that was fired before.
    fired = Tick.objects.filter(schedule__in=schedules, due_at__gte=due_of(schedules[0]))
    known = set(fired.values_list("schedule_id", "due_at"))
    ticks: list[Tick] = []
    moves: defaultdict[tuple[int, datetime, datetime | None], list[Schedule]] = defaultdict(list)
    for schedule in schedules:
        planned, next_due_at = plan(schedule, moment)
        ticks += [tick for tick in planned if (schedule.id, tick.due_at) not in known]
        moves[schedule.revision, due_of(schedule), next_due_at].append(schedule)
    for (revision, due_at, next_due_at), moved in moves.items():
        move(moved, revision=revision, due_at=due_at, next_due_at=next_due_at)
    start_all([tick for tick in ticks if not tick.missed])
    Tick.objects.bulk_create(ticks)
    for tick in ticks:
        tell_missed(tick)
    return len(schedules)


def tell_missed(tick: Tick) -> None:
    """A moment that was to start something and has not, unless its schedule wants that: the run before it goes on."""
    if tick.execution_id is not None or tick.reason == BUSY:
        return
    schedule = tick.schedule
    emit(
        organization_id=schedule.organization_id, type=MISSED, subject_kind="schedule", subject_id=schedule.id,
        data={"schedule": hex24(schedule.id), "dueAt": tick.due_at.isoformat(), "missed": max(tick.missed, 1),
              "reason": tick.reason, "targetKind": schedule.target_kind, "target": hex24(schedule.target_id)},
    )  # fmt: skip


def move(schedules: Sequence[Schedule], *, revision: int, due_at: datetime, next_due_at: datetime | None) -> None:
    rows = Schedule.objects.filter(
        id__in=[schedule.id for schedule in schedules], revision=revision, next_due_at=due_at, enabled=True
    )
    if rows.update(next_due_at=next_due_at) != len(schedules):
        raise OperationalError("Schedules changed under their lock; nothing was fired, the next turn tries again.")
