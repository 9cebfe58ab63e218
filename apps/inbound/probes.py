"""What the doctor asks of what comes in: each notification that waits has work, and so has each listener."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from apps.inbound import listeners
from apps.inbound.models import Listener, Notification
from apps.inbound.receiving import WORK
from apps.work.doctor import SHOWN_PER_PROBE, Finding
from apps.work.models import WorkItem

State = Listener.State


def without(rows: "QuerySet[Any]", kind: str) -> list[Any]:
    items = WorkItem.objects.filter(kind=kind, target_id=OuterRef("pk"))
    return list(rows.filter(~Exists(items)).order_by("id")[:SHOWN_PER_PROBE])


def notifications_without_work() -> Iterable[Finding]:
    for row in without(Notification.objects.filter(state=Notification.State.RECEIVED), WORK):
        what = "it was accepted, and no work item is left to route it"
        yield Finding("notification", row.id, what, "Insert a work item of kind notification for it.")


def listeners_without_work() -> Iterable[Finding]:
    rows = Listener.objects.filter(state__in=(State.REGISTERING, State.ENDING))
    for row in without(rows, listeners.LISTENER):
        what = f"it is {row.state}, and no work item is left to see to it"
        yield Finding("listener", row.id, what, "Insert a work item of kind listener for it.")


def polls_without_work() -> Iterable[Finding]:
    rows = Listener.objects.filter(state=State.ACTIVE, trigger__schema__has_key="x-poll")
    for row in without(rows, listeners.POLL):
        what = "its trigger is polled, and no work item is left to do it"
        yield Finding("listener", row.id, what, "Insert a work item of kind poll for it.")


PROBES = {
    "notifications without work": notifications_without_work,
    "listeners without work": listeners_without_work,
    "polled triggers without work": polls_without_work,
}
