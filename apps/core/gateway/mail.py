"""Mail through the deployment's mail server. A write that nobody can take back or ask about: kind `none`.

What a mail is, and how it is recorded, is the same for one that goes through a connection's own server (`smtp`).
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parseaddr
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import BadHeaderError
from django.core.validators import validate_email

from apps.core import clock

from .context import Mode, SendContext
from .errors import Category, GatewayError, InvalidRequest, MailFailed
from .messages import Response
from .recording import Exchange, fingerprint, finish
from .redaction import redactor_for
from .transactions import refuse_in_transaction

MAX_RECIPIENTS = 100
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: bytes = field(repr=False)
    content_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Mail:
    """`sender` empty: the deployment's own address. A repeat under the same `message_id`, such as `<a1@host>`, is known
    for one by mailboxes that look at it."""

    to: Sequence[str]
    subject: str
    text: str
    html: str = ""
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    reply_to: Sequence[str] = ()
    sender: str = ""
    attachments: Sequence[Attachment] = ()
    message_id: str = ""


def send_mail(mail: Mail, *, context: SendContext) -> None:
    """Hand a message to the mail server; nothing leaves in plan and replay."""
    refuse_in_transaction()
    check(mail)
    recorded(mail, context, lambda: _deliver(mail))


def recorded(mail: Mail, context: SendContext, deliver: Callable[[], T]) -> T | None:
    """What `deliver` answers; it is called in live mode alone."""
    if context.mode is Mode.REPLAY:
        return None
    asked = _asked(mail, context)
    if context.mode is Mode.PLAN:
        _record(replace(asked, planned=True), context, failed=False)
        return None
    redactor = redactor_for(context.secrets)
    try:
        answer = deliver()
    except GatewayError as error:
        _record(finish(asked, error, redactor=redactor), context, failed=True)
        raise
    taken = Response(250, {}, b"", (clock.now() - asked.started_at).total_seconds(), asked.url)
    _record(finish(asked, taken, redactor=redactor), context, failed=False)
    return answer


def message_of(mail: Mail) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=mail.text,
        from_email=mail.sender or None,
        to=list(mail.to),
        cc=list(mail.cc),
        bcc=list(mail.bcc),
        reply_to=list(mail.reply_to),
        headers={"Message-ID": mail.message_id} if mail.message_id else None,
    )
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    for one in mail.attachments:
        message.attach(one.name, one.content, one.content_type)
    return message


def _deliver(mail: Mail) -> None:
    try:
        message_of(mail).send()
    except BadHeaderError as error:
        raise InvalidRequest(f"The mail cannot be sent: {error}.") from error
    except smtplib.SMTPRecipientsRefused as error:
        whom = ", ".join(sorted(error.recipients))
        raise MailFailed(f"The mail server refuses {whom}.", category=Category.DATA) from error
    except smtplib.SMTPAuthenticationError as error:
        raise MailFailed("The mail server refuses our login.", category=Category.CONFIGURATION) from error
    except smtplib.SMTPServerDisconnected as error:
        raise MailFailed(f"The mail server hung up: {error}.", maybe_sent=True) from error
    except smtplib.SMTPResponseException as error:
        raise refused(error.smtp_code, error.smtp_error) from error
    except OSError as error:
        raise MailFailed(f"The mail server cannot be reached: {error}.") from error


def refused(code: int, said: bytes | str, *, what: str = "") -> MailFailed:
    """A server's refusal: one of the 400s may pass, one of the 500s will not."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    kind = Category.TRANSIENT if 400 <= code < 500 else Category.DATA
    return MailFailed(f"The mail server answered {code} {text}{what and f' to {what}'}.", category=kind)


def check(mail: Mail) -> None:
    """Raises InvalidRequest for what is no mail; an address may stand behind a name: Ana <ana@example.org>."""
    everyone = [*mail.to, *mail.cc, *mail.bcc]
    if not everyone:
        raise InvalidRequest("The mail has no recipient.")
    if len(everyone) > MAX_RECIPIENTS:
        raise InvalidRequest(f"The mail has {len(everyone)} recipients; at most {MAX_RECIPIENTS} are allowed.")
    for address in [*everyone, *mail.reply_to, *([mail.sender] if mail.sender else [])]:
        try:
            if any(mark in address for mark in "\r\n"):
                raise ValidationError("a line break")
            validate_email(parseaddr(address)[1])
        except ValidationError:
            raise InvalidRequest(f"{address!r} is not a mail address.") from None
    if "\n" in mail.subject or "\r" in mail.subject:
        raise InvalidRequest("The subject holds a line break.")


def _asked(mail: Mail, context: SendContext) -> Exchange:
    redactor = redactor_for(context.secrets)
    body = (mail.text or mail.html).encode()
    url = f"mailto:{','.join(mail.to)}"
    text, encoding, cut = redactor.body(body)
    headers: dict[str, Any] = {"Subject": mail.subject, "Cc": ", ".join(mail.cc), "Bcc": ", ".join(mail.bcc)}
    headers["Attachments"] = ", ".join(f"{one.name} ({len(one.content)} bytes)" for one in mail.attachments)
    return Exchange(
        kind="mail",
        method="MAIL",
        url=redactor.text(url),
        effect="write",
        write_kind="none",
        step=context.step,
        fingerprint=fingerprint(kind="mail", method="MAIL", url=url, body=body, redactor=redactor),
        started_at=clock.now(),
        elapsed=0.0,
        request_headers={name: redactor.text(value) for name, value in headers.items() if value},
        request_body=text,
        request_encoding=encoding,
        request_size=len(body),
        request_cut=cut,
    )


def _record(exchange: Exchange, context: SendContext, *, failed: bool) -> None:
    recorder = context.recorder
    if recorder is not None and (recorder.wants(step=exchange.step, failed=failed) or exchange.planned):
        recorder.record([exchange])
