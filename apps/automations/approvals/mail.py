"""The mail to one who may answer: what would run, and two links of their own."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string

from apps.automations.approvals import links, showing
from apps.automations.approvals.models import ApprovalNotice
from apps.core.gateway import SendContext
from apps.core.gateway.mail import Mail, send_mail

SUBJECT_LENGTH = 150
LEADS = {"ask": "Approval needed", "reminder": "Still waiting for approval"}


def send(notice: ApprovalNotice) -> None:
    """Outside any transaction. Raises GatewayError."""
    send_mail(letter(notice), context=SendContext(organization=str(notice.approval.organization_id)))


def letter(notice: ApprovalNotice) -> Mail:
    approval, user = notice.approval, notice.user
    context: dict[str, Any] = {
        "lead": LEADS[notice.kind],
        "approval": approval,
        "user": user,
        "shown": showing.shown(approval),
        "starter": showing.starter(approval),
        "silence": showing.silence(approval),
        "approve": links.address(approval, user_id=user.id, approve=True),
        "reject": links.address(approval, user_id=user.id, approve=False),
        "days": links.LIFE.days,
    }
    subject = " ".join(f"{context['lead']}: {approval.automation_name}".split())
    return Mail(
        to=[user.email],
        subject=subject[:SUBJECT_LENGTH],
        text=render_to_string("approvals/mail.txt", context),
        html=render_to_string("approvals/mail.html", context),
        message_id=f"<approval-{notice.hex_id}@{urlsplit(settings.PUBLIC_URL).hostname or 'junction'}>",
    )
