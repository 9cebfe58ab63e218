"""The work kind `deliveries`: one item a subscription that has something to push. A turn pushes what is due, then the
item waits for the next that is.

The surprise: after it has settled, a turn looks once more, in the same transaction: what came while it was held made
no item of its own.
"""

import random
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min

from apps.core import clock
from apps.core.ids import hex24
from apps.core.vault import VaultError
from apps.events.services import emit
from apps.inbound import polling
from apps.subscriptions import services
from apps.subscriptions.models import Delivery, Subscription
from apps.subscriptions.pushing import Pushed, push
from apps.subscriptions.secrets import Secrets, unseal
from apps.work import services as work
from apps.work import sql
from apps.work.kinds import Claim, WorkKind
from apps.work.models import Lane

# Seconds after each failed attempt; after the last the delivery is a dead letter.
RETRY_AFTER = (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
JITTER = 0.1
FAILING_LIMIT = timedelta(days=5)
BATCH, WEAK_BATCH = 30, 5  # a subscriber that fails gets few at a time
CONCURRENCY = 10
TURN_SECONDS = 2.0  # then the next subscription's turn
SLOW_SECONDS = 5.0  # a batch that took longer is followed by a rest of as many times its length
REST_FACTOR = 3.0
LOGGED = 12
RELATED = ("listener__hook__connector", "listener__trigger__component__connector", "listener__end_user",
           "listener__connector_version__connector", "listener__connection__security",
           "listener__connector_version__default_security")  # fmt: skip
State = Delivery.State
UPDATED = ["state", "attempts", "next_at", "status", "message", "log", "milliseconds", "delivered_at", "payload",
           "updated_at"]  # fmt: skip


def handle(claims: list[Claim]) -> None:
    for claim in claims:
        take_turn(claim)


def take_turn(claim: Claim) -> None:
    ends = time.monotonic() + TURN_SECONDS
    while True:
        subscription = Subscription.objects.select_related(*RELATED).filter(pk=claim.target_id).first()
        resting = subscription is not None and subscription.rest_until is not None
        if subscription is None or (resting and subscription.rest_until > clock.now()):
            break
        due = due_of(subscription)
        if not due:
            break
        started = time.monotonic()
        done = push_all(subscription, due)
        settle(claim, subscription, done, seconds=time.monotonic() - started)
        if time.monotonic() > ends or claim.slice_is_over or not all(one.ok or one.skipped for one in done):
            break
    with transaction.atomic():
        work.finish([claim])
        go_on_later(claim.target_id)


def due_of(subscription: Subscription) -> list[Delivery]:
    if not subscription.enabled or not subscription.url:
        return []
    rows = Delivery.objects.filter(subscription=subscription, state=State.PENDING, next_at__lte=clock.now())
    size = WEAK_BATCH if subscription.failing_since else BATCH
    return list(rows.select_related("event").order_by("next_at", "id")[:size])


def push_all(subscription: Subscription, due: Sequence[Delivery]) -> list[Pushed]:
    try:
        secrets: Secrets = unseal(subscription)
    except VaultError as error:
        return [Pushed(delivery, message=str(error)[:300]) for delivery in due]
    return push(subscription, due, secrets=secrets, concurrency=CONCURRENCY)


@transaction.atomic
def settle(claim: Claim, subscription: Subscription, done: Sequence[Pushed], *, seconds: float) -> None:
    """Keeps what came of a batch. A subscription that was deleted meanwhile takes its deliveries with it."""
    work.progress([claim])
    now = clock.now()
    for one in done:
        note(one, now=now)
    write_down([one.delivery for one in done])
    if subscription.listener is not None:
        polling.note_seen(subscription.listener, [one.delivery.event for one in done])
    for one in done:
        if one.delivery.state == State.FAILED:
            tell_dead(subscription, one)
    judge(subscription, done, now=now, seconds=seconds)


def write_down(deliveries: Sequence[Delivery]) -> None:
    """What went well is most of it, and written by one prepared statement: the ORM's CASE of every column costs more
    than the pushes themselves."""
    well = [row for row in deliveries if row.state == State.SUCCEEDED]
    rest = [row for row in deliveries if row.state != State.SUCCEEDED]
    if rest:
        Delivery.objects.bulk_update(rest, UPDATED)
    if not well:
        return
    table = connection.ops.quote_name(Delivery._meta.db_table)
    names = ("state", "attempts", "status", "message", "milliseconds", "delivered_at", "updated_at", "payload")
    members = ", ".join(f"{name} = %s" for name in names)
    values = [[sql.param(getattr(row, name)) for name in (*names, "id")] for row in well]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET {members} WHERE id = %s", values)  # noqa: S608 - names are constants


def note(one: Pushed, *, now: datetime) -> None:
    delivery = one.delivery
    delivery.updated_at, delivery.status, delivery.milliseconds = now, one.status, one.milliseconds
    delivery.message = one.message
    if one.skipped:
        delivery.state = State.SKIPPED
        return
    delivery.attempts += 1
    if one.ok:
        delivery.state, delivery.delivered_at = State.SUCCEEDED, now
        return
    entry = {"at": now.isoformat(timespec="seconds"), "status": one.status, "message": one.message}
    delivery.log = [*delivery.log, entry][-LOGGED:]
    if delivery.attempts > len(RETRY_AFTER) or one.gone:
        delivery.state = State.FAILED
        return
    pause = RETRY_AFTER[delivery.attempts - 1] * random.uniform(1, 1 + JITTER)  # noqa: S311 - spreads, hides nothing
    next_at = now + timedelta(seconds=pause)
    delivery.next_at = max(next_at, one.until) if one.until else next_at


def judge(subscription: Subscription, done: Sequence[Pushed], *, now: datetime, seconds: float) -> None:
    """What the batch says of the subscriber: gone, failing since when, in need of rest."""
    rows = Subscription.objects.filter(pk=subscription.id)
    pushed = [one for one in done if not one.skipped]
    if not pushed:
        return
    failing = not any(one.ok for one in pushed)
    since = (subscription.failing_since or now) if failing else None
    rest = now + timedelta(seconds=seconds * REST_FACTOR) if seconds > SLOW_SECONDS else None
    if (since, rest) != (subscription.failing_since, subscription.rest_until):
        rows.update(failing_since=since, rest_until=rest)
        subscription.failing_since, subscription.rest_until = since, rest
    if any(one.gone for one in pushed):
        switch_off(subscription, "the subscriber answered 410, gone")
    elif since is not None and now - since > FAILING_LIMIT:
        switch_off(subscription, f"it has failed since {since:%Y-%m-%d %H:%M} UTC")


def switch_off(subscription: Subscription, reason: str) -> None:
    services.switch_off(subscription.id, organization_id=subscription.organization_id, reason=reason)


def tell_dead(subscription: Subscription, one: Pushed) -> None:
    emit(
        organization_id=subscription.organization_id, type="subscription.delivery_failed", subject_kind="subscription",
        subject_id=subscription.id, data={"delivery": one.delivery.hex_id, "event": hex24(one.delivery.event_id),
                                          "status": one.status, "message": one.message},
    )  # fmt: skip


def go_on_later(subscription_id: uuid.UUID) -> None:
    """A new item, due with the next delivery, and not before the subscriber has rested."""
    subscription = Subscription.objects.wanted().filter(pk=subscription_id).first()
    if subscription is None:
        return
    waiting = Delivery.objects.filter(subscription_id=subscription_id, state=State.PENDING)
    due_at = waiting.aggregate(first=Min("next_at"))["first"]
    if due_at is None:
        return
    reason = "until the next delivery is due"
    if subscription.rest_until is not None and subscription.rest_until > due_at:
        due_at, reason = subscription.rest_until, "the subscriber is slow"
    work.add(
        kind=services.WORK, lane=Lane.DELIVERIES, organization_id=subscription.organization_id,
        target_id=subscription_id, due_at=due_at if due_at > clock.now() else None, reason=reason,
    )  # fmt: skip


@transaction.atomic
def poison(claim: Claim, reason: str) -> None:
    """Something among what is due takes workers down: it is set aside, the rest goes on."""
    rows = Delivery.objects.filter(subscription_id=claim.target_id, state=State.PENDING, next_at__lte=clock.now())
    ids = list(rows.order_by("next_at", "id").values_list("pk", flat=True)[:WEAK_BATCH])
    Delivery.objects.filter(pk__in=ids).update(state=State.FAILED, message=reason[:300])
    work.finish([claim])
    go_on_later(claim.target_id)


DELIVERIES_KIND = WorkKind(name=services.WORK, handle=handle, poison=poison)
