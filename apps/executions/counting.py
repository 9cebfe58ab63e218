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
    """When a failed record of theirs was last resolved: one look into the index for each."""
    resolved = RecordError.objects.filter(resolved_at__isnull=False).order_by("-resolved_at")
    latest = {row.pk: resolved.filter(flow_id=row.pk).values_list("resolved_at", flat=True).first() for row in flows}
    return {flow_id: {"resolvedAt": stamp(moment)} for flow_id, moment in latest.items() if moment}
