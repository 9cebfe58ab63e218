"""The execution kind `plan`: one turn that finds out what a run would send, and commits it whole at its end.

A turn that breaks off has left nothing and is begun anew: what it did was reading.
"""

import time
from typing import Any

from django.db import transaction

from apps.core.clock import now
from apps.core.errors import DomainError
from apps.executions import services as executions
from apps.executions.kinds import Run
from apps.executions.models import Exchange, Execution, State, Step
from apps.flows.models import Plan, PlanContent
from apps.flows.pipeline import compiling, plans
from apps.flows.pipeline.capturing import PlanRecorder
from apps.flows.pipeline.plan_contents import seal_content
from apps.flows.pipeline.rehearsing import LaterError, Rehearsal
from apps.work import services as work
from apps.work.kinds import LeaseLostError

KIND = "plan"
PAGES = 3
SECONDS = 45.0  # of reading; what has been read by then is planned


def run(turn: Run) -> None:
    execution = turn.execution
    recorder = PlanRecorder(execution.id, execution.organization_id)
    try:
        plan = plans.of(execution)
        rehearsal = Rehearsal(
            plan=plan,
            generators=compiling.compile_generators(execution, plan, recorder),
            recorder=recorder,
            claim=turn.claim,
            pages=int(plan.snapshot["options"].get("pages") or PAGES),
            ends=time.monotonic() + SECONDS,
            check=turn.claim.check,
        )
        rehearsal.run()
    except LaterError as error:
        with transaction.atomic():
            work.wait_until(turn.claim, error.until, reason=error.message)
        return
    except LeaseLostError:
        raise
    except DomainError as error:
        end(turn, recorder, state=State.FAILED, reason=error.message)
        return
    finally:
        plans.forget(execution.id)
    end(turn, recorder, rehearsal=rehearsal)


def end(
    turn: Run, recorder: PlanRecorder, *, rehearsal: Rehearsal | None = None, state: str = State.SUCCEEDED,
    reason: str = "",
) -> None:  # fmt: skip
    execution, found = turn.execution, Plan.objects.filter(execution=turn.execution).first()
    sealed = b""
    if rehearsal is not None and found is not None:
        sealed = seal_content(found, content_of(rehearsal, recorder))
    with transaction.atomic():
        work.finish([turn.claim])
        Exchange.objects.bulk_create(recorder.rows())
        execution.refresh_from_db(fields=["state", "canceled_by", "reason"])
        ending = {"state": state, "reason": reason}
        if execution.state == State.CANCELING:
            ending = executions.canceled_end(execution)
        elif rehearsal is not None and found is not None:
            Step.objects.bulk_create(step_rows(execution, rehearsal))
            Execution.objects.filter(pk=execution.pk).update(
                pages_generated=rehearsal.page_count, done_exporting=rehearsal.complete
            )
            found.complete, found.summary = rehearsal.complete, found.summary | summary_of(rehearsal, recorder)
            found.save(update_fields=["complete", "summary", "updated_at"])
            PlanContent.objects.create(plan=found, sealed=sealed)
        executions.finish_execution(execution, **ending)


def step_rows(execution: Execution, rehearsal: Rehearsal) -> list[Step]:
    return [
        Step(
            execution=execution, path=path, kind=kind, target_id=resource_id, state=Step.State.SUCCEEDED,
            success_count=counts[0], error_count=counts[1], ignore_count=counts[2], pages_processed=counts[3],
            ended_at=now(),
        )
        for path, kind, resource_id, counts in rehearsal.steps()
    ]  # fmt: skip


def totals(execution: Execution) -> dict[str, int]:
    """As a run's: the records that its imports would write, and what would fail anywhere."""
    rows = list(Step.objects.filter(execution=execution))
    return {
        "success_count": sum(row.success_count for row in rows if row.kind == "import"),
        "error_count": sum(row.error_count for row in rows),
        "ignore_count": sum(row.ignore_count for row in rows if row.kind == "import"),
    }


def summary_of(rehearsal: Rehearsal, recorder: PlanRecorder) -> dict[str, Any]:
    return {
        "requests": recorder.count,
        "pages": rehearsal.page_count,
        "cutBecause": rehearsal.cut_because,
        "numFailures": rehearsal.fault_count,
        "failures": rehearsal.faults,
    }


def content_of(rehearsal: Rehearsal, recorder: PlanRecorder) -> dict[str, Any]:
    return {
        "parts": rehearsal.parts,
        "copies": rehearsal.copies,
        "counts": rehearsal.counts,
        "fates": recorder.fates,
        "units": recorder.documents(),
    }
