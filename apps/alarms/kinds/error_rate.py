"""How much of what ended within the window failed, in percent: of records, or of executions that count none."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, Sum

from apps.alarms.kinds.base import AlarmKind, Reading, Subject
from apps.alarms.kinds.execution_failed import TARGETS
from apps.alarms.rules import Limits, Rule
from apps.executions.models import Execution, Mode, State

ENDED = (State.SUCCEEDED, State.FAILED)
WINDOWS_AT_ONCE = 100  # of different lengths: four columns each, and no database takes thousands


def read(organization_id: uuid.UUID, rules: Sequence[Rule], now: datetime) -> list[dict[str, Reading]]:
    """One aggregate by the index on an organization's ended executions."""
    windows = sorted({rule.window for rule in rules})
    sums: dict[timedelta, list[Sums]] = {}
    for first in range(0, len(windows), WINDOWS_AT_ONCE):
        sums |= summed(organization_id, rules, windows[first : first + WINDOWS_AT_ONCE], now)
    return [reading_of(sums[rule.window], rule) for rule in rules]


@dataclass(frozen=True)
class Sums:
    """What ended of one flow, automation or action within a window, and how much of it failed."""

    kind: str
    target_id: uuid.UUID | None
    integration_id: uuid.UUID | None
    name: str
    bad: int
    total: int


def summed(
    organization_id: uuid.UUID, rules: Sequence[Rule], windows: Sequence[timedelta], now: datetime
) -> dict[timedelta, list[Sums]]:
    rows = Execution.objects.filter(
        of_any(rules), organization_id=organization_id, ended_at__gte=now - max(windows), ended_at__lte=now,
        state__in=ENDED, mode=Mode.LIVE,
    )  # fmt: skip
    columns: dict[str, Any] = {}
    for number, window in enumerate(windows):
        within = Q(ended_at__gte=now - window)
        alone = within & Q(success_count=0, error_count=0)  # it counts no records: it is one by itself
        columns |= {
            f"errors_{number}": Sum("error_count", filter=within, default=0),
            f"good_{number}": Sum("success_count", filter=within, default=0),
            f"alone_{number}": Count("id", filter=alone),
            f"failed_{number}": Count("id", filter=alone & Q(state=State.FAILED)),
        }
    grouped = rows.values("kind", "target_id", "integration_id").annotate(name=Max("target_name"), **columns)
    found: dict[timedelta, list[Sums]] = {window: [] for window in windows}
    for row in grouped.order_by("kind", "target_id"):
        for number, window in enumerate(windows):
            errors, good, alone, failed = (row[f"{what}_{number}"] for what in ("errors", "good", "alone", "failed"))
            if total := errors + good + alone:
                own = (row["kind"], row["target_id"], row["integration_id"], row["name"])
                found[window].append(Sums(*own, bad=errors + failed, total=total))
    return found


def of_any(rules: Sequence[Rule]) -> Q:
    """What any of them looks at: all there is, unless each names a flow, an automation or an integration."""
    wanted = Q()
    for rule in rules:
        if rule.scope.target:
            wanted |= Q(target_id=rule.scope.target[1])
        elif rule.scope.integration_id:
            wanted |= Q(integration_id=rule.scope.integration_id)
        else:
            return Q()
    return wanted


def reading_of(sums: Sequence[Sums], rule: Rule) -> dict[str, Reading]:
    groups: dict[str, list[tuple[Subject, Sums]]] = {}
    for one in sums:
        subject = subject_of(one)
        if rule.scope.holds(integration_id=one.integration_id, kind=subject.kind, target_id=one.target_id):
            groups.setdefault(subject.group(rule), []).append((subject, one))
    found = {}
    for key, parts in groups.items():
        bad, total = sum(one.bad for _, one in parts), sum(one.total for _, one in parts)
        rate = 100 * bad / total
        if total >= rule.minimum and rate >= rule.threshold:
            found[key] = Reading([subject for subject, one in parts if one.bad], value=round(rate, 1))
    return found


def subject_of(one: Sums) -> Subject:
    kind = TARGETS.get(one.kind, one.kind)
    page = (kind, one.target_id) if one.target_id else None
    return Subject(
        kind=kind, id=one.target_id or "none", name=one.name or kind, page=page,
        message=f"{one.bad} of {one.total} failed, {100 * one.bad / one.total:.0f} %",
        integration_id=one.integration_id,
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
