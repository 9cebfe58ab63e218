"""Sums what the pages of running flows have counted so far, by run and step; and counts what resources tell of them."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q

from apps.accounts.services import owners_of
from apps.connections.models import Connection
from apps.core.ids import hex24
from apps.flows.models import Export, Flow, Import, Page
from apps.integrations.models import Reference


def live_counts(execution_ids: list[uuid.UUID]) -> dict[uuid.UUID, dict[str, list[int]]]:
    """{execution: {step path: [success, error, ignore, pages]}}: one query for all."""
    sums: dict[uuid.UUID, dict[str, list[int]]] = {row_id: {} for row_id in execution_ids}
    pages = Page.objects.filter(execution_id__in=execution_ids).values_list("execution_id", "counts")
    for execution_id, counts in pages.iterator(chunk_size=1000):
        for path, numbers in counts.items():
            total = sums[execution_id].setdefault(path, [0, 0, 0, 0])
            for index, number in enumerate([*numbers[:3], 1]):
                total[index] += number
    return sums


def count_flows(integrations: Sequence[Any]) -> dict[uuid.UUID, dict[str, Any]]:
    counted = {row.pk: {"numFlows": 0} for row in integrations}
    rows = Flow.objects.filter(integration_id__in=list(counted))
    for folder, total in rows.values_list("integration_id").annotate(Count("id")).order_by():
        counted[folder] = {"numFlows": total}
    return counted


def count_queued(connections: Sequence[Connection]) -> dict[uuid.UUID, dict[str, Any]]:
    """The pages of runs under way that go through these; who borrows another's concurrency stands in its queue."""
    return {row.pk: {"queues": [queue_of(row)]} for row in connections}


def queue_of(row: Connection) -> dict[str, Any]:
    owner: uuid.UUID = row.borrows_from_id or row.id
    through = Connection.objects.filter(Q(pk=owner) | Q(borrows_from=owner)).values("pk")
    exports = Q(target_kind="export", target_id__in=Export.objects.filter(connection__in=through).values("pk"))
    imports = Q(target_kind="import", target_id__in=Import.objects.filter(connection__in=through).values("pk"))
    flows = Reference.objects.filter(exports | imports, source_kind="flow").values("source_id")
    pages = Page.objects.filter(
        organization_id=row.organization_id, state=Page.State.OPEN, execution__ended_at=None,
        execution__target_id__in=flows,
    )  # fmt: skip
    return {"name": hex24(owner), "size": pages.count()}


def tell_owner(rows: Sequence[Any]) -> dict[uuid.UUID, dict[str, Any]]:
    """`_userId`: who owns the account that these stand in."""
    owners = owners_of({row.organization_id for row in rows})
    return {row.pk: {"_userId": hex24(owners[row.organization_id])} for row in rows if row.organization_id in owners}
