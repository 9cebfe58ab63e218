"""Where a run stands still until a person has said yes: before its first action, and at an action `approval`.

The surprise: the look at the answer and the parking of the run are one transaction, in which the execution is locked.
An answer locks it too, so none can come between the two and wake nobody.
"""

from collections.abc import Mapping
from typing import Any

from apps.accounts.models import User
from apps.automations.actions.registry import Wait
from apps.automations.approvals import planning, services
from apps.automations.approvals.models import Approval
from apps.automations.approvals.policy import MAX_MESSAGE, Policy
from apps.automations.approvals.services import Question
from apps.automations.errors import RejectedError
from apps.automations.models import AutomationVersion, Run
from apps.automations.running import functions
from apps.automations.running.compiled import compiled
from apps.automations.running.rendering import rendered
from apps.core.errors import ConflictError, DomainError
from apps.executions.models import Execution, ExecutionData, Mode
from apps.executions.payloads import unpack
from apps.executions.services import CANCELED_CODE

WAITS = "a person has to approve it"
State = Approval.State


def require(execution: Execution, version: AutomationVersion, requester: User | None) -> None:
    """Returns once approved. In a transaction. Raises Wait until answered, RejectedError after a no.

    A run that sends nothing (plan, replay) asks nobody.
    """
    if execution.mode != Mode.LIVE:
        return
    row = services.question_at(execution)
    if row is None:
        program = compiled(version)
        stored = unpack(ExecutionData.objects.get(execution=execution).input)
        scope = program.scope({**{name: stored.get(name) for name in ("data", "event", "args")}, "actions": {}})
        env = functions.environment(execution.organization_id)
        message = rendered(program.approval.message, program.approval_message, scope, env)
        row = ask(
            execution,
            policy=program.approval,
            message="" if message is None else str(message),
            requester=requester,
            plan=planning.plan(version.document, version.document.get("actions") or [], scope, env),
        )
    settled(row)


def ask(
    execution: Execution,
    *,
    policy: Policy,
    message: str,
    requester: User | None,
    plan: dict[str, Any],
    path: str = "",
    iteration: str = "",
) -> Approval:
    return services.ask(
        Question(
            execution=execution,
            policy=policy,
            path=path,
            iteration=iteration,
            automation_id=execution.target_id,
            automation_name=execution.target_name,
            message=keepable(message)[:MAX_MESSAGE],
            requester_id=requester.id if requester else first_requester(execution),
            plan=plan,
        )
    )


def keepable(text: str) -> str:
    """A template may make what no database holds: NUL, and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def first_requester(execution: Execution) -> Any:
    """Of a run that another one has started: whoever started that, for they have asked for all that follows."""
    if execution.root_id == execution.id:
        return None
    return Run.objects.filter(execution_id=execution.root_id).values_list("created_by_id", flat=True).first()


def settled(row: Approval, *, rejected_too: bool = False) -> Approval:
    """The approval once it is given; a rejection too where the run is to go on with one.

    Raises Wait, RejectedError, or a DomainError where silence fails the run.
    """
    if services.expire(row):
        row.refresh_from_db()
    if row.state == State.WAITING:
        raise Wait(reason=WAITS)
    if row.state == State.CANCELED:
        raise ConflictError("The execution was canceled.", code=CANCELED_CODE)
    if row.state == State.FAILED:
        raise DomainError("It needed an approval, and nobody answered in time.", code="approval_timeout")
    if row.state == State.REJECTED and not rejected_too:
        raise RejectedError(rejection(row))
    return row


def rejection(row: Approval) -> str:
    if row.timed_out:
        return "Rejected: nobody answered in time."
    who = f" by {row.answered_by.name or row.answered_by.email}" if row.answered_by else ""
    return f"Rejected{who}: {row.reason}"


def outcome(row: Approval) -> Mapping[str, Any]:
    """What later actions see of an answer."""
    return {
        "approved": row.state == State.APPROVED,
        "answeredBy": row.answered_by.email if row.answered_by else None,
        "answeredAt": row.answered_at.isoformat(timespec="seconds") if row.answered_at else None,
        "reason": row.reason,
        "timedOut": row.timed_out,
    }
