"""Slack, by an incoming webhook: https://api.slack.com/messaging/webhooks. Its URL is a secret: whoever has it posts.

The surprise: Slack has no key that would tell a repeat. What may have been posted before a process was lost is posted
once more, and says so: told twice is better than never.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from apps.alarms.channels.base import Address, ChannelKind, Outgoing, Sent
from apps.alarms.channels.posting import host_of, post, url_fault
from apps.core.gateway import SendContext

MOST = 3500  # characters; Slack cuts longer messages into several
REPEATED = "_Perhaps told before: the process that sent it was lost on the way._"
LINK = re.compile(r"https?://\S+")


def check(channel: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if fault := url_fault(channel):
        yield "url", fault


def send(message: Outgoing, address: Address, context: SendContext) -> Sent:
    lines = [f"*{escaped(message.subject)}*", linked(message.text)[:MOST]]
    if message.repeated:
        lines.append(REPEATED)
    body = orjson.dumps({"text": "\n".join(lines)})
    return post(address.url, headers={"Content-Type": "application/json"}, body=body, context=context)


def escaped(text: str) -> str:
    """As Slack asks: of the three characters that it reads as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def linked(text: str) -> str:
    return LINK.sub(lambda found: f"<{found.group(0)}>", escaped(text))


SLACK = ChannelKind(
    name="slack", members=frozenset({"url"}), check=check, recipient=host_of, send=send, secrets=("url",)
)
