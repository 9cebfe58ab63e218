"""Questions to people that have waited unanswered for as long as the window says."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from apps.alarms.kinds.base import (
    MOST_STANDING,
    MOST_SUBJECTS,
    AlarmKind,
    Reading,
    Subject,
    longest_since,
    standing_readings,
)
from apps.alarms.rules import Limits, Rule
from apps.core.ids import hex24
from apps.events import standing
from apps.events.standing import Standing

SOURCE = "approvals"


def read(organization_id: uuid.UUID, rules: Sequence[Rule], now: datetime) -> list[dict[str, Reading]]:
    since = longest_since(rules, now)
    found = standing.standing(SOURCE, organization_id, since=since, limit=MOST_STANDING)
    return [reading_of(found, rule, since=now - rule.window) for rule in rules]


def reading_of(found: Sequence[Standing], rule: Rule, *, since: datetime) -> dict[str, Reading]:
    wanted = (
        one
        for one in found
        if one.since <= since
        and rule.scope.holds(integration_id=one.integration_id, kind=one.target_kind, target_id=one.target_id)
    )
    return standing_readings((subject_of(one) for one in islice(wanted, MOST_SUBJECTS)), rule)


def subject_of(one: Standing) -> Subject:
    """Grouped by the automation that asks: its ten questions are one message."""
    of = (
        (f"{one.target_kind}:{hex24(one.target_id)}", f"{one.target_kind} {one.target_name}") if one.target_id else None
    )
    return Subject(
        kind=one.kind, id=one.id, name=one.name, message=one.what, page=(one.kind, one.id), since=one.since,
        integration_id=one.integration_id, of=of,
    )  # fmt: skip


APPROVAL_WAITING = AlarmKind(
    name="approval_waiting",
    title="Approval waiting",
    advice="Open the question and approve or reject it; what it holds up goes on, or ends, at once. It may also be"
    " answered by whoever got its e-mail.",
    limits=Limits(threshold=1, most=10_000, window=900, least_window=0, scopes=("_integrationId", "_automationId")),
    threshold_means="approvals that have waited for as long as the window says",
    counted=("1 approval", "approvals"),
    pokes=frozenset({"approval.waiting", "approval.answered"}),
    read=read,
)
