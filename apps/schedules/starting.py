"""Starting the executions of ticks, all of a kind at once where the target can, else one by one.

The surprise: a bulk start that raises is rolled back and done again one by one, so that the one at fault is found.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import structlog
from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from apps.core.errors import DomainError
from apps.core.ids import hex24
from apps.schedules import targets
from apps.schedules.models import Schedule, Tick
from apps.schedules.targets import Due, ScheduleTarget

log = structlog.get_logger(__name__)
BUSY = "The run before it has not ended."
QUEUED = "Queued behind the run before it, which has not ended."


def start_all(ticks: Sequence[Tick]) -> None:
    """Fills in each tick's execution, or the reason why it has none. Raises only what the database has against us."""
    alone: list[Tick] = []
    together: defaultdict[str, list[Tick]] = defaultdict(list)
    times = Counter(tick.schedule_id for tick in ticks)
    for tick in ticks:
        target = targets.find(tick.schedule.target_kind)
        # Several ticks of one schedule may wait for each other: each must see what became of the one before.
        in_bulk = target is not None and target.start_many is not None and times[tick.schedule_id] == 1
        (together[tick.schedule.target_kind] if in_bulk else alone).append(tick)
    for kind, some in together.items():
        alone += start_together(targets.find(kind), some)
    for tick in alone:
        start_alone(tick)


def start_together(target: ScheduleTarget | None, ticks: Sequence[Tick]) -> Sequence[Tick]:
    """Returns those that must be started one by one after all."""
    if target is None or target.start_many is None or target.busy_among is None:
        return ticks
    try:
        with transaction.atomic():
            busy = target.busy_among([tick.schedule for tick in ticks])
            free = [tick for tick in ticks if not (tick.schedule_id in busy and skips(tick.schedule))]
            outcomes = target.start_many([due(tick) for tick in free]) if free else []
            answers = list(zip(free, outcomes, strict=True))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.warning("a bulk start failed; starting one by one", target_kind=target.kind, error=repr(error))
        return ticks
    for tick in ticks:
        if tick.schedule_id in busy:
            tick.reason = BUSY if skips(tick.schedule) else QUEUED
    for tick, outcome in answers:
        if isinstance(outcome, DomainError):
            tick.reason = outcome.message[:200]
        else:
            tick.execution_id = outcome
    return []


def start_alone(tick: Tick) -> None:
    cause = due(tick).cause
    try:
        with transaction.atomic():
            start(tick, cause)
    except DomainError as error:
        tick.reason = error.message[:200]
    except (OperationalError, InterfaceError):
        raise  # the database, not the target: the batch is rolled back and the next turn tries again
    except IntegrityError:
        log.exception("a tick's execution could not be written", cause=cause)
        tick.reason = "The start clashed with a row that exists already."
    except Exception as error:
        log.exception("a scheduled start failed", cause=cause, target_kind=tick.schedule.target_kind)
        tick.reason = f"The start failed by an internal error ({type(error).__name__})."


def start(tick: Tick, cause: str) -> None:
    schedule = tick.schedule
    target = targets.find(schedule.target_kind)
    if target is None:
        raise DomainError(f"Nothing here can run a {schedule.target_kind}.")
    if target.is_busy(schedule):
        if skips(schedule):
            raise DomainError(BUSY)
        tick.reason = QUEUED
    tick.execution_id = target.start(schedule, tick.due_at, cause)


def skips(schedule: Schedule) -> bool:
    return schedule.overlap == Schedule.Overlap.SKIP


def due(tick: Tick) -> Due:
    cause = f"tick:{hex24(tick.schedule_id)}:{tick.due_at:%Y-%m-%dT%H:%M:%SZ}"
    return Due(schedule=tick.schedule, due_at=tick.due_at, cause=cause)
