"""Accepting a notification: size and rate, local checks, then one commit that keeps it and its work; then the answer.

The surprise: which address belongs to whom, and how it verifies, is remembered for some seconds, so that accepting
costs two inserts. Routing, which may run scripts and call the provider, is a worker's (`queue`), unless the event
says `respond: sync`.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError

from apps.connectors.models import Component, ComponentVersion
from apps.core.errors import DomainError, NotFoundError, RateLimitedError, ValidationError
from apps.core.joined import change_together, insertion
from apps.inbound import direct
from apps.inbound.addresses import find_hook, find_listener
from apps.inbound.declared import Inlet, Security, inlet_of
from apps.inbound.direct import DirectAddress
from apps.inbound.models import Hook, Listener, Notification
from apps.inbound.reading import dedupe_key, provider_id, shown_headers, shown_query
from apps.inbound.secrets import hook_secrets, listener_secret
from apps.inbound.targets import Answer
from apps.inbound.verification import Incoming, NotVerifiedError, challenge_answer, verify
from apps.wire.limits import Buckets
from apps.work import leases, wakeups
from apps.work import services as work
from apps.work.kinds import Claim
from apps.work.models import Lane

WORK = "notification"
MAX_BODY = 5 * 1024 * 1024
KEPT_SECONDS = 5.0
KEPT_ADDRESSES = 1000
buckets = Buckets(size=4000, refill=2000)


class GoneError(DomainError):
    """The listener was ended: a provider that is told so stops sending."""

    status = 410
    code = "gone"


@dataclass(frozen=True)
class Address:
    """What is behind a hook's address. `inlets` are the connector's events, by name."""

    hook: Hook
    inlets: Sequence[tuple[ComponentVersion, Inlet]]
    secrets: tuple[str, ...]
    until: float


@dataclass(frozen=True)
class Accepted:
    """`challenge`: the text to echo. Else the notification; `claim` where the caller is to route it at once.

    `answer`: all there is to say, of an address that starts something of an upper app.
    """

    challenge: str | None = None
    answer: Answer | None = None
    notification: Notification | None = None
    duplicate: bool = False
    event: ComponentVersion | None = None
    address: Address | None = None
    listener: Listener | None = None
    incoming: Incoming | None = None
    claim: Claim | None = None


_addresses: OrderedDict[str, Address | DirectAddress] = OrderedDict()
_lock = threading.Lock()


def receive(*, token: str, listener_id: str, incoming: Incoming) -> Accepted:
    """Raises NotFoundError, GoneError, NotVerifiedError, RateLimitedError."""
    wait = buckets.take(token)
    if wait:
        raise RateLimitedError("This address is called too often.", retry_after=max(1, round(wait)))
    address = open_address(token)
    if isinstance(address, DirectAddress):
        return receive_directly(incoming, address, listener_id=listener_id)
    listener = None
    if listener_id:
        listener = find_listener(address.hook, listener_id)
        if listener is None or listener.state in (Listener.State.ENDING, Listener.State.FAILED):
            raise GoneError("Nobody listens at this address any more.")
    secrets = [*((listener_secret(listener),) if listener else ()), *address.secrets]
    event, inlet, echo = admitted(incoming, address.inlets, secrets)
    if echo is not None:
        return Accepted(challenge=echo)
    return keep(incoming, address, event=event, inlet=inlet, listener=listener)


def receive_directly(incoming: Incoming, address: DirectAddress, *, listener_id: str) -> Accepted:
    if listener_id:
        raise NotFoundError("There is nothing at this address.")
    _, _, echo = admitted(incoming, [(None, address.inlet)], address.secrets)
    return Accepted(challenge=echo) if echo is not None else Accepted(answer=direct.take(incoming, address))


def admitted(
    incoming: Incoming, inlets: Sequence[tuple[ComponentVersion | None, Inlet]], secrets: Sequence[str]
) -> tuple[ComponentVersion | None, Inlet, str | None]:
    """(event component, how it receives, the challenge's answer): the first of the connector's events that this call
    passes the checks of. A connector without events takes what comes to its secret address."""
    refusal: DomainError | None = None
    for event, inlet in inlets:
        try:
            if inlet.challenge is not None and inlet.challenge.before:
                echo = challenge_answer(incoming, inlet.challenge, secrets)
                if echo is not None:
                    return event, inlet, echo
            if inlet.challenge is not None and incoming.method == "GET":
                echo = challenge_answer(incoming, inlet.challenge, secrets)
                if echo is not None and inlet.challenge.token:
                    return event, inlet, echo  # its own token has proved it
            verify(incoming, inlet.security, secrets)
            return event, inlet, challenge_answer(incoming, inlet.challenge, secrets)
        except NotVerifiedError as error:
            refusal = refusal or error
    if refusal is not None:
        raise refusal
    return None, Inlet("", Security(), None, "", "", False), None


def open_address(token: str) -> Address | DirectAddress:
    with _lock:
        found = _addresses.get(token)
        if found is not None and found.until > time.monotonic():
            return found
    until = time.monotonic() + KEPT_SECONDS
    hook = find_hook(token)
    if hook is not None and hook.connector.enabled:
        address: Address | DirectAddress = Address(hook, inlets_of(hook), tuple(hook_secrets(hook)), until)
    else:
        own = direct.find(token) if hook is None else None
        if own is None:
            raise NotFoundError("There is nothing at this address.")
        address = direct.open_hook(own, until=until)
    with _lock:
        _addresses[token] = address
        _addresses.move_to_end(token)
        while len(_addresses) > KEPT_ADDRESSES:
            _addresses.popitem(last=False)
    return address


def forget_addresses() -> None:
    """After a change in this process; others notice within seconds."""
    with _lock:
        _addresses.clear()


def inlets_of(hook: Hook) -> list[tuple[ComponentVersion, Inlet]]:
    """The newest published version of each event, else the newest. One that is not declared well admits nobody."""
    rows = ComponentVersion.objects.filter(component__connector_id=hook.connector_id)
    rows = rows.filter(component__kind=Component.Kind.EVENT).select_related("component__connector")
    newest = {row.component_id: row for row in rows.order_by("published", "number")}
    found = []
    for row in sorted(newest.values(), key=lambda one: one.component.name):
        try:
            found.append((row, inlet_of(row)))
        except ValidationError:
            closed = Security(type="token", header="x-misdeclared")
            found.append((row, Inlet(row.component.name, closed, None, "", "", False)))
    return found


def keep(
    incoming: Incoming, address: Address, *, event: ComponentVersion | None, inlet: Inlet, listener: Listener | None
) -> Accepted:
    notification = Notification(
        organization_id=address.hook.organization_id,
        hook=address.hook,
        listener_id=listener.id if listener else None,
        event=inlet.name,
        dedupe=dedupe_key(provider_id(incoming, inlet), listener_id=listener.id if listener else None),
        method=incoming.method,
        headers=shown_headers(incoming, inlet),
        query=shown_query(incoming, inlet),
        body=incoming.body,
    )
    own: dict[str, Any] = {"kind": WORK, "lane": Lane.INTERACTIVE, "organization_id": notification.organization_id}
    claims: list[Claim] = []
    try:
        if inlet.sync:
            claims, item = work.claimed(target_ids=[notification.id], group_id=None, **own)
        else:
            item = work.adding(target_ids=[notification.id], **own)
        change_together([insertion([notification]), item])
    except IntegrityError:
        known = Notification.objects.filter(hook=address.hook, dedupe=notification.dedupe).first()
        if known is None or notification.dedupe is None:
            raise GoneError("Nobody listens at this address any more.") from None
        return Accepted(notification=known, duplicate=True)
    leases.hold(claims)
    if not claims:
        wakeups.wake_on_commit(Lane.INTERACTIVE)
    return Accepted(
        notification=notification, event=event, address=address, listener=listener, incoming=incoming,
        claim=claims[0] if claims else None,
    )  # fmt: skip
