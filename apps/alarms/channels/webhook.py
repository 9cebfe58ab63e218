"""A webhook, signed as Standard Webhooks says. A repeat keeps its `webhook-id`, by which the receiver drops it."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from apps.alarms.channels.base import SHOWN, Address, ChannelKind, Outgoing, Sent
from apps.alarms.channels.posting import post, url_fault
from apps.core import clock
from apps.core.errors import ValidationError
from apps.core.gateway import SendContext
from apps.core.vault import MASK
from apps.core.webhooks import read_secret, signed_headers


def check(channel: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if fault := url_fault(channel):
        yield "url", fault
    secret = channel.get("secret")
    if secret in (None, "", MASK):
        return
    try:
        read_secret(secret)
    except ValidationError as error:
        yield "secret", error.message.removeprefix("secret ")


def recipient(channel: Mapping[str, Any]) -> str:
    return str(channel.get("url") or "")[:SHOWN]


def send(message: Outgoing, address: Address, context: SendContext) -> Sent:
    document = {
        "type": message.type,
        "timestamp": message.moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "id": message.id,
        "data": message.data,
    }
    body = orjson.dumps(document)
    secrets = [read_secret(address.secret)]
    headers = signed_headers(secrets, message_id=f"msg_{message.id}", moment=clock.now(), body=body)
    return post(address.url, headers=headers, body=body, context=context)


WEBHOOK = ChannelKind(
    name="webhook", members=frozenset({"url", "secret"}), check=check, recipient=recipient, send=send,
    secrets=("secret",),
)  # fmt: skip
