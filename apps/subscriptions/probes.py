"""What the doctor asks of deliveries: each subscription that has some waiting has work, and so has each fan-out."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from apps.subscriptions import fanning, services
from apps.subscriptions.models import Delivery, FanOut, Subscription
from apps.work.doctor import SHOWN_PER_PROBE, Finding
from apps.work.models import WorkItem


def without_work() -> Iterable[Finding]:
    waiting = Delivery.objects.filter(subscription=OuterRef("pk"), state=Delivery.State.PENDING)
    items = WorkItem.objects.filter(kind=services.WORK, target_id=OuterRef("pk"))
    rows = Subscription.objects.wanted().filter(Exists(waiting), ~Exists(items))
    for row in rows.order_by("id")[:SHOWN_PER_PROBE]:
        what = "deliveries of it wait, and no work item is left to push them"
        yield Finding("subscription", row.id, what, "Replay one of its deliveries: that brings the others along.")


def waiting_for_nobody() -> Iterable[Finding]:
    rows = Delivery.objects.filter(state=Delivery.State.PENDING).filter(subscription__enabled=False)
    for row in rows.order_by("id")[:SHOWN_PER_PROBE]:
        yield Finding("delivery", row.id, "it waits, and its subscription is disabled", "Enable the subscription.")


def fan_outs_without_work() -> Iterable[Finding]:
    items = WorkItem.objects.filter(kind=fanning.WORK, target_id=OuterRef("pk"))
    for row in FanOut.objects.filter(~Exists(items)).order_by("pk")[:SHOWN_PER_PROBE]:
        what = "it has not reached all its subscriptions, and no work item is left to go on"
        yield Finding("event", row.pk, what, "Insert a work item of kind fanout for it.")


PROBES = {
    "deliveries without work": without_work,
    "deliveries of disabled subscriptions": waiting_for_nobody,
    "fan-outs without work": fan_outs_without_work,
}
