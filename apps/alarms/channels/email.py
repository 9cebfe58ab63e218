"""E-mail. A repeat after a lost process keeps its Message-ID, by which mailboxes that look at it show one letter."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from apps.alarms.channels.base import SHOWN, Address, ChannelKind, Outgoing, Sent
from apps.core.gateway import Category, GatewayError, SendContext
from apps.core.gateway.mail import Mail, send_mail

MOST = 50


def check(channel: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    addresses = channel.get("to") or []
    if not addresses or len(addresses) > MOST:
        yield "to", f"must name 1 to {MOST} e-mail addresses."
    for index, address in enumerate(addresses):
        try:
            validate_email(address)
        except ValidationError:
            yield f"to[{index}]", f"{address[:80]!r} is no e-mail address."


def recipient(channel: Mapping[str, Any]) -> str:
    return ", ".join(channel.get("to") or [])[:SHOWN]


def send(message: Outgoing, address: Address, context: SendContext) -> Sent:
    mail = Mail(
        to=address.to, subject=message.subject, text=message.text, message_id=f"<alarm-{message.id}@{domain()}>"
    )
    try:
        send_mail(mail, context=context)
    except GatewayError as error:
        final = error.category is Category.DATA
        return Sent(ok=False, outcome=error.message[:SHOWN], final=final)
    return Sent(ok=True, outcome="The mail server has taken it.", status=250)


def domain() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or "junction.localhost"


EMAIL = ChannelKind(name="email", members=frozenset({"to"}), check=check, recipient=recipient, send=send)
