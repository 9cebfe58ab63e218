"""What a schedule does with a flow: starts a run of it, or of one of its generators, if none is under way."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from apps.core.errors import DomainError, ValidationError
from apps.executions.models import TERMINAL, Execution
from apps.executions.services import NewExecution, start_executions
from apps.flows.models import Flow
from apps.flows.services.runs import run_input, start_flow
from apps.schedules.models import Schedule
from apps.schedules.targets import Due, ScheduleTarget


def start(schedule: Schedule, due_at: datetime, cause: str) -> uuid.UUID:
    flow = Flow.objects.filter(pk=schedule.target_id).first()
    if flow is None:
        raise ValidationError("The flow does not exist any more.", code="invalid_flow")
    return start_flow(flow=flow, triggered_by="schedule", cause=cause, options=options_of(schedule)).id


def options_of(schedule: Schedule) -> dict[str, Any]:
    """A generator's own schedule runs it alone; the flow's runs those without one."""
    return {"generator": schedule.generator} if schedule.generator else {"withoutSchedule": True}


def start_many(dues: Sequence[Due]) -> Sequence[uuid.UUID | DomainError]:
    """Snapshots one by one, rows and work items all at once."""
    flows = Flow.objects.select_related("integration").in_bulk([due.schedule.target_id for due in dues])
    outcomes: list[uuid.UUID | DomainError] = []
    wanted: list[NewExecution] = []
    for due in dues:
        flow = flows.get(due.schedule.target_id)
        try:
            if flow is None:
                raise ValidationError("The flow does not exist any more.", code="invalid_flow")
            options = options_of(due.schedule)
            new = run_input(flow=flow, triggered_by="schedule", cause=due.cause, options=options)
        except DomainError as error:
            outcomes.append(error)
            continue
        wanted.append(new)
        outcomes.append(new.id)
    start_executions(wanted)
    return outcomes


def is_busy(schedule: Schedule) -> bool:
    return bool(busy_among([schedule]))


def busy_among(schedules: Sequence[Schedule]) -> Collection[uuid.UUID]:
    targets = [schedule.target_id for schedule in schedules]
    open_runs = Execution.objects.filter(kind="flow", target_id__in=targets).exclude(state__in=TERMINAL)
    busy = set(open_runs.values_list("target_id", flat=True))
    return {schedule.id for schedule in schedules if schedule.target_id in busy}


TARGET = ScheduleTarget(kind="flow", start=start, is_busy=is_busy, start_many=start_many, busy_among=busy_among)
