"""What a run's own pages say of its approval, for many runs in one query; and its answer by the run's id."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.automations.approvals.models import Approval
from apps.automations.approvals.services import answer_approval
from apps.core.actors import Actor
from apps.core.errors import ConflictError
from apps.executions.models import Execution

NO_REASON = "No reason was given."


@dataclass(frozen=True)
class Review:
    """`waiting`: somebody has yet to answer. `by` and `at` are of the last answer that a person gave."""

    waiting: bool = False
    rejected: bool = False
    by: uuid.UUID | None = None
    at: datetime | None = None


def reviews_of(execution_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Review]:
    """Of those that have asked anybody at all."""
    columns = ("execution_id", "state", "answered_by_id", "answered_at")
    rows = Approval.objects.filter(execution_id__in=list(execution_ids)).order_by("id").values_list(*columns)
    found: dict[uuid.UUID, Review] = {}
    for execution_id, state, by, at in rows:
        before = found.get(execution_id, Review())
        answered = state in (Approval.State.APPROVED, Approval.State.REJECTED)
        found[execution_id] = Review(
            waiting=before.waiting or state == Approval.State.WAITING,
            rejected=before.rejected or state == Approval.State.REJECTED,
            by=by if answered and by else before.by,
            at=at if answered else before.at,
        )
    return found


def answer_run(*, actor: Actor, execution: Execution, approve: bool, reason: str = "") -> Approval:
    """Answers what a run asks now; a no may come without a reason here, for the Rely API has no place for one.

    Raises ConflictError for one that asks nothing, or was answered before.
    """
    rows = Approval.objects.filter(execution=execution).select_related("execution", "answered_by")
    row = rows.filter(closed=False).order_by("id").first() or rows.order_by("-id").first()
    if row is None:
        raise ConflictError("This run waits for nobody's approval.", code="not_waiting")
    if not approve and not reason.strip():
        reason = NO_REASON
    return answer_approval(actor=actor, approval=row, approve=approve, reason=reason)
