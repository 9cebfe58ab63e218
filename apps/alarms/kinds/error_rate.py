"""How much of what ended within the window failed, in percent: of records, or of executions that count none."""

import uuid
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, Sum

from apps.alarms.kinds.base import AlarmKind, Reading, Subject
from apps.alarms.kinds.execution_failed import TARGETS
from apps.alarms.rules import Limits, Rule
from apps.executions.models import Execution, Mode, State

ENDED = (State.SUCCEEDED, State.FAILED)


def read(organization_id: uuid.UUID, rule: Rule, now: datetime) -> dict[str, Reading]:
    """One aggregate by the index on an organization's ended executions."""
    rows = Execution.objects.filter(
        organization_id=organization_id, ended_at__gte=now - rule.window, ended_at__lte=now, state__in=ENDED,
        mode=Mode.LIVE,
    )  # fmt: skip
    if rule.scope.integration_id:
        rows = rows.filter(integration_id=rule.scope.integration_id)
    if rule.scope.flow_id:
        rows = rows.filter(kind__in=("flow", "retry"), target_id=rule.scope.flow_id)
    if rule.scope.automation_id:
        rows = rows.filter(kind="automation", target_id=rule.scope.automation_id)
    uncounted = Q(success_count=0, error_count=0)
    sums = rows.values("kind", "target_id", "integration_id").annotate(
        errors=Sum("error_count"), good=Sum("success_count"), alone=Count("id", filter=uncounted),
        failed=Count("id", filter=uncounted & Q(state=State.FAILED)), name=Max("target_name"), newest=Max("ended_at"),
    )  # fmt: skip
    groups: dict[str, list[tuple[Subject, int, int]]] = {}
    for row in sums.order_by("kind", "target_id"):
        bad = row["errors"] + row["failed"]
        subject = subject_of(row, bad=bad, total=row["errors"] + row["good"] + row["alone"])
        groups.setdefault(subject.group(rule), []).append((subject, bad, row["errors"] + row["good"] + row["alone"]))
    found = {}
    for key, parts in groups.items():
        bad, total = sum(part[1] for part in parts), sum(part[2] for part in parts)
        rate = 100 * bad / total if total else 0.0
        if total >= rule.minimum and rate >= rule.threshold:
            found[key] = Reading([subject for subject, errors, _ in parts if errors], value=round(rate, 1))
    return found


def subject_of(row: dict[str, Any], *, bad: int, total: int) -> Subject:
    kind = TARGETS.get(row["kind"], row["kind"])
    page = (kind, row["target_id"]) if row["target_id"] else None
    return Subject(
        kind=kind, id=row["target_id"] or "none", name=row["name"] or kind, page=page,
        message=f"{bad} of {total} failed, {100 * bad / max(total, 1):.0f} %", integration_id=row["integration_id"],
    )  # fmt: skip


ERROR_RATE = AlarmKind(
    name="error_rate",
    title="Error rate",
    advice="Open what fails most and look at its record errors: one cause is often behind most of them. Mend it, then"
    " retry them together.",
    limits=Limits(
        threshold=10, most=100, window=900, counts=False, least_window=60,
        scopes=("_integrationId", "_flowId", "_automationId"),
    ),
    threshold_means="percent of what ended within the window",
    counted=("", ""),
    read=read,
)  # fmt: skip
