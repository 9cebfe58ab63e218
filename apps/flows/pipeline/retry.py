"""A retry: kept records become pages that stand before the step they failed at, and go on from there."""

from collections import defaultdict
from typing import Any

from django.db import transaction

from apps.core.ids import hex24, new_id, parse_id
from apps.executions.kinds import Run
from apps.executions.models import Execution, RetryData
from apps.executions.payloads import pack, unpack
from apps.flows.models import Page, PagePayload
from apps.flows.pipeline import coordinator, pages, plans
from apps.flows.pipeline.plans import FlowPlan
from apps.work import services as work

RECORDS_PER_PAGE = 100


def run(turn: Run) -> None:
    """Makes the pages on the first turn, then coordinates like any run."""
    if not turn.execution.done_exporting:
        make_pages(turn, plans.of(turn.execution))
    coordinator.run(turn)


def make_pages(turn: Run, plan: FlowPlan) -> None:
    wanted = [i for text in unpack(turn.execution.data.input)["retries"] if (i := parse_id(text))]
    kept = RetryData.objects.filter(pk__in=wanted, error__retrying_in=turn.execution.id).select_related("error")
    by_position: dict[int, list[RetryData]] = defaultdict(list)
    for data in kept:
        by_position[position_of(plan, data)].append(data)
    rows: list[Page] = []
    payloads: list[PagePayload] = []
    for position, some in sorted(by_position.items()):
        for first in range(0, len(some), RECORDS_PER_PAGE):
            part = some[first : first + RECORDS_PER_PAGE]
            row = Page(
                id=new_id(), execution=turn.execution, organization_id=turn.execution.organization_id,
                number=len(rows), record_count=len(part),
            )  # fmt: skip
            rows.append(row)
            payloads.append(PagePayload(page=row, number=1, data=pack(as_batch(part, position))))
    with transaction.atomic():
        work.progress([turn.claim])
        Page.objects.bulk_create(rows)
        PagePayload.objects.bulk_create(payloads)
        work.add_many(
            kind=pages.WORK, lane=turn.claim.lane, organization_id=turn.execution.organization_id,
            target_ids=[row.id for row in rows], group_id=turn.execution.id,
        )  # fmt: skip
        Execution.objects.filter(pk=turn.execution.pk).update(done_exporting=True, pages_generated=len(rows))
    turn.execution.done_exporting = True


def as_batch(part: list[RetryData], position: int) -> dict[str, Any]:
    """Unedited data keeps its key, so that its target sees the same write again."""
    return {
        "records": [unpack(data.data) for data in part],
        "keys": [data.key_base if data.revision == 1 else f"{data.key_base}#{data.revision}" for data in part],
        "at": [position] * len(part),
        "retries": [hex24(data.pk) for data in part],
    }


def position_of(plan: FlowPlan, data: RetryData) -> int:
    """Where the step stands now: the flow may have been edited since."""
    places = [step.position for step in plan.steps if step.resource_id == data.error.step_id]
    if not places:
        return 0
    return int(data.position) if int(data.position) in places else places[0]
