"""`sendEmail`: sends a mail through the deployment's mail server.

A mail cannot be taken back or asked about, so one that may have left when its worker was lost is in doubt, for a person
to settle. A mail server that cannot be reached, or says `later`, is tried again: four times, the last after two hours.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings

from apps.automations.actions.outside import context_of, write_once
from apps.automations.actions.registry import ActionKind, Args, Wait
from apps.automations.running.turn import Turn
from apps.connections.failures import UnreachableError
from apps.core import clock
from apps.core.gateway.mail import Mail, send_mail

RETRY_AFTER = (60, 600, 1800, 7200)  # seconds
ADDRESSES: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 3},
        {"type": "array", "items": {"type": "string", "minLength": 3}, "minItems": 1, "maxItems": 100},
    ]
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["to", "subject"],
    "anyOf": [{"required": ["text"]}, {"required": ["html"]}],
    "properties": {
        "to": ADDRESSES,
        "cc": ADDRESSES,
        "bcc": ADDRESSES,
        "replyTo": ADDRESSES,
        "subject": {"type": "string", "minLength": 1, "maxLength": 900},
        "text": {"type": "string"},
        "html": {"type": "string"},
    },
}


def run(turn: Turn, args: Args) -> dict[str, Any]:
    tries = turn.state["tries"] if turn.state else 0
    try:
        return dict(write_once(turn, write_kind="none", send=lambda key: send(turn, args, key)))
    except UnreachableError as error:
        if tries >= len(RETRY_AFTER) or turn.journal.in_doubt:
            raise
        until = clock.now() + timedelta(seconds=RETRY_AFTER[tries])
        raise Wait(until=until, reason=error.message, state={"tries": tries + 1}) from error


def send(turn: Turn, args: Args, key: str) -> dict[str, Any]:
    mail = Mail(
        to=addresses(args["to"]),
        cc=addresses(args.get("cc")),
        bcc=addresses(args.get("bcc")),
        reply_to=addresses(args.get("replyTo")),
        subject=args["subject"],
        text=args.get("text") or "",
        html=args.get("html") or "",
        message_id=f"<{key}@{host()}>",
    )
    send_mail(mail, context=context_of(turn))
    return {"to": list(mail.to), "subject": mail.subject, "messageId": mail.message_id}


def addresses(value: Any) -> list[str]:
    """A text may name several, with commas between."""
    found = value if isinstance(value, list) else (value or "").split(",")
    return [text.strip() for text in found if text.strip()]


def host() -> str:
    return str(settings.PUBLIC_URL).partition("://")[2].partition("/")[0].partition(":")[0] or "junction"


KIND = ActionKind(name="sendEmail", run=run, schema=SCHEMA, outside=True)
