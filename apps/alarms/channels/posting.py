"""A message as an HTTP POST, and what its answer means for the next attempt. Slack and webhooks have it in common."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from apps.alarms.channels.base import SHOWN, TIMEOUT, Sent
from apps.core import gateway
from apps.core.errors import ValidationError
from apps.core.gateway import AddressRefused, GatewayError, InvalidRequest, Request, RetryLater, SendContext
from apps.core.vault import MASK
from apps.core.webhooks import read_url

GONE = 410
MAX_ANSWER = 64 * 1024


def url_fault(channel: Mapping[str, Any]) -> str:
    if channel.get("url") == MASK:
        return ""
    try:
        read_url(channel.get("url"), needed=True)
    except ValidationError as error:
        return error.message.removeprefix("url ")
    return ""


def host_of(channel: Mapping[str, Any]) -> str:
    return urlsplit(channel.get("url") or "").hostname or ""


def post(url: str, *, headers: Mapping[str, str], body: bytes, context: SendContext) -> Sent:
    request = Request(
        "POST", url, headers=headers, body=body, effect="write", timeout=TIMEOUT, max_response_bytes=MAX_ANSWER,
        follow_redirects=False,
    )  # fmt: skip
    try:
        answer = gateway.send(request, context=context)
    except RetryLater as error:
        status = error.response.status if error.response else None
        return Sent(ok=False, outcome=error.message[:SHOWN], status=status, until=error.until)
    except GatewayError as error:
        return Sent(ok=False, outcome=error.message[:SHOWN], final=isinstance(error, AddressRefused | InvalidRequest))
    if answer.ok:
        return Sent(ok=True, outcome=f"Answered {answer.status}.", status=answer.status)
    text = answer.body[:SHOWN].decode("utf-8", "replace").replace("\0", "").strip()
    outcome = f"Answered {answer.status}{f': {text}' if text else '.'}"[:SHOWN]
    return Sent(ok=False, outcome=outcome, status=answer.status, final=answer.status == GONE)
