"""The work kind `event`: hands an event to each consumer that waits for it.

The surprise: each delivery commits alone, together with the consumer's name being struck out, so that a crash between
two consumers repeats neither, and a consumer that fails holds up nobody but itself.
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import InterfaceError, OperationalError, transaction

from apps.core import clock
from apps.core.ids import hex24
from apps.events import consumers, services
from apps.events.models import Event
from apps.work import services as work
from apps.work.kinds import Claim, LeaseLostError, WorkKind

log = structlog.get_logger(__name__)
BATCH = 50
# Seconds after each failed attempt of a consumer; after the last the event is kept as undelivered.
RETRY_AFTER = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)


def handle(claims: list[Claim]) -> None:
    """In the order in which they happened, as far as one worker can say."""
    ordered = sorted(claims, key=lambda claim: claim.target_id)
    if len(ordered) > 1:
        dispatch_many(ordered)
    for claim in ordered:
        if not claim.settled:
            dispatch(claim)


def dispatch_many(claims: list[Claim]) -> None:
    """To those consumers that can take many at once; what remains is for `dispatch`."""
    rows = Event.objects.filter(pk__in=[claim.target_id for claim in claims], failures={})
    waited = {id: waiting_for.split(",") for id, waiting_for in rows.values_list("id", "waiting_for")}
    for name in sorted({name for names in waited.values() for name in names if name}):
        consumer = consumers.find(name)
        some = [claim for claim in claims if not claim.settled and name in waited.get(claim.target_id, ())]
        if consumer is None or consumer.deliver_many is None or len(some) < 2:
            continue
        try:
            deliver_many(some, name, consumer.deliver_many)
        except (LeaseLostError, OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("events could not be delivered together; they are delivered one by one", consumer=name)


@transaction.atomic
def deliver_many(claims: list[Claim], name: str, take: Callable[[list[Event]], None]) -> None:
    work.progress(claims)
    rows = Event.objects.select_for_update().filter(pk__in=[claim.target_id for claim in claims]).order_by("id")
    events = [event for event in rows if name in event.consumers_left]
    take(events)
    left: dict[str, list[uuid.UUID]] = {}
    for event in events:
        strike_out(event, name)
        left.setdefault(event.waiting_for, []).append(event.id)
    for waiting_for, ids in left.items():
        Event.objects.filter(pk__in=ids).update(waiting_for=waiting_for, updated_at=clock.now())
    done = set(left.get("", ()))
    work.finish([claim for claim in claims if claim.target_id in done])


def dispatch(claim: Claim) -> None:
    event = Event.objects.filter(pk=claim.target_id).first()
    for name in event.consumers_left if event else []:
        if event and seconds_until_retry(event, name) > 0:
            continue
        try:
            deliver(claim, name)
        except (LeaseLostError, OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.exception("an event could not be delivered", consumer=name, event_id=hex24(claim.target_id))
            note_failure(claim, name, f"{type(error).__name__}: {error}")
    if not claim.settled:
        settle(claim)


@transaction.atomic
def deliver(claim: Claim, name: str) -> None:
    event = lock(claim)
    if event is None or name not in event.consumers_left:
        return
    consumer = consumers.find(name)
    if consumer is None:
        give_up(event, name, "No such consumer is installed.")
    else:
        consumer.deliver(event)
        strike_out(event, name)
        event.failures.pop(name, None)
        save(event)
    if not event.consumers_left:
        work.finish([claim])


@transaction.atomic
def note_failure(claim: Claim, name: str, message: str) -> None:
    event = lock(claim)
    if event is None:
        return
    attempts = event.failures.get(name, {}).get("attempts", 0) + 1
    event.failures[name] = {"attempts": attempts, "message": message[:500]}
    if attempts > len(RETRY_AFTER):
        give_up(event, name, message)
        return
    event.failures[name]["retry_at"] = (clock.now() + timedelta(seconds=RETRY_AFTER[attempts - 1])).isoformat()
    save(event)


def seconds_until_retry(event: Event, name: str) -> float:
    retry_at = event.failures.get(name, {}).get("retry_at")
    return (datetime.fromisoformat(retry_at) - clock.now()).total_seconds() if retry_at else 0.0


def give_up(event: Event, name: str, message: str) -> None:
    log.error("an event stays undelivered", consumer=name, event_id=hex24(event.id), reason=message)
    attempts = event.failures.get(name, {}).get("attempts", 0)
    event.failures[name] = {"attempts": attempts, "message": message[:500]}
    strike_out(event, name)
    save(event)


def lock(claim: Claim) -> Event | None:
    """The event, for a holder whose claim still stands; None if it was deleted meanwhile."""
    work.progress([claim])
    return Event.objects.select_for_update().filter(pk=claim.target_id).first()


def strike_out(event: Event, name: str) -> None:
    event.waiting_for = ",".join(left for left in event.consumers_left if left != name)


def save(event: Event) -> None:
    event.save(update_fields=["waiting_for", "failures", "updated_at"])


@transaction.atomic
def settle(claim: Claim) -> None:
    """Done, or due again when the first of the consumers left may be tried again."""
    event = lock(claim)
    if event is None or not event.consumers_left:
        work.finish([claim])
        return
    pause = min(seconds_until_retry(event, name) for name in event.consumers_left)
    work.wait_seconds(claim, max(pause, 1.0), reason=f"retry of {event.waiting_for}")


@transaction.atomic
def poison(claim: Claim, reason: str) -> None:
    """The consumer whose turn it was takes workers down: the others go on without it."""
    event = lock(claim)
    if event is not None and event.consumers_left:
        give_up(event, event.consumers_left[0], reason)
    if event is not None and event.consumers_left:
        work.release([claim])
    else:
        work.finish([claim])


WORK_KIND = WorkKind(name=services.WORK, handle=handle, poison=poison, batch=BATCH)
