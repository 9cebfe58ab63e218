"""The work kind `notification`: routes what was accepted, many of an organization in one commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import transaction

from apps.connections.failures import WaitError
from apps.core import clock
from apps.core.errors import DomainError
from apps.inbound import running
from apps.inbound.models import Listener, Notification
from apps.inbound.reading import dedupe_key, read_content
from apps.inbound.receiving import WORK, inlets_of
from apps.inbound.routing import Origin, Route, fire, read_routes
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind

BATCH = 50
State = Notification.State


@dataclass
class Routed:
    """One notification on its way. `error`: why it cannot be routed."""

    claim: Claim
    notification: Notification
    listener: Listener | None
    routes: Sequence[Route] = ()
    error: str = ""


def handle(claims: list[Claim]) -> None:
    ids = [claim.target_id for claim in claims]
    rows = Notification.objects.filter(pk__in=ids).select_related("hook__connector").in_bulk()
    wanted = {row.listener_id for row in rows.values() if row.listener_id}
    listeners = Listener.objects.filter(pk__in=wanted).select_related("hook__connector").in_bulk() if wanted else {}
    events: dict[Any, dict[str, Any]] = {}
    ready: list[Routed] = []
    for claim in claims:
        row = rows.get(claim.target_id)
        if row is None or row.state != State.RECEIVED:
            with transaction.atomic():
                work.finish([claim])
            continue
        if row.hook_id not in events:
            events[row.hook_id] = {inlet.name: event for event, inlet in inlets_of(row.hook)}
        listener = listeners.get(row.listener_id) if row.listener_id else None
        one = Routed(claim, row, listener)
        try:
            one.routes = routes_of(row, events[row.hook_id].get(row.event), listener)
        except WaitError as error:
            with transaction.atomic():
                work.wait_until(claim, error.until, reason=error.message)
            continue
        except DomainError as error:
            one.error = error.message
        ready.append(one)
    settle(ready)


def routes_of(row: Notification, event: Any, listener: Listener | None) -> list[Route]:
    body = content_of(row)
    if event is not None and running.ROUTE in event.logic:
        answer = running.run_event(row.hook, event, running.ROUTE, data=body, query=row.query, headers=row.headers)
        return read_routes(answer, event=row.event, body=body)
    named = listener.trigger_name if listener else row.event
    return [Route(trigger=named, data=body)]


def content_of(row: Notification) -> Any:
    return read_content(bytes(row.body), row.headers.get("content-type", ""))


@transaction.atomic
def settle(ready: Sequence[Routed]) -> None:
    """Events, what became of each notification, and the end of its work: one commit."""
    if not ready:
        return
    for one in ready:
        conclude(one)
    fields = ["state", "reason", "routed_to", "dedupe", "processed_at", "updated_at"]
    Notification.objects.bulk_update([one.notification for one in ready], fields)
    work.finish([one.claim for one in ready])


def conclude(one: Routed) -> None:
    row = one.notification
    row.processed_at = row.updated_at = clock.now()
    if one.error:
        row.state, row.reason = State.FAILED, one.error[:500]
        return
    if row.listener_id is not None and one.listener is None:
        row.state, row.reason = State.IGNORED, "its listener is gone"
        return
    named = next((route.id for route in one.routes if route.id), "")
    if named and row.dedupe is None:
        row.dedupe = dedupe_key(named, listener_id=row.listener_id)
        if Notification.objects.filter(hook=row.hook, dedupe=row.dedupe).exists():
            row.dedupe, row.state, row.reason = None, State.IGNORED, f"{named[:100]} has come before"
            return
        Notification.objects.filter(pk=row.pk).update(dedupe=row.dedupe)  # seen by the next of this batch
    origin = Origin(row.hook, one.listener, row.id, row.headers, row.query)
    row.routed_to = fire(origin, one.routes)
    row.state = State.ROUTED if row.routed_to else State.IGNORED
    row.reason = "" if row.routed_to else nobody(one.routes)


def nobody(routes: Sequence[Route]) -> str:
    names = ", ".join(route.trigger for route in routes[:5])
    return f"nobody listens to {names}"[:500] if names else "the route hook names no trigger"


@transaction.atomic
def poison(claim: Claim, reason: str) -> None:
    rows = Notification.objects.filter(pk=claim.target_id)
    rows.update(state=State.FAILED, reason=reason[:500], processed_at=clock.now())
    work.finish([claim])


def answer_of(accepted_event: Any, row: Notification) -> tuple[int, dict[str, str], bytes]:
    """What the `response` hook of a `respond: sync` event answers: {status, headers, body}, or a body."""
    body = content_of(row)
    answer: Any = {}
    if accepted_event is not None and running.RESPONSE in accepted_event.logic:
        answer = running.run_event(
            row.hook, accepted_event, running.RESPONSE, data=body, query=row.query, headers=row.headers
        )
    if isinstance(answer, dict) and "status" in answer:
        status = answer["status"] if type(answer["status"]) is int and 200 <= answer["status"] <= 599 else 200
        named: dict[Any, Any] = answer["headers"] if isinstance(answer.get("headers"), dict) else {}
        headers = {str(name): str(value) for name, value in named.items()}
        return status, headers, written(answer.get("body"))
    return 200, {}, written(answer)


def written(value: Any) -> bytes:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


NOTIFICATION_KIND = WorkKind(name=WORK, handle=handle, poison=poison, batch=BATCH)
