"""Pages that are through, whose records are still to be marked at their source. The run's coordinator does that.

A canceled run leaves the rest unmarked: the next one reads it again.
"""

import time
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from apps.core.clock import now
from apps.core.gateway import GatewayError, RetryLater
from apps.core.ids import new_id
from apps.executions.models import Exchange, Execution, RecordError, Step
from apps.executions.payloads import unpack
from apps.executions.recording import ExecutionRecorder
from apps.flows.models import OnceMark, Page
from apps.flows.pipeline.batch import fresh_keys
from apps.flows.pipeline.sources import OfflineError
from apps.flows.pipeline.steps import Failure
from apps.work import services as work
from apps.work.kinds import Claim

PAGES_AT_ONCE = 20
OFFLINE_SECONDS = 30.0


def waiting(execution: Execution) -> QuerySet[OnceMark]:
    return OnceMark.objects.filter(page__execution=execution, page__state=Page.State.DONE)


def mark_pages(plan: Any, generator: Any, step: Step, *, claim: Claim, recorder: ExecutionRecorder) -> float:
    """Marks page by page, each committed for itself. Returns the seconds until the source may be asked again, or 0."""
    execution = step.execution
    rows = waiting(execution).filter(page__generator=generator.index).select_related("page")
    for row in rows.order_by("page__number")[:PAGES_AT_ONCE]:
        claim.check()
        records, page = unpack(row.data), row.page
        keys = fresh_keys(execution.root_id.hex, generator=page.generator, number=page.number, count=len(records))
        try:
            failures = generator.once.mark(records, keys, recorder)
        except OfflineError:
            return OFFLINE_SECONDS
        except RetryLater as error:
            return max(0.05, (error.until - now()).total_seconds())
        except GatewayError as error:
            said = Failure(source="once", code=error.code, message=error.message)
            failures = dict.fromkeys(range(len(records)), said)
        with transaction.atomic():
            work.progress([claim])
            OnceMark.objects.filter(pk=row.pk).delete()
            RecordError.objects.bulk_create(
                error_of(plan, generator, records[index], failure, index) for index, failure in failures.items()
            )
            step.error_count += len(failures)
            Step.objects.filter(pk=step.pk).update(error_count=step.error_count)
            Exchange.objects.bulk_create(recorder.rows())
        if time.monotonic() > claim.slice_ends:
            break
    return 0.0


def error_of(plan: Any, generator: Any, record: Any, failure: Failure, index: int) -> RecordError:
    """It is through, so there is nothing to retry: the next run will read the record again."""
    return RecordError(
        id=new_id(),
        organization_id=plan.organization_id,
        execution_id=plan.execution_id,
        flow_id=plan.flow_id,
        step_id=generator.resource_id,
        integration_id=plan.integration_id,
        source=failure.source,
        code=failure.code[:100],
        message=failure.message[:4000],
        classification=failure.classification,
        trace_key=generator.trace_key(record),
        source_index=index,
    )
