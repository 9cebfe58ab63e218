"""Approvals that wait, for alarms that tell of them."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from apps.automations.approvals.models import Approval
from apps.automations.approvals.people import asked_words
from apps.events.standing import Standing


def waiting_since(organization_id: uuid.UUID, since: datetime, limit: int) -> Iterable[Standing]:
    """Oldest first, by the index of those that wait."""
    rows = Approval.objects.filter(organization_id=organization_id, closed=False, created_at__lte=since)
    found = rows.select_related("execution").defer("plan").order_by("id")[:limit]
    for row in found:
        yield Standing(
            kind="approval",
            id=row.id,
            name=row.automation_name,
            since=row.created_at,
            what=f"{row.automation_name} waits for {asked_words(row)} to answer.",
            target_kind="automation",
            target_id=row.automation_id,
            target_name=row.automation_name,
            integration_id=row.execution.integration_id,
        )
