"""What schedules can start. Upper apps register theirs in AppConfig.ready; a schedule names its target by a word."""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.core.errors import DomainError
from apps.schedules.models import Schedule


@dataclass(frozen=True)
class Due:
    """`cause` is unique to the tick: pass it on to the execution."""

    schedule: Schedule
    due_at: datetime
    cause: str


@dataclass(frozen=True)
class ScheduleTarget:
    """`start(schedule, due_at, cause)` runs inside the tick's transaction and returns the execution's id.

    A DomainError it raises is kept as the reason why the tick ran nothing; what it wrote is rolled back. With `overlap`
    queue it must see to the order itself (serial_key). `is_busy(schedule)` tells whether an earlier run has not ended.

    The other two do the same for many at once, for hours at which thousands are due: `busy_among` answers the ids of
    the busy schedules; `start_many` one id, or one DomainError (of a start that wrote nothing), for each. If it raises,
    all of it is rolled back and they are started one by one.
    """

    kind: str
    start: Callable[[Schedule, datetime, str], uuid.UUID]
    is_busy: Callable[[Schedule], bool]
    start_many: Callable[[Sequence[Due]], Sequence[uuid.UUID | DomainError]] | None = None
    busy_among: Callable[[Sequence[Schedule]], Collection[uuid.UUID]] | None = None

    def __post_init__(self) -> None:
        if (self.start_many is None) != (self.busy_among is None):
            raise ValueError(f"schedule target {self.kind} needs start_many and busy_among, or neither")


_targets: dict[str, ScheduleTarget] = {}


def register(target: ScheduleTarget) -> None:
    if target.kind in _targets:
        raise ValueError(f"schedule target {target.kind} is registered twice")
    _targets[target.kind] = target


def find(kind: str) -> ScheduleTarget | None:
    return _targets.get(kind)
