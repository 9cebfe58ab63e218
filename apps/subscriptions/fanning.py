"""From one event to its subscriptions' deliveries. The first ones are made where the event is dispatched, the rest in
batches of their own, each keeping how far it has come: ten thousand subscribers are no transaction of ten thousand.
"""

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet

from apps.core import clock
from apps.core.ids import parse_id
from apps.core.joined import Statement
from apps.events.consumers import EventConsumer
from apps.events.models import Event
from apps.inbound.routing import FIRED
from apps.subscriptions import services
from apps.subscriptions.models import Delivery, FanOut, Interest, Subscription
from apps.work import services as work
from apps.work import sql
from apps.work.kinds import Claim, WorkKind
from apps.work.models import Lane

WORK = "fanout"
BATCH = 500
NAME = "subscriptions"
# Asked at the end of every execution, so the server plans it once a connection.
LISTENING = (
    "SELECT 1 FROM subscriptions_interest i JOIN subscriptions_subscription s ON s.id = i.subscription_id"
    " AND s.enabled WHERE i.organization_id = %s AND i.pattern IN"
)


def listens(organization_id: uuid.UUID, type: str) -> bool | Statement:
    """Of a fired trigger the inbound side has made sure already that somebody listens."""
    if type == FIRED:
        return True
    patterns = patterns_of(type)
    marks = ", ".join(["%s"] * len(patterns))
    return Statement(f"{LISTENING} ({marks})", [sql.param(organization_id), *patterns])


def patterns_of(type: str) -> list[str]:
    parts = type.split(".")
    return [type, "*", *(".".join(parts[:end]) + ".*" for end in range(1, len(parts)))]


def deliver(event: Event) -> None:
    """Called by the dispatcher, in its transaction."""
    after = fan_out(event, None)
    if after is None:
        return
    FanOut.objects.update_or_create(event=event, defaults={"after": after})
    work.ensure_many(kind=WORK, lane=Lane.INTERACTIVE, organization_id=event.organization_id, target_ids=[event.id])


def fan_out(event: Event, after: uuid.UUID | None) -> uuid.UUID | None:
    """Makes the next deliveries of an event; the last subscription's id if there may be more."""
    ids = subscribers(event, after)
    add_deliveries(event, ids)
    return ids[-1] if len(ids) == BATCH else None


def subscribers(event: Event, after: uuid.UUID | None) -> list[uuid.UUID]:
    rows: QuerySet[Subscription] = Subscription.objects.filter(organization_id=event.organization_id).wanted()
    rows = to_trigger(rows, event) if event.type == FIRED else to_events(rows, event)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])


def to_trigger(rows: "QuerySet[Subscription]", event: Event) -> "QuerySet[Subscription]":
    """One listener's own item, or a notification for all that listen to its trigger and key."""
    if event.subject_kind == "listener":
        return rows.filter(listener=event.subject_id)
    data = event.data
    rows = rows.filter(listener__hook=parse_id(data["hook"]), listener__trigger_name=data["trigger"])
    rows = rows.filter(listener__state__in=("active", "registering"))
    return rows.filter(listener__key__in=["", *data["keys"]]) if data["keys"] else rows


def to_events(rows: "QuerySet[Subscription]", event: Event) -> "QuerySet[Subscription]":
    """Nobody is told of their own failing: that would only fail again."""
    interested = Interest.objects.filter(organization_id=event.organization_id, pattern__in=patterns_of(event.type))
    rows = rows.filter(pk__in=interested.values("subscription_id"))
    itself = event.subject_id if event.subject_kind == "subscription" else None
    return rows.exclude(pk=itself) if itself else rows


def add_deliveries(event: Event, ids: Sequence[uuid.UUID]) -> None:
    if not ids:
        return
    now = clock.now()
    Delivery.objects.bulk_create(
        [
            Delivery(organization_id=event.organization_id, subscription_id=row_id, event_id=event.id, next_at=now)
            for row_id in ids
        ],
        ignore_conflicts=True,
    )
    services.wake(ids, organization_id=event.organization_id)


def handle(claims: list[Claim]) -> None:
    for claim in claims:
        go_on(claim)


def go_on(claim: Claim) -> None:
    """Batch after batch until the event has reached everybody, or the slice is over."""
    while True:
        with transaction.atomic():
            place = FanOut.objects.select_related("event").filter(pk=claim.target_id).first()
            after = fan_out(place.event, place.after) if place else None
            if place is None or after is None:
                FanOut.objects.filter(pk=claim.target_id).delete()
                work.finish([claim])
                return
            work.progress([claim])
            FanOut.objects.filter(pk=place.pk).update(after=after)
        if claim.slice_is_over:
            work.release([claim])
            return


FANOUT_KIND = WorkKind(name=WORK, handle=handle)
CONSUMER = EventConsumer(name=NAME, deliver=deliver, listens=listens)
