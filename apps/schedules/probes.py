"""What the doctor asks of schedules: is one overdue that a scheduler should have fired."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models.functions import Now

from apps.schedules.models import Schedule
from apps.work.doctor import SHOWN_PER_PROBE, Finding

OVERDUE = timedelta(minutes=5)


def overdue() -> Iterable[Finding]:
    late = Schedule.objects.filter(enabled=True, next_due_at__lt=Now() - OVERDUE).order_by("next_due_at")
    for schedule in late[:SHOWN_PER_PROBE]:
        what = f"it was due at {schedule.next_due_at.isoformat(timespec='seconds')} and has not fired"
        yield Finding("schedule", schedule.id, what, "Start a scheduler: manage.py scheduler.")


PROBES = {"overdue schedules": overdue}
