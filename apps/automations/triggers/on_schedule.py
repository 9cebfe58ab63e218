"""`onSchedule`: at the moments that a cron expression of six fields names, in a time zone. One an automation.

A repeated hour fires once, a moment in a skipped one is moved. `misfire` (skip, latest, all) says what becomes of
moments that passed while no scheduler ran, `overlap` (skip, queue) of one that comes while the run before it has not
ended; one that is queued runs after it. The run sees `data.dueAt`. A tick whose conditions do not hold says so.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from apps.automations.errors import fault
from apps.automations.models import Automation, Type
from apps.automations.runs import KIND as RUN
from apps.automations.runs import NewRun, start_run, start_runs
from apps.automations.triggers.registry import Document, TriggerKind
from apps.automations.triggers.starting import run_of
from apps.core.errors import DomainError, ValidationError
from apps.engine.dates.zones import is_zone
from apps.executions.models import TERMINAL, Execution
from apps.schedules.models import Schedule
from apps.schedules.services import drop_schedules, read_expression, rest_schedules, set_schedule
from apps.schedules.targets import Due, ScheduleTarget
from apps.wire.stamps import stamp

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["schedule"],
    "properties": {
        "schedule": {"type": "string", "minLength": 1},
        "timezone": {"type": "string", "minLength": 1},
        "misfire": {"enum": list(Schedule.Misfire.values)},
        "misfireCap": {"type": "integer", "minimum": 1, "maximum": 1000},
        "overlap": {"enum": list(Schedule.Overlap.values)},
    },
}
UNMET = "The conditions of its trigger did not hold."


def check(document: Document, at: str, organization_id: uuid.UUID) -> None:
    try:
        read_expression(document["schedule"], field=f"{at}.schedule")
    except ValidationError as error:
        raise fault(f"{at}.schedule", error.message) from None
    if not is_zone(document.get("timezone") or "UTC"):
        raise fault(f"{at}.timezone", f"{document['timezone']} is not the name of a time zone")


def sync(automation: Automation, documents: Sequence[Document]) -> None:
    target: dict[str, Any] = {"target_kind": RUN, "target_id": automation.id}
    if not documents and not automation.is_active:
        rest_schedules(**target)
    elif not documents:
        drop_schedules(**target)
    else:
        [document] = documents
        set_schedule(
            organization_id=automation.organization_id,
            expression=document["schedule"],
            timezone=document.get("timezone") or "UTC",
            misfire=document.get("misfire") or Schedule.Misfire.LATEST,
            misfire_cap=document.get("misfireCap") or 10,
            overlap=document.get("overlap") or Schedule.Overlap.SKIP,
            **target,
        )


def drop(automation: Automation) -> None:
    drop_schedules(target_kind=RUN, target_id=automation.id)


def start(schedule: Schedule, due_at: datetime, cause: str) -> uuid.UUID:
    automation = Automation.objects.filter(pk=schedule.target_id).first()
    return start_run(run_at(automation, Due(schedule, due_at, cause))).id


def run_at(automation: Automation | None, due: Due) -> NewRun:
    """Raises DomainError where there is nothing to run: the tick keeps it as its reason."""
    if automation is None:
        raise DomainError("The automation does not exist any more.")
    if not automation.is_active:
        raise DomainError("The automation is switched off.")
    moment = stamp(due.due_at)
    new = run_of(
        automation, KIND, cause=due.cause, triggered_by="schedule", line=line_of(due.schedule),
        values={"data": {"dueAt": moment}, "event": {"type": "schedule", "dueAt": moment}},
    )  # fmt: skip
    if new is None:
        raise DomainError(UNMET)
    return new


def line_of(schedule: Schedule) -> str:
    """What its runs stand in line by, where each is to wait for the one before it."""
    return f"schedule:{schedule.id.hex}" if schedule.overlap == Schedule.Overlap.QUEUE else ""


def start_many(dues: Sequence[Due]) -> Sequence[uuid.UUID | DomainError]:
    automations = Automation.objects.in_bulk([due.schedule.target_id for due in dues])
    outcomes: list[uuid.UUID | DomainError] = []
    wanted: list[NewRun] = []
    for due in dues:
        try:
            new = run_at(automations.get(due.schedule.target_id), due)
        except DomainError as error:
            outcomes.append(error)
            continue
        wanted.append(new)
        outcomes.append(new.id)
    start_runs(wanted)
    return outcomes


def is_busy(schedule: Schedule) -> bool:
    return bool(busy_among([schedule]))


def busy_among(schedules: Sequence[Schedule]) -> Collection[uuid.UUID]:
    """A run that some other trigger has started is none of the schedule's."""
    runs = Execution.objects.filter(kind=RUN, target_id__in=[schedule.target_id for schedule in schedules])
    runs = runs.filter(triggered_by="schedule").exclude(state__in=TERMINAL)
    busy = set(runs.values_list("target_id", flat=True))
    return {schedule.id for schedule in schedules if schedule.target_id in busy}


KIND = TriggerKind(
    name="onSchedule", schema=SCHEMA, types=frozenset({Type.AUTOMATION}), sync=sync, drop=drop, check=check, most=1
)
TARGET = ScheduleTarget(kind=RUN, start=start, is_busy=is_busy, start_many=start_many, busy_among=busy_among)
