"""Accepting a notification: size and rate, local checks, then one commit that keeps it and its work; then the answer.

The surprise: which address belongs to whom, and how it verifies, is remembered for some seconds, so that accepting
costs two inserts. Routing, which may run scripts and call the provider, is a worker's (`queue`), unless the event
says `respond: sync`.
"""

import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django.db import IntegrityError
from rest_framework.exceptions import ParseError

from apps.connectors.models import Component, ComponentVersion
from apps.core.errors import BadRequestError, DomainError, NotFoundError, RateLimitedError, ValidationError
from apps.core.joined import change_together, insertion
from apps.engine.errors import DocumentError
from apps.engine.paths import compile_getter
from apps.inbound.addresses import find_hook, find_listener
from apps.inbound.declared import Inlet, Security, inlet_of
from apps.inbound.models import Hook, Listener, Notification
from apps.inbound.secrets import hook_secrets, listener_secret
from apps.inbound.verification import Incoming, NotVerifiedError, challenge_answer, verify
from apps.wire.limits import Buckets
from apps.wire.rendering import read_json
from apps.work import leases, wakeups
from apps.work import services as work
from apps.work.kinds import Claim
from apps.work.models import Lane

WORK = "notification"
MAX_BODY = 5 * 1024 * 1024
KEPT_SECONDS = 5.0
KEPT_ADDRESSES = 1000
MAX_HEADERS = 100
MAX_FIELDS = 1000
MAX_DEDUPE = 250
HIDDEN = frozenset(["authorization", "cookie", "proxy-authorization", "api-key", "api_key", "x-api-key"])
PROXY = ("x-forwarded-", "x-real-ip", "forwarded")
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
    """`challenge`: the text to echo. Else the notification; `claim` where the caller is to route it at once."""

    challenge: str | None = None
    notification: Notification | None = None
    duplicate: bool = False
    event: ComponentVersion | None = None
    address: Address | None = None
    listener: Listener | None = None
    incoming: Incoming | None = None
    claim: Claim | None = None


_addresses: OrderedDict[str, Address] = OrderedDict()
_lock = threading.Lock()


def receive(*, token: str, listener_id: str, incoming: Incoming) -> Accepted:
    """Raises NotFoundError, GoneError, NotVerifiedError, RateLimitedError."""
    wait = buckets.take(token)
    if wait:
        raise RateLimitedError("This address is called too often.", retry_after=max(1, round(wait)))
    address = open_address(token)
    listener = None
    if listener_id:
        listener = find_listener(address.hook, listener_id)
        if listener is None or listener.state in (Listener.State.ENDING, Listener.State.FAILED):
            raise GoneError("Nobody listens at this address any more.")
    secrets = [*((listener_secret(listener),) if listener else ()), *address.secrets]
    event, inlet, echo = admitted(incoming, address, secrets)
    if echo is not None:
        return Accepted(challenge=echo)
    return keep(incoming, address, event=event, inlet=inlet, listener=listener)


def admitted(
    incoming: Incoming, address: Address, secrets: Sequence[str]
) -> tuple[ComponentVersion | None, Inlet, str | None]:
    """(event component, how it receives, the challenge's answer): the first of the connector's events that this call
    passes the checks of. A connector without events takes what comes to its secret address."""
    refusal: DomainError | None = None
    for event, inlet in address.inlets:
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


def open_address(token: str) -> Address:
    with _lock:
        found = _addresses.get(token)
        if found is not None and found.until > time.monotonic():
            return found
    hook = find_hook(token)
    if hook is None or not hook.connector.enabled:
        raise NotFoundError("There is nothing at this address.")
    address = Address(hook, inlets_of(hook), tuple(hook_secrets(hook)), time.monotonic() + KEPT_SECONDS)
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
            item = work.adding(target_id=notification.id, **own)
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


def provider_id(incoming: Incoming, inlet: Inlet) -> str:
    if inlet.id_header and incoming.headers.get(inlet.id_header.lower()):
        return incoming.headers[inlet.id_header.lower()]
    if not inlet.id_path:
        return ""
    try:
        value = compile_getter(inlet.id_path)(incoming.content)
    except DocumentError:
        return ""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def dedupe_key(text: str, *, listener_id: uuid.UUID | None) -> str | None:
    """Each address has the event once: a provider may tell two listeners of the same one."""
    if not text:
        return None
    return f"{listener_id.hex if listener_id else '-'}:{text[:MAX_DEDUPE]}".replace("\0", "")


def shown_headers(incoming: Incoming, inlet: Inlet) -> dict[str, str]:
    """Without what proves identity, and what proxies add."""
    hidden = HIDDEN | ({inlet.security.header.lower()} if inlet.security.type == "token" else set())
    kept = [name for name in incoming.headers if not name.startswith(PROXY)][:MAX_HEADERS]
    return {name: "******" if name in hidden else incoming.headers[name][:2000] for name in kept}


def shown_query(incoming: Incoming, inlet: Inlet) -> dict[str, str]:
    hidden = {inlet.security.query} if inlet.security.type == "token" else set()
    if inlet.challenge is not None and inlet.challenge.token:
        hidden.add(inlet.challenge.token)
    return {name: "******" if name in hidden else value[:2000] for name, value in incoming.query.items()}


def read_content(body: bytes, content_type: str) -> Any:
    """What a body says: JSON, a form's members, or text. Raises BadRequestError for JSON that cannot be kept."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return {}
    if kind == "application/x-www-form-urlencoded":
        return read_form(body)
    if "json" in kind or not kind or body[:1] in b"{[":
        try:
            return read_json(body)
        except ParseError as error:
            raise BadRequestError(str(error.detail)) from None
    return body.decode("utf-8", "replace").replace("\0", "")


def read_form(body: bytes) -> dict[str, str]:
    text = body.decode("utf-8", "replace").replace("\0", "")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise BadRequestError(f"A form has at most {MAX_FIELDS} members.") from None


def plain(values: Mapping[str, str]) -> dict[str, str]:
    """Texts that a database can keep."""
    return {name.replace("\0", ""): value.replace("\0", "") for name, value in values.items()}
