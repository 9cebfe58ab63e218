"""An execution ended as failed. It has recovered when the same flow, automation or action succeeds after that."""

import uuid
from collections.abc import Collection
from datetime import datetime

from apps.alarms.kinds.base import AlarmKind, Subject, Subjects
from apps.alarms.rules import Limits, Scope
from apps.core.ids import hex24, parse_id
from apps.events.models import Event
from apps.executions.models import Execution, Mode, State

NEWEST = 20  # executions of a target that are looked at for a success
TARGETS = {"retry": "flow"}


def seen(event: Event) -> Subject | None:
    execution_id = parse_id(event.data.get("execution"))
    row = Execution.objects.filter(pk=execution_id).first() if execution_id else None
    if row is None or row.mode != Mode.LIVE:
        return None
    kind = TARGETS.get(row.kind, row.kind)
    name = row.target_name or f"{kind} {hex24(row.target_id or row.id)}"
    return Subject(
        kind=kind, id=row.target_id or row.id, name=name, message=row.reason, page=("execution", row.id),
        integration_id=row.integration_id,
    )  # fmt: skip


def in_scope(subject: Subject, scope: Scope) -> bool:
    target_id = subject.id if isinstance(subject.id, uuid.UUID) else None
    return scope.holds(integration_id=subject.integration_id, kind=subject.kind, target_id=target_id)


def recovered(organization_id: uuid.UUID, subjects: Subjects) -> Collection[str]:
    found = []
    for key, subject in subjects.items():
        rows = Execution.objects.filter(
            organization_id=organization_id, kind=subject["kind"], target_id=parse_id(subject["id"]), mode=Mode.LIVE
        )
        newest = rows.order_by("-id").values_list("state", "ended_at")[:NEWEST]
        last = datetime.fromisoformat(subject["last"])
        if any(state == State.SUCCEEDED and ended_at and ended_at > last for state, ended_at in newest):
            found.append(key)
    return found


EXECUTION_FAILED = AlarmKind(
    name="execution_failed",
    title="Execution failed",
    advice="Open the execution: its page says which step failed and shows the requests. Mend the cause, then run it"
    " again, or retry its failed records.",
    limits=Limits(threshold=1, most=1_000_000, window=300, scopes=("_integrationId", "_flowId", "_automationId")),
    threshold_means="failed executions within the window",
    events=frozenset({"execution.failed"}),
    seen=seen,
    in_scope=in_scope,
    recovered=recovered,
)
