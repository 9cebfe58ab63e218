"""Sums what the pages of running flows have counted so far, by run and step."""

import uuid

from apps.flows.models import Page


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
