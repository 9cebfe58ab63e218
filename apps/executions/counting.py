"""Failed records, counted for the folders and flows that they belong to."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Max

from apps.executions.models import RecordError
from apps.wire.stamps import stamp


def count_open_errors(integrations: Sequence[Any]) -> dict[uuid.UUID, dict[str, Any]]:
    """How many records wait in these folders, and since when the newest does."""
    counted: dict[uuid.UUID, dict[str, Any]] = {row.pk: {"numError": 0} for row in integrations}
    rows = RecordError.objects.open().filter(integration_id__in=list(counted))
    for folder, total, last in rows.values_list("integration_id").annotate(Count("id"), Max("created_at")).order_by():
        counted[folder] = {"numError": total, "lastErrorAt": stamp(last)}
    return counted


def tell_resolved(flows: Sequence[Any]) -> dict[uuid.UUID, dict[str, Any]]:
    """When a failed record of theirs was last resolved."""
    rows = RecordError.objects.filter(flow_id__in=[row.pk for row in flows], resolved_at__isnull=False)
    latest = rows.values_list("flow_id").annotate(Max("resolved_at")).order_by()
    return {flow_id: {"resolvedAt": stamp(moment)} for flow_id, moment in latest}
