"""Runs of one concurrencyKey go in the order of the events they answer, however many workers hand those out.

Work of a key is ordered by its event, and only the first is claimable. So a run may begin once no earlier event is
still to be handed out: no run can come to stand before it then.
"""

import uuid

from apps.automations.models import FanOut
from apps.events.services import WORK as EVENT
from apps.executions.models import Execution
from apps.work import sql

PAUSE_SECONDS = 0.2
NAME = "automations"  # of the consumer
# One that waits for a retry, its first delivery having failed, holds up nobody.
UNDER_WAY = (
    "SELECT 1 FROM work_workitem w JOIN events_event e ON e.id = w.target_id WHERE w.kind = %s AND w.target_id < %s"
    " AND w.organization_id = %s AND e.waiting_for LIKE %s AND (w.lease_until IS NOT NULL OR w.due_at <= {now}) LIMIT 1"
)


def is_early(execution: Execution, place: str) -> bool:
    """Whether a run that belongs before it may still be made."""
    at, organization_id = uuid.UUID(place), execution.organization_id
    query = UNDER_WAY.replace("{now}", sql.now_sql())
    if sql.rows(query, [EVENT, at, organization_id, f"%{NAME}%"]):
        return True
    return FanOut.objects.filter(organization_id=organization_id, event_id__lt=at).exists()
