"""The work kind `poll`: reads what is new of a polled trigger, keeps the cursor in the commit that tells the items.

The hook is `poll`, or `trigger` where the trigger has no other; it sees its variables as data, `cursor` (null at
first) and `since` (when the listener was made), and gives `{"items": […], "cursor": …, "more": true or false}`. An
item is told once, by its id; one without an id is told each time it is read.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
from django.db import transaction

from apps.connections import marks
from apps.connections.failures import LogicFaultError, WaitError
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.vault import VaultError
from apps.engine.errors import DocumentError
from apps.engine.paths import MISSING, compile_getter
from apps.events.models import Event
from apps.events.services import emit
from apps.inbound import listeners, running
from apps.inbound.declared import Polling, polling_of
from apps.inbound.models import Listener, SeenItem
from apps.inbound.routing import FIRED, Origin, Route, event_data, storable
from apps.inbound.running import has_hook, run_trigger
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind

LONGEST_BACKOFF = 3600.0
MAX_ITEMS = 10_000
KEEP_SEEN = timedelta(days=90)
State = Listener.State


def handle(claims: list[Claim]) -> None:
    for claim in claims:
        poll(claim)


def poll(claim: Claim) -> None:
    listener = Listener.objects.select_related(*running.RELATED).filter(pk=claim.target_id).first()
    polling = polling_of(listener.trigger) if listener and listener.trigger else None
    if listener is None or polling is None or listener.state in (State.ENDING, State.FAILED):
        with transaction.atomic():
            work.finish([claim])
        return
    connection = listener.connection
    if connection is not None and connection.offline_since is not None:
        marks.park([claim], connection_id=connection.id, organization_id=listener.organization_id)
        return
    try:
        named, cursor, more = read(listener, polling)
    except WaitError as error:
        with transaction.atomic():
            work.wait_until(claim, error.until, reason=error.message)
    except (DomainError, VaultError) as error:
        failed(claim, listener, polling, str(error))
    else:
        keep(claim, listener, polling, named=named, cursor=cursor, more=more)


def read(listener: Listener, polling: Polling) -> tuple[list[tuple[str, Any]], Any, bool]:
    """(items with their ids, the new cursor, whether there is more to read at once)."""
    hook = running.POLL if has_hook(listener, running.POLL) else running.TRIGGER
    since = listener.created_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    answer = run_trigger(listener, hook, data=listener.variables, inputs={"cursor": listener.cursor, "since": since})
    items = answer.get("items") if isinstance(answer, dict) else answer
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise LogicFaultError(f"{listener.trigger_name}: a poll must give at most {MAX_ITEMS} items in a list.")
    cursor = answer.get("cursor", listener.cursor) if isinstance(answer, dict) else listener.cursor
    # A cursor that stays where it was would be asked again at once, for ever.
    more = isinstance(answer, dict) and answer.get("more") is True and cursor != listener.cursor
    return named_items(items, polling), storable(cursor), more


def named_items(items: Sequence[Any], polling: Polling) -> list[tuple[str, Any]]:
    try:
        getter = compile_getter(polling.id_path)
    except DocumentError as error:
        raise LogicFaultError(f"x-poll.id is no path: {error}.") from error
    return [(item_id(getter(item)), storable(item)) for item in items]


@transaction.atomic
def keep(
    claim: Claim,
    listener: Listener,
    polling: Polling,
    *,
    named: Sequence[tuple[str, Any]],
    cursor: Any,
    more: bool,
) -> None:
    """Events, what was seen, the cursor, and when to ask next: one commit, or none of it."""
    work.progress([claim])
    new = remember(listener, [name for name, _ in named if name])
    origin = Origin(hook=listener.hook, listener=listener)
    for name, item in named:
        if name and name not in new:
            continue
        new.discard(name)
        route = Route(trigger=listener.trigger_name, data=item, item=name)
        emit(
            organization_id=listener.organization_id, type=FIRED, subject_kind="listener", subject_id=listener.id,
            data=event_data(origin, route, polled=True),
        )  # fmt: skip
    rows = Listener.objects.filter(pk=listener.pk)
    rows.update(cursor=cursor, polled_at=clock.now(), failures=0, reason="")
    work.wait_seconds(claim, 0 if more else polling.every, reason="until the next poll")


def item_id(value: Any) -> str:
    if value is MISSING or value is None or value == "":
        return ""
    value = storable(value)
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    return text if len(text) <= 255 else hashlib.sha256(text.encode()).hexdigest()


def remember(listener: Listener, names: Sequence[str]) -> set[str]:
    """Those that were not seen before; from now on they are. Only this listener's one poll calls it, so none is lost
    between the look and the insert."""
    wanted = set(names)
    rows = SeenItem.objects.filter(listener=listener, item__in=wanted)
    new = wanted - set(rows.values_list("item", flat=True))
    SeenItem.objects.bulk_create(
        [SeenItem(listener=listener, item=name) for name in sorted(new)], ignore_conflicts=True
    )
    return new


@transaction.atomic
def failed(claim: Claim, listener: Listener, polling: Polling, message: str) -> None:
    """The cursor stays; asked again after a wait that doubles."""
    failures = listener.failures + 1
    Listener.objects.filter(pk=listener.pk).update(failures=failures, reason=message[:500])
    pause = min(polling.every * 2 ** min(failures - 1, 10), max(LONGEST_BACKOFF, polling.every))
    work.wait_seconds(claim, pause, reason=message)


@transaction.atomic
def poison(claim: Claim, reason: str) -> None:
    Listener.objects.filter(pk=claim.target_id).update(reason=reason[:500])
    work.wait_seconds(claim, LONGEST_BACKOFF, reason=reason)


POLL_KIND = WorkKind(name=listeners.POLL, handle=handle, poison=poison)


def was_polled(listener: Listener, event: Event) -> bool:
    """Whether a notification tells of an item that a poll has told already."""
    item = event.data.get("item")
    if not item or event.data.get("polled") or listener.trigger is None or polling_of(listener.trigger) is None:
        return False
    return SeenItem.objects.filter(listener=listener, item=item).exists()


def note_seen(listener: Listener, events: Sequence[Event]) -> None:
    """What notifications have told, no poll tells again."""
    if listener.trigger is None or polling_of(listener.trigger) is None:
        return
    names = {event.data.get("item") for event in events if event.type == FIRED and not event.data.get("polled")}
    SeenItem.objects.bulk_create(
        [SeenItem(listener=listener, item=name) for name in sorted(filter(None, names))], ignore_conflicts=True
    )


def forget_seen() -> int:
    return SeenItem.objects.filter(seen_at__lt=clock.now() - KEEP_SEEN).delete()[0]
