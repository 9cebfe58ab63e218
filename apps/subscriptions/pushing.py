"""One push: the message of a delivery, and what its answer means. Outside any transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from apps.connections.failures import WaitError
from apps.core import clock, gateway
from apps.core.errors import DomainError
from apps.core.gateway import GatewayError, Request, Response, RetryLater, SendContext
from apps.core.ids import hex24
from apps.core.webhooks import signed_headers
from apps.executions.payloads import pack, unpack
from apps.inbound import polling
from apps.inbound.routing import FIRED, map_for
from apps.subscriptions.models import Delivery, Subscription
from apps.subscriptions.secrets import Secrets

TIMEOUT = 15.0
MAX_ANSWER = 1024 * 1024
SHOWN = 300
GONE = 410
SKIP = object()


@dataclass(frozen=True)
class Pushed:
    """What came of one delivery's attempt. `until`: the subscriber, or the trigger's provider, asks to wait so long."""

    delivery: Delivery
    ok: bool = False
    skipped: bool = False
    status: int | None = None
    message: str = ""
    milliseconds: float | None = None
    until: datetime | None = None
    timed_out: bool = False

    @property
    def gone(self) -> bool:
        return self.status == GONE


def push(
    subscription: Subscription, deliveries: Sequence[Delivery], *, secrets: Secrets, concurrency: int
) -> list[Pushed]:
    """All at once, `concurrency` at a time; outcomes in any order."""
    done: list[Pushed] = []
    ready: list[tuple[Delivery, Request]] = []
    for delivery in deliveries:
        outcome = prepared(subscription, delivery, secrets=secrets)
        if isinstance(outcome, Pushed):
            done.append(outcome)
        else:
            ready.append((delivery, outcome))
    context = SendContext(organization=subscription.organization_id.hex, step="delivery", secrets=())
    answers = gateway.send_many([request for _, request in ready], concurrency=concurrency, context=context)
    return [*done, *(judged(delivery, answer) for (delivery, _), answer in zip(ready, answers, strict=True))]


def prepared(subscription: Subscription, delivery: Delivery, *, secrets: Secrets) -> Request | Pushed:
    """The request, or why there is none."""
    try:
        data = data_of(subscription, delivery)
    except WaitError as error:
        return Pushed(delivery, message=error.message[:SHOWN], until=error.until)
    except DomainError as error:
        return Pushed(delivery, message=f"The trigger failed: {error.message}"[:SHOWN])
    if data is SKIP:
        return Pushed(delivery, skipped=True, message="The trigger has nothing for this subscription.")
    body = orjson.dumps(message_of(subscription, delivery, data))
    moment, message_id = clock.now(), f"msg_{delivery.hex_id}"
    headers = signed_headers(secrets.signing(moment), message_id=message_id, moment=moment, body=body)
    return Request(
        "POST", subscription.url, headers=headers, body=body, effect="write", timeout=TIMEOUT,
        max_response_bytes=MAX_ANSWER, follow_redirects=False,
    )  # fmt: skip


def data_of(subscription: Subscription, delivery: Delivery) -> Any:
    """What the trigger makes of the event; made once and kept, so that a repeat says the same."""
    event, listener = delivery.event, subscription.listener
    if delivery.payload:
        return unpack(delivery.payload)
    if event.type != FIRED or listener is None:
        return event.data
    if delivery.attempts == 0 and delivery.replays == 0 and polling.was_polled(listener, event):
        return SKIP
    data, changed = map_for(listener, event)
    if data is None:
        return SKIP
    if changed:
        delivery.payload = pack(data)
    return data


def message_of(subscription: Subscription, delivery: Delivery, data: Any) -> dict[str, Any]:
    """`sequence` grows with time, as text; deliveries may come in another order."""
    event = delivery.event
    return {
        "type": event.data["trigger"] if event.type == FIRED else event.type,
        "timestamp": event.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "sequence": hex24(event.id),
        "id": delivery.hex_id,
        "subscriptionId": str(subscription.id),
        "data": data,
    }


def judged(delivery: Delivery, answer: Response | GatewayError) -> Pushed:
    if isinstance(answer, RetryLater):
        status = answer.response.status if answer.response else None
        return Pushed(delivery, status=status, message=answer.message[:SHOWN], until=answer.until)
    if isinstance(answer, GatewayError):
        timed_out = isinstance(answer, gateway.TimedOut)
        return Pushed(delivery, message=answer.message[:SHOWN], milliseconds=answer.elapsed * 1000, timed_out=timed_out)
    if answer.ok:
        return Pushed(delivery, ok=True, status=answer.status, milliseconds=answer.elapsed * 1000)
    text = answer.body[:SHOWN].decode("utf-8", "replace").replace("\0", "")
    message = f"The subscriber answered {answer.status}{f': {text}' if text.strip() else '.'}"
    return Pushed(delivery, status=answer.status, message=message[:SHOWN], milliseconds=answer.elapsed * 1000)
