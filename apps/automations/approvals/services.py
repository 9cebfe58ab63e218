"""Asking, answering, running out of time, and closing what nobody needs to answer any more.

Everything locks the execution first, then the approval, as a cancel does; the answer and the run's wake-up commit
together, so that a process that dies on the way has done both or neither.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.audit import services as audit
from apps.automations.approvals import people
from apps.automations.approvals.models import Approval, ApprovalNotice
from apps.automations.approvals.policy import Policy
from apps.core import clock
from apps.core.actors import Actor, system_actor
from apps.core.errors import ConflictError, ValidationError
from apps.core.ids import hex24
from apps.events.services import emit
from apps.executions import services as executions
from apps.executions.models import Execution, State
from apps.executions.payloads import pack
from apps.work import services as work
from apps.work.models import Lane

WORK = "approval"  # reminds, and runs out of time
MAIL_WORK = "approval_mail"
MAX_REASON = 1000
AWAITED, ANSWERED = "approval.waiting", "approval.answered"
States, OnTimeout = Approval.State, Approval.OnTimeout
ENDS = {OnTimeout.APPROVE: States.APPROVED, OnTimeout.REJECT: States.REJECTED, OnTimeout.FAIL: States.FAILED}
NOBODY = "Nobody has answered in time."


@dataclass(frozen=True)
class Question:
    """What a run asks at one place. `plan` says what would run: args, arguments, actions."""

    execution: Execution
    policy: Policy
    path: str = ""
    iteration: str = ""
    automation_id: uuid.UUID | None = None
    automation_name: str = ""
    message: str = ""
    requester_id: uuid.UUID | None = None
    plan: dict[str, Any] = field(default_factory=dict)


def question_at(execution: Execution, *, path: str = "", iteration: str = "") -> Approval | None:
    """In a transaction. What a run has asked at this place; nobody can answer it before the transaction ends."""
    Execution.objects.select_for_update().get(pk=execution.pk)
    rows = Approval.objects.select_related("execution", "answered_by")
    return rows.filter(execution=execution, path=path, iteration=iteration).first()


@transaction.atomic
def ask(question: Question) -> Approval:
    """The question at this place, asked now unless it was before. Tells those who may answer, and whoever listens.

    Raises ConflictError where the run has ended or is being canceled.
    """
    execution = Execution.objects.select_for_update().get(pk=question.execution.pk)
    asked = Approval.objects.filter(execution=execution, path=question.path, iteration=question.iteration).first()
    if asked is not None:
        return asked
    if execution.is_terminal or execution.state == State.CANCELING:
        raise ConflictError("The execution was canceled.", code=executions.CANCELED_CODE)
    policy, now = question.policy, clock.now()
    row = Approval.objects.create(
        organization_id=execution.organization_id,
        execution=execution,
        path=question.path,
        iteration=question.iteration,
        automation_id=question.automation_id,
        automation_name=(question.automation_name or execution.target_name)[:200],
        message=question.message or policy.message,
        requester_id=question.requester_id,
        roles=[str(role) for role in policy.roles],
        members=list(policy.members),
        timeout_at=after(now, policy.timeout_seconds),
        on_timeout=policy.on_timeout,
        remind_at=after(now, policy.remind_after_seconds),
        plan=pack(question.plan, what="What would run"),
    )
    if (due := next_due(row)) is not None:
        add_work(row, kind=WORK, lane=Lane.INTERACTIVE, targets=[row.id], due_at=due)
    tell(row, kind=ApprovalNotice.Kind.ASK)
    note(system_actor(row.organization_id), "ask", row)
    announce(row, AWAITED)
    return row


def after(moment: datetime, seconds: int | None) -> datetime | None:
    return moment + timedelta(seconds=seconds) if seconds is not None else None


def next_due(row: Approval) -> datetime | None:
    moments = [row.timeout_at, row.remind_at if row.reminded_at is None else None]
    return min((moment for moment in moments if moment is not None), default=None)


def answer_approval(*, actor: Actor, approval: Approval, approve: bool, reason: str = "") -> Approval:
    """Answers for good, and wakes the run in the same transaction.

    Raises ForbiddenError for whoever may not, ValidationError without a reason to reject, and ConflictError, which
    says who has answered and when, for whatever comes second.
    """
    expire(approval)
    with transaction.atomic():
        row = lock(approval)
        people.require_approver(row, actor=actor, email=people.email_of(actor))
        require_waiting(row)
        reason = checked_reason(reason, needed=not approve)
        state = States.APPROVED if approve else States.REJECTED
        settle(row, actor=actor, state=state, reason=reason, event="approve" if approve else "reject")
    return row


def lock(approval: Approval) -> Approval:
    """In a transaction, and always in this order: the execution, then its question."""
    Execution.objects.select_for_update().get(pk=approval.execution_id)
    rows = Approval.objects.select_for_update(of=("self",)).select_related("execution", "requester", "answered_by")
    found: Approval = rows.get(pk=approval.pk)
    return found


def require_open(row: Approval) -> None:
    """For whoever is about to be asked: raises ConflictError once it is answered, or its time is over."""
    if expire(row):
        row.refresh_from_db()
    require_waiting(row)


def require_waiting(row: Approval) -> None:
    if row.state != States.WAITING:
        raise ConflictError(closing_words(row), code="already_answered")


def closing_words(row: Approval) -> str:
    """Who has answered what, and when."""
    at = f"{row.answered_at:%Y-%m-%d %H:%M:%S} UTC" if row.answered_at else "some time ago"
    if row.state == States.CANCELED:
        return f"Its run ended at {at}, before anybody answered."
    if row.timed_out:
        return f"Nobody answered in time: it was {ended_word(row)} by itself at {at}."
    who = row.answered_by.name or row.answered_by.email if row.answered_by else "somebody who is no member any more"
    return f"It was {ended_word(row)} by {who} at {at}."


def ended_word(row: Approval) -> str:
    return "ended as failed" if row.state == States.FAILED else str(row.state)


def checked_reason(text: Any, *, needed: bool) -> str:
    if not isinstance(text, str):
        raise ValidationError("Must be a text.", field="reason")
    reason = text.strip()
    if needed and not reason:
        message = "Say why it is rejected."
        raise ValidationError(message, field="reason", code="missing_required_field")
    if len(reason) > MAX_REASON or "\0" in reason:
        raise ValidationError(f"Must be at most {MAX_REASON} characters of text.", field="reason")
    return reason


@transaction.atomic
def expire(approval: Approval) -> bool:
    """What silence means, once the time is over. False if it is not, or if the question is closed."""
    if approval.closed or approval.timeout_at is None or approval.timeout_at > clock.now():
        return False
    row = lock(approval)
    if row.state != States.WAITING:
        return False
    row.timed_out = True
    state = ENDS[OnTimeout(row.on_timeout)]
    settle(row, actor=system_actor(row.organization_id), state=state, reason=NOBODY, event="timeout")
    return True


def settle(row: Approval, *, actor: Actor, state: str, reason: str, event: str) -> None:
    """In a transaction, the row locked: the answer, the log, the news, and the run made due."""
    row.state, row.closed, row.reason = state, True, reason
    row.answered_by_id, row.answered_at, row.channel = actor.user_id, clock.now(), actor.source
    row.save()
    changes = [{"fieldPath": "state", "oldValue": str(States.WAITING), "newValue": str(state)}]
    if reason:
        changes.append({"fieldPath": "reason", "newValue": reason})
    note(actor, event, row, changes=changes)
    announce(row, ANSWERED)
    drop_work(row)
    work.hurry(kind=executions.WORK, target_id=row.execution_id)


def close(execution: Execution) -> None:
    """In the transaction that ends a run: nobody need answer its questions any more."""
    for row in Approval.objects.select_for_update().filter(execution=execution, closed=False):
        row.state, row.closed, row.answered_at, row.channel = States.CANCELED, True, clock.now(), "system"
        row.reason = f"The run has ended: {execution.reason or execution.state}"[:MAX_REASON]
        row.save()
        announce(row, ANSWERED)
        drop_work(row)


def drop_work(row: Approval) -> None:
    """What a worker holds of it finds the question closed."""
    work.drop_target(kind=WORK, target_id=row.id)
    for notice_id in row.notices.filter(sent_at__isnull=True).values_list("id", flat=True):
        work.drop_target(kind=MAIL_WORK, target_id=notice_id)


def tell(row: Approval, *, kind: str) -> int:
    """One mail each to those who may answer, as work of its own. Answers to how many."""
    known = set(row.notices.filter(kind=kind).values_list("user_id", flat=True))
    found = [person for person in people.approvers(row)[: people.TOLD_AT_MOST] if person.id not in known]
    notices = [ApprovalNotice(approval=row, user_id=person.id, kind=kind) for person in found]
    ApprovalNotice.objects.bulk_create(notices)
    if notices:
        add_work(row, kind=MAIL_WORK, lane=Lane.DELIVERIES, targets=[notice.id for notice in notices])
    return len(notices)


def add_work(row: Approval, *, kind: str, lane: str, targets: list[uuid.UUID], due_at: datetime | None = None) -> None:
    work.add_many(
        kind=kind, lane=lane, organization_id=row.organization_id, target_ids=targets, due_at=due_at,
        reason="the next thing to do about an approval" if due_at else "",
    )  # fmt: skip


def note(actor: Actor, event: str, row: Approval, *, changes: list[dict[str, Any]] | None = None) -> None:
    audit.record(
        actor=actor,
        event=event,
        resource_type="approval",
        resource_id=row.id,
        resource_name=row.automation_name,
        integration_id=row.execution.integration_id,
        changes=changes,
    )


def announce(row: Approval, type: str) -> None:
    data = {
        "approval": hex24(row.id),
        "execution": hex24(row.execution_id),
        "automation": hex24(row.automation_id) if row.automation_id else None,
        "name": row.automation_name,
        "message": row.message,
        "state": str(row.state),
        "timeoutAt": row.timeout_at,
        "answeredBy": hex24(row.answered_by_id) if row.answered_by_id else None,
        "answeredAt": row.answered_at,
        "timedOut": row.timed_out,
        "reason": row.reason,
    }
    emit(organization_id=row.organization_id, type=type, subject_kind="approval", subject_id=row.id, data=data)
