"""The work kinds of approvals: `approval` reminds and runs out of time, `approval_mail` sends one person's mail.

They are two, so that a mail server that hangs holds up no timeout. A mail whose worker dies on the way is sent again:
two of them ask for the same answer.
"""

from datetime import timedelta

import structlog
from django.db import transaction

from apps.automations.approvals import mail, people, services
from apps.automations.approvals.models import Approval, ApprovalNotice
from apps.core import clock
from apps.core.gateway import Category, GatewayError
from apps.core.ids import hex24
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind

log = structlog.get_logger(__name__)
# Seconds after each failed attempt; after the last the notice stays unsent, and the approval's page says why.
RETRY_AFTER = (10, 60, 300, 1800, 2 * 3600, 6 * 3600, 24 * 3600)
GONE = "not needed any more"


def handle(claims: list[Claim]) -> None:
    for claim in claims:
        attend(claim)


def attend(claim: Claim) -> None:
    row = Approval.objects.filter(pk=claim.target_id).first()
    if row is not None:
        services.expire(row)
    with transaction.atomic():
        found = services.lock(row) if row is not None else None
        due = None
        if found is not None and not found.closed:
            remind(found)
            due = services.next_due(found)
        if due is None:
            work.finish([claim])
        else:
            work.wait_until(claim, due, reason="the next thing to do about an approval")


def remind(row: Approval) -> None:
    if row.remind_at is None or row.reminded_at is not None or row.remind_at > clock.now():
        return
    row.reminded_at = clock.now()
    row.save(update_fields=["reminded_at", "updated_at"])
    services.tell(row, kind=ApprovalNotice.Kind.REMINDER)


def handle_mails(claims: list[Claim]) -> None:
    for claim in claims:
        send(claim)


def send(claim: Claim) -> None:
    rows = ApprovalNotice.objects.select_related("approval__execution", "approval__requester", "user")
    notice = rows.filter(pk=claim.target_id, sent_at__isnull=True).first()
    if notice is None or not may_be_told(notice):
        settle(claim, notice, message=GONE)
        return
    try:
        claim.check()
        mail.send(notice)
    except GatewayError as error:
        log.warning("an approval could not be mailed", approval=hex24(notice.approval_id), reason=error.message)
        put_off(claim, notice, error)
        return
    settle(claim, notice, message="")


def may_be_told(notice: ApprovalNotice) -> bool:
    """As things stand now: it may be closed, and people leave."""
    approval = notice.approval
    return not approval.closed and notice.user_id in {person.id for person in people.approvers(approval)}


@transaction.atomic
def settle(claim: Claim, notice: ApprovalNotice | None, *, message: str) -> None:
    work.finish([claim])
    if notice is not None:
        notice.sent_at = None if message else clock.now()
        notice.attempts += 0 if message == GONE else 1
        notice.message = message
        notice.save()


@transaction.atomic
def put_off(claim: Claim, notice: ApprovalNotice, error: GatewayError) -> None:
    notice.attempts += 1
    notice.message = error.message[:500]
    notice.save()
    hopeless = error.category == Category.DATA or notice.attempts > len(RETRY_AFTER)
    if hopeless:
        work.finish([claim])
    else:
        pause = timedelta(seconds=RETRY_AFTER[notice.attempts - 1])
        work.wait_until(claim, clock.now() + pause, reason="retry of a mail")


WORK_KINDS = [
    WorkKind(name=services.WORK, handle=handle, batch=10),
    WorkKind(name=services.MAIL_WORK, handle=handle_mails, batch=10),
]
