"""Imports of a run that send mails."""

from typing import Any

from apps.core.errors import ValidationError
from apps.flows.pipeline.compiling.documents import RunDocuments, as_list
from apps.flows.pipeline.runners.email_import import AttachmentForm, EmailImportRunner, MailForm
from apps.flows.pipeline.runners.mapping import ImportMapping
from apps.flows.pipeline.scopes import Text

RECIPIENTS = {"to": "to", "cc": "cc", "bcc": "bcc", "reply_to": "replyTo"}


def email_import(run: RunDocuments, document: dict[str, Any], step: str, mapping: ImportMapping) -> EmailImportRunner:
    return EmailImportRunner(
        form=mail_form(document.get("email") or {}),
        mapping=mapping,
        open_connection=run.opener(document),
        surroundings=run.surroundings(document, kind="import", values={}),
        write_name=run.write_name(document["_id"]),
        step=step,
        mode=run.mode,
    )


def mail_form(email: dict[str, Any]) -> MailForm:
    """Raises ValidationError naming the member."""
    if not any(as_list(email.get(name)) for name in ("to", "cc", "bcc")):
        raise ValidationError("is required", field="email.to")
    if not (email.get("body") or email.get("html")):
        raise ValidationError("is required, or html", field="email.body")
    return MailForm(
        sender=Text(email.get("from")),
        recipients={kind: [Text(text) for text in as_list(email.get(name))] for kind, name in RECIPIENTS.items()},
        subject=Text(email.get("subject")),
        text=Text(email.get("body")),
        html=Text(email.get("html"), place="xml"),
        attachments=[
            AttachmentForm(
                name=Text(one.get("fileName")),
                content_type=Text(one.get("contentType")),
                content=Text(one.get("content")),
                is_base64=one.get("encoding") == "base64",
            )
            for one in email.get("attachments") or []
        ],
    )
