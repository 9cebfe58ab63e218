"""A thing that schedules can start: an execution that nobody ends but the test."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from apps.core.errors import ConflictError, DomainError
from apps.core.ids import new_id
from apps.executions import kinds
from apps.executions.models import TERMINAL, Execution, State
from apps.executions.services import start_execution
from apps.schedules import targets
from apps.schedules.services import set_schedule


@dataclass
class Probe:
    """A schedule target. `trouble` maps a target's id to what its start raises, after it has written its execution."""

    organization: object
    trouble: dict[uuid.UUID, Exception] = field(default_factory=dict)

    def start(self, schedule, due_at, cause):
        execution = start_execution(
            organization_id=schedule.organization_id, kind="probe", target_id=schedule.target_id, cause=cause
        )
        if schedule.target_id in self.trouble:
            raise self.trouble[schedule.target_id]
        return execution.id

    def is_busy(self, schedule):
        return Execution.objects.filter(target_id=schedule.target_id).exclude(state__in=TERMINAL).exists()

    def start_many(self, dues):
        """What a target in trouble answers: a DomainError is its own, anything else spoils the lot."""
        outcomes = []
        for due in dues:
            error = self.trouble.get(due.schedule.target_id)
            if error is None:
                outcomes.append(self.start(due.schedule, due.due_at, due.cause))
            elif isinstance(error, DomainError):
                outcomes.append(error)
            else:
                raise error
        return outcomes

    def busy_among(self, schedules):
        return {schedule.id for schedule in schedules if self.is_busy(schedule)}

    def schedule(self, expression="? 0 * * * *", **values):
        target_id = values.pop("target_id", None) or new_id()
        return set_schedule(
            organization_id=self.organization.id,
            target_kind="probe",
            target_id=target_id,
            expression=expression,
            **values,
        )

    def refuse(self, schedule, error=None):
        self.trouble[schedule.target_id] = error or ConflictError("The flow is disabled.")

    def finish_all(self):
        Execution.objects.update(state=State.SUCCEEDED)


@pytest.fixture(params=["one by one", "in bulk"])
def probe(request, organization, monkeypatch) -> Probe:
    probe = Probe(organization)
    bulk = {"start_many": probe.start_many, "busy_among": probe.busy_among} if request.param == "in bulk" else {}
    monkeypatch.setitem(kinds._kinds, "probe", kinds.ExecutionKind(name="probe", run=lambda run: None))
    target = targets.ScheduleTarget(kind="probe", start=probe.start, is_busy=probe.is_busy, **bulk)
    monkeypatch.setitem(targets._targets, "probe", target)
    return probe


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
