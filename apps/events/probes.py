"""What the doctor asks of events: each that somebody waits for has work, and no work is left of others."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from apps.events import services
from apps.events.models import Event
from apps.work.doctor import SHOWN_PER_PROBE, Finding
from apps.work.models import WorkItem


def without_work() -> Iterable[Finding]:
    items = WorkItem.objects.filter(kind=services.WORK, target_id=OuterRef("pk"))
    for event in Event.objects.exclude(waiting_for="").filter(~Exists(items)).order_by("id")[:SHOWN_PER_PROBE]:
        what = f"{event.waiting_for} waits for it, and no work item is left to deliver it"
        yield Finding("event", event.id, what, "Insert a work item of kind event for it.")


def work_without_event() -> Iterable[Finding]:
    waiting = Event.objects.filter(pk=OuterRef("target_id")).exclude(waiting_for="")
    items = WorkItem.objects.filter(~Exists(waiting), kind=services.WORK, lease_until__isnull=True)
    for item in items.order_by("id")[:SHOWN_PER_PROBE]:
        what = "its work item is still there, though it is delivered or gone"
        yield Finding("event", item.target_id, what, "A worker drops it when it is due.")


PROBES = {"events without work": without_work, "work of delivered events": work_without_event}
