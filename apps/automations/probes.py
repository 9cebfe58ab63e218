"""What the doctor asks of automations: what is on its way to runs (events, saves, triggers) has work that brings it."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from apps.automations import backfilling
from apps.automations.models import Backfill, FanOut, Firing
from apps.automations.triggers import fanning, firing
from apps.work.doctor import SHOWN_PER_PROBE, Finding
from apps.work.models import WorkItem


def without(rows: "QuerySet[Any]", kind: str, *, target: str = "pk") -> list[Any]:
    items = WorkItem.objects.filter(kind=kind, target_id=OuterRef(target))
    return list(rows.filter(~Exists(items)).order_by("pk")[:SHOWN_PER_PROBE])


def events_not_asked() -> Iterable[Finding]:
    for row in without(FanOut.objects.all(), fanning.WORK, target="event_id"):
        what = "not all automations that listen to it were asked, and no work item is left to go on"
        yield Finding("event", row.event_id, what, f"Insert a work item of kind {fanning.WORK} for it.")


def backfills_without_work() -> Iterable[Finding]:
    for row in without(Backfill.objects.all(), backfilling.WORK):
        what = "its run over the entities there are has stopped, and no work item is left to go on"
        advice = f"Insert a work item of kind {backfilling.WORK} for {row.hex_id}, or save it with trigger=true again."
        yield Finding("automation", row.automation_id, what, advice)


def firings_without_work() -> Iterable[Finding]:
    for row in without(Firing.objects.all(), firing.WORK):
        what = "its trigger has fired, and no work item is left to start the run"
        yield Finding("firing", row.id, what, f"Insert a work item of kind {firing.WORK} for it.")


PROBES = {
    "automations not asked": events_not_asked,
    "backfills without work": backfills_without_work,
    "firings without work": firings_without_work,
}
