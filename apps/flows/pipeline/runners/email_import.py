"""An import that sends a mail for each record: an extra of ours. Every member is a template over the mapped record.

The surprise: a mail cannot be taken back or asked after (`none`), so one whose line broke in the middle is in doubt.
"""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from email.utils import formataddr, getaddresses
from typing import Any

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.mail import email_document, open_mail_session
from apps.core.gateway import Disconnected, GatewayError, InvalidRequest, Mode
from apps.core.gateway.mail import Attachment, Mail
from apps.core.gateway.smtp import MailSession
from apps.engine.templates import RenderEnv, TemplateError
from apps.flows.pipeline.batch import Part, idempotency_key
from apps.flows.pipeline.runners.failing import failure_of, held_up, offline
from apps.flows.pipeline.runners.mapping import ImportMapping, Mapped
from apps.flows.pipeline.scopes import Surroundings, Text, environment, lookup_scope
from apps.flows.pipeline.steps import Failure, Outcome, Turn

MOST_BYTES = 25 * 1024 * 1024  # of a mail: more is refused nearly everywhere


@dataclass(frozen=True)
class AttachmentForm:
    """`content` is text, or base64 of what it is."""

    name: Text
    content_type: Text
    content: Text
    is_base64: bool

    def render(self, scope: dict[str, Any], env: RenderEnv) -> Attachment:
        name, text = self.name.render(scope, env), self.content.render(scope, env)
        if not name or any(mark in name for mark in "\r\n"):
            raise InvalidRequest(f"An attachment needs a name of one line, not {name!r}.")
        try:
            content = base64.b64decode(text, validate=True) if self.is_base64 else text.encode()
        except (binascii.Error, ValueError) as error:
            raise InvalidRequest(f"The attachment {name} is no base64: {error}.") from None
        return Attachment(name, content, self.content_type.render(scope, env) or "application/octet-stream")


@dataclass(frozen=True)
class MailForm:
    """`recipients` by kind: to, cc, bcc and reply_to; each text may name several, with commas between."""

    sender: Text
    recipients: dict[str, Sequence[Text]]
    subject: Text
    text: Text
    html: Text
    attachments: Sequence[AttachmentForm]

    def render(self, scope: dict[str, Any], env: RenderEnv, *, sender: str, message_id: str) -> Mail:
        """Raises TemplateError, InvalidRequest."""
        own = self.sender.render(scope, env) or sender
        if not own:
            raise InvalidRequest("The mail has no sender: name one in email.from of the import or the connection.")
        attachments = [form.render(scope, env) for form in self.attachments]
        size = sum(len(one.content) for one in attachments)
        if size > MOST_BYTES:
            raise InvalidRequest(f"The attachments have {size} bytes; at most {MOST_BYTES} can be sent.")
        named = {kind: addresses(texts, scope, env) for kind, texts in self.recipients.items()}
        return Mail(
            **named,
            subject=self.subject.render(scope, env),
            text=self.text.render(scope, env),
            html=self.html.render(scope, env),
            sender=own,
            attachments=attachments,
            message_id=message_id,
        )


def addresses(texts: Sequence[Text], scope: dict[str, Any], env: RenderEnv) -> list[str]:
    rendered = [text.render(scope, env).replace(";", ",") for text in texts]
    broken = next((text for text in rendered if any(mark in text for mark in "\r\n")), None)
    if broken is not None:
        raise InvalidRequest(f"{broken!r} is not a mail address.")
    pairs = getaddresses([text for text in rendered if text.strip()])
    return [formataddr(pair) if pair[0] else pair[1] for pair in pairs if any(pair)]


@dataclass(frozen=True)
class EmailImportRunner:
    form: MailForm
    mapping: ImportMapping
    open_connection: Callable[[], OpenConnection]
    surroundings: Surroundings
    write_name: str
    step: str
    mode: Mode
    effect: str = field(default="none", init=False)

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        connection = self.open_connection()
        if connection.offline:
            return [offline(part, connection) for part in parts]
        prepared = [self.mapping.map_part(part, connection, turn.recorder) for part in parts]
        with Line(connection, self, turn) as line:
            for part, mapped in zip(parts, prepared, strict=True):
                self.send(line, part, mapped, connection, turn)
                self.mapping.after_submit(mapped)
        return [mapped.outcome for mapped in prepared]

    def send(self, line: "Line", part: Part, mapped: Mapped, connection: OpenConnection, turn: Turn) -> None:
        outcome = mapped.outcome
        for index, mail in self.mails(part, mapped, connection):
            if outcome.parked_on:
                outcome.later.add(index)
                continue
            turn.check()
            try:
                refused = line.send(mail)
            except GatewayError as error:
                if not error.maybe_sent and held_up(outcome, [index], error, connection):
                    continue
                failure = failure_of(error, source="application")
                if error.maybe_sent:
                    said = f"In doubt: {error.message}"
                    failure = replace(failure, code="in_doubt", message=said, in_doubt=True)
                outcome.failures[index] = failure
                continue
            if refused:
                message = "Some recipients were refused: " + "; ".join(f"{to}: {why}" for to, why in refused.items())
                said_of = Failure(source="application", code="recipients_refused", message=message)
                outcome.noted.append((index, said_of))
            if self.mapping.reads_responses:
                outcome.responses[index] = {
                    "id": mail.message_id,
                    "_json": {"refused": refused},
                    "errors": [],
                    "ignored": False,
                    "statusCode": 200,
                }

    def mails(self, part: Part, mapped: Mapped, connection: OpenConnection) -> Iterator[tuple[int, Mail]]:
        looked = self.mapping.look_up_texts(mapped, connection)
        base = self.surroundings.base(connection.values)
        env = environment() if mapped.desk is None else replace(environment(), lookups=mapped.desk.by_key)
        document = email_document(connection)
        host = document.sender.rpartition("@")[2].strip("<> ") or document.host
        for index in mapped.submitted():
            scope = lookup_scope(base, mapped.records[index])
            if looked:
                scope["lookup"] = looked[index]
            key = idempotency_key(part.keys[index], self.write_name)
            try:
                mail = self.form.render(scope, env, sender=document.sender, message_id=f"<{key}@{host}>")
            except (TemplateError, InvalidRequest) as error:
                mapped.outcome.failures[index] = Failure("application", "invalid_request", str(error))
                continue
            yield index, mail


class Line:
    """The session of a turn. One that the server has ended between two mails is opened anew, once."""

    def __init__(self, connection: OpenConnection, runner: EmailImportRunner, turn: Turn) -> None:
        self.connection = connection
        self.context = sending.send_context(connection, step=runner.step, mode=runner.mode, recorder=turn.recorder)
        self.session: MailSession | None = None
        self.stack = ExitStack()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, mail: Mail) -> dict[str, str]:
        """Raises GatewayError."""
        is_new = self.session is None
        try:
            return self.opened().send(mail)
        except Disconnected as error:
            self.close()
            if is_new or error.maybe_sent:
                raise
        return self.opened().send(mail)

    def opened(self) -> MailSession:
        if self.session is None:
            self.session = self.stack.enter_context(open_mail_session(self.connection, context=self.context))
        return self.session

    def close(self) -> None:
        self.session = None
        self.stack.close()
