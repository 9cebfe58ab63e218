"""What the pages of a run have counted, step by step."""

from apps.executions.models import Execution
from apps.flows.models import Page


def step_counts(execution: Execution) -> dict[str, list[int]]:
    """{step path: [success, error, ignore, pages]}, summed over the run's pages."""
    sums: dict[str, list[int]] = {}
    for counts in Page.objects.filter(execution=execution).values_list("counts", flat=True).iterator(chunk_size=1000):
        for path, numbers in counts.items():
            total = sums.setdefault(path, [0, 0, 0, 0])
            for i, number in enumerate([*numbers, 1]):
                total[i] += number
    return sums
