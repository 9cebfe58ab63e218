"""A scheduled moment that started nothing: no scheduler fired it, or what it starts could not be started."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

from apps.alarms.kinds.base import MOST_SUBJECTS, AlarmKind, Subject, Subjects
from apps.alarms.kinds.execution_failed import in_scope
from apps.alarms.kinds.naming import name_of
from apps.alarms.rules import Limits
from apps.core.ids import parse_id
from apps.events.models import Event
from apps.schedules.models import Schedule, Tick
from apps.schedules.planning import GRACE

OVERDUE = uuid.UUID("6f1b54d8-5a44-4f0e-9a8a-51f5a1c5a5e1")  # names the cases of moments that nothing has fired


def seen(event: Event) -> Subject | None:
    schedule = Schedule.objects.filter(pk=event.subject_id).first() if event.subject_id else None
    if schedule is None:
        return None
    return subject_of(schedule, message=event.data.get("reason", ""), times=event.data.get("missed", 1))


def gather(organization_id: uuid.UUID, now: datetime) -> Iterable[tuple[uuid.UUID, datetime, Subject]]:
    """What is overdue and was not fired: while no scheduler runs, no event tells of it."""
    late = Schedule.objects.filter(organization_id=organization_id, enabled=True, next_due_at__lt=now - GRACE)
    for schedule in late.order_by("next_due_at")[:MOST_SUBJECTS]:
        due_at = schedule.next_due_at
        message = f"It was due at {due_at:%Y-%m-%d %H:%M} UTC, and no scheduler has fired it."
        yield uuid.uuid5(OVERDUE, f"{schedule.id}:{due_at.isoformat()}"), now, subject_of(schedule, message=message)


def subject_of(schedule: Schedule, *, message: str, times: int = 1) -> Subject:
    name = name_of(schedule.target_kind, schedule.target_id)
    return Subject(
        kind=schedule.target_kind, id=schedule.target_id, name=name, message=message, page=("schedule", schedule.id),
        integration_id=schedule.integration_id, times=times,
    )  # fmt: skip


def recovered(organization_id: uuid.UUID, subjects: Subjects) -> Collection[str]:
    """A later moment of the schedule has started something; a schedule that is gone or switched off misses nothing."""
    found = []
    for key, subject in subjects.items():
        rows = Schedule.objects.filter(organization_id=organization_id)
        schedule_id = parse_id(subject["page"][1])
        schedule = rows.filter(pk=schedule_id).first() if schedule_id else None
        if schedule is None or not schedule.enabled or schedule.paused:
            found.append(key)
            continue
        fired = Tick.objects.filter(schedule=schedule, execution_id__isnull=False).order_by("-due_at").first()
        if fired is not None and fired.created_at > datetime.fromisoformat(subject["last"]):
            found.append(key)
    return found


def suspects(now: datetime) -> Iterable[uuid.UUID]:
    late = Schedule.objects.due(now - GRACE).order_by()
    return late.values_list("organization_id", flat=True).distinct()


MISSED_TICK = AlarmKind(
    name="missed_tick",
    title="Scheduled run missed",
    advice="Check that a scheduler process lives (the dashboard says so; manage.py scheduler starts one) and open the"
    " schedule: it lists the moments that were missed. Run by hand what cannot wait.",
    limits=Limits(threshold=1, most=1_000_000, window=3600, scopes=("_integrationId", "_flowId", "_automationId")),
    threshold_means="cases of missed moments within the window",
    events=frozenset({"schedule.missed"}),
    seen=seen,
    in_scope=in_scope,
    gather=gather,
    recovered=recovered,
    suspects=suspects,
)
