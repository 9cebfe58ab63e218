"""The end of a run: exactly one of those who might be last writes the state, totals, marks and chained runs."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min

from apps.core.clock import now
from apps.core.ids import parse_id
from apps.executions import services as executions
from apps.executions.models import Execution, Mode, RecordError, State, Step
from apps.executions.payloads import unpack
from apps.flows.models import DeltaMark, FilePart, Flow, Page, SpoolChunk, Upload
from apps.flows.pipeline import marking, plans
from apps.flows.pipeline.closing import has_to_close
from apps.flows.pipeline.compiling.documents import read_up_to
from apps.flows.pipeline.counting import step_counts
from apps.work import services as work
from apps.work.kinds import Claim

PRUNED_AT_ONCE = 2000
UPLOADS_KEPT = timedelta(days=7)


def try_finish(execution_id: uuid.UUID, *, claim: Claim | None = None) -> bool:
    """Called by late pages, the coordinator and the sweeper. True if the run has ended, by whoever.

    The row is locked first and the pages are looked at in a new statement: two that tested and wrote in one
    statement would each miss the other's last page.
    """
    with transaction.atomic():
        execution = Execution.objects.select_for_update().get(pk=execution_id)
        if not execution.is_terminal:
            pages = Page.objects.filter(execution=execution)
            if pages.filter(state=Page.State.OPEN).exists():
                return False
            if execution.state == State.CANCELING:
                executions.finish_execution(execution, **executions.canceled_end(execution))
            elif not execution.done_exporting:
                return False
            elif claim is None and (has_to_close(plans.of(execution)) or marking.waiting(execution).exists()):
                work.hurry(kind=executions.WORK, target_id=execution_id)  # its coordinator closes it
                return False
            else:
                end(execution)
        if claim is not None:
            work.finish([claim])
        else:
            work.drop_target(kind=executions.WORK, target_id=execution_id)
        plans.forget(execution_id)
        return True


def end(execution: Execution) -> None:
    """All was exported and every page is through. A failed export left its message as the execution's reason."""
    state = State.FAILED if execution.reason else State.SUCCEEDED
    executions.finish_execution(execution, state=state, reason=execution.reason)
    if state == State.SUCCEEDED and execution.mode == Mode.LIVE:  # a plan has changed nothing, and starts nothing
        move_marks(execution)
        resolve_failed_exports(execution)
        chain(execution)
    Flow.objects.filter(pk=target_of(execution)).update(last_executed_at=now())


def close(execution: Execution) -> None:
    """What a retry took and did not get to may be retried again."""
    if execution.kind == "retry":
        taken = RecordError.objects.filter(flow_id=target_of(execution), retrying_in=execution.id)
        taken.filter(resolved_at__isnull=True).update(retrying_in=None)


def target_of(execution: Execution) -> uuid.UUID:
    """A flow's run always has one."""
    if execution.target_id is None:
        raise RuntimeError(f"execution {execution.id} of a flow names no flow")
    return execution.target_id


def totals(execution: Execution) -> dict[str, int]:
    """Freezes what the pages counted, on the execution and on its steps' rows."""
    sums = step_counts(execution)
    for step in Step.objects.filter(execution=execution).exclude(kind="export"):
        counts = sums.get(step.path, [0, 0, 0, 0])
        Step.objects.filter(pk=step.pk).update(
            success_count=counts[0], error_count=counts[1], ignore_count=counts[2], pages_processed=counts[3],
            state=Step.State.SUCCEEDED, ended_at=now(),
        )  # fmt: skip
    exports = Step.objects.filter(execution=execution, kind="export")
    exports.update(ended_at=now())
    export_errors = sum(exports.values_list("error_count", flat=True))
    imports = set(Step.objects.filter(execution=execution, kind="import").values_list("path", flat=True))
    return {
        "success_count": sum(c[0] for path, c in sums.items() if path in imports),
        "error_count": export_errors + sum(c[1] for c in sums.values()),
        "ignore_count": sum(c[2] for path, c in sums.items() if path in imports),
    }


def move_marks(execution: Execution) -> None:
    """A delta export has now read its source up to what its request called currentExportDateTime.

    Not up to when its reading began, a little later: what changes between the two would never be read.
    """
    if execution.kind != "flow":
        return
    snapshot = unpack(execution.data.input)
    if snapshot.get("apply") and not snapshot.get("readUpTo"):
        return  # its plan has not seen all that there was
    for generator in snapshot["generators"]:
        export, export_id = snapshot["exports"][generator["_exportId"]], parse_id(generator["_exportId"])
        mark = (
            not_ahead(execution, generator, read_up_to(execution, snapshot)) if export.get("type") == "delta" else None
        )
        if mark and export_id:
            DeltaMark.objects.update_or_create(
                flow_id=target_of(execution), export_id=export_id, defaults={"last_export_at": mark}
            )


def not_ahead(execution: Execution, generator: dict[str, Any], mark: datetime) -> datetime | None:
    """The mark, but not ahead of the one that the generator is to be kept behind; None while that one has none."""
    flow_id, export_id = (parse_id(generator.get(f"_keepDeltaBehind{name}Id")) for name in ("Flow", "Export"))
    if not flow_id and not export_id:
        return mark
    ahead = DeltaMark.objects.filter(flow__organization_id=execution.organization_id)
    ahead = ahead.filter(flow_id=flow_id) if flow_id else ahead
    ahead = ahead.filter(export_id=export_id) if export_id else ahead
    first = ahead.aggregate(first=Min("last_export_at"))["first"]
    return min(mark, first) if first else None


def resolve_failed_exports(execution: Execution) -> None:
    """What an export died of in an earlier run is over."""
    exports = Step.objects.filter(execution=execution, kind="export").values("target_id")
    failed = RecordError.objects.filter(flow_id=target_of(execution), step_id__in=exports, trace_key="")
    failed = failed.filter(source="application", resolved_at__isnull=True, retryable=False).exclude(execution=execution)
    failed.update(resolved_at=now(), resolved_by="autopilot")


def chain(execution: Execution) -> None:
    """Runs the flows that this one names, each once for this run."""
    if execution.kind != "flow":
        return
    from apps.flows.services.runs import start_chained

    snapshot = unpack(execution.data.input)
    if snapshot.get("apply"):
        return  # nobody has seen what these would send
    for flow_id in snapshot["flow"].get("_runNextFlowIds") or []:
        start_chained(execution=execution, flow_id=flow_id)


def prune_pages() -> int:
    """Deletes, in batches, what ended runs needed on their way: pages (their totals are frozen), spools, file parts.

    And uploads that are a week old.
    """
    pruned = 0
    for model in (Page, SpoolChunk, FilePart):
        rows = model._default_manager.filter(execution__ended_at__isnull=False)
        ids: list[Any] = list(rows.values_list("pk", flat=True)[:PRUNED_AT_ONCE])
        model._default_manager.filter(pk__in=ids).delete()
        pruned += len(ids)
    old = Upload.objects.filter(created_at__lt=now() - UPLOADS_KEPT)
    return pruned + old.filter(pk__in=list(old.values_list("pk", flat=True)[:PRUNED_AT_ONCE])).delete()[0]
