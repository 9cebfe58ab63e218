"""A past run of a flow on its recorded answers: by the documents it ran on, or by the flow as it is now.

Dates, marks, ids and records that came with the run are those of the run; lookup caches are as they are now.
"""

import time
from copy import copy
from typing import Any

from apps.core.actors import Actor
from apps.core.errors import ConflictError, DomainError, NotFoundError, ValidationError
from apps.core.ids import hex24, new_id
from apps.executions.differences import compare_lists, compare_values
from apps.executions.models import Execution, ExecutionData, Mode, RecordError, Step
from apps.executions.payloads import unpack
from apps.executions.recorded import ReplayRecorder
from apps.executions.replaying import Replayed, Wanted
from apps.flows.models import Flow
from apps.flows.pipeline import compiling
from apps.flows.pipeline.rehearsing import LaterError, Rehearsal
from apps.flows.services.runs import run_input
from apps.work.kinds import Claim

SECONDS = 25.0  # less than any server or proxy in front of a caller allows
COUNTS = ("numSuccess", "numError", "numIgnore", "numPages")


def replay_flow(actor: Actor, execution: Execution, wanted: Wanted, recorder: ReplayRecorder) -> Replayed:
    if wanted.version or wanted.action_version:
        name = "version" if wanted.version else "actionVersion"
        raise ValidationError(f"{name} is for executions of connector actions; a flow has its document.", field=name)
    data = ExecutionData.objects.filter(execution=execution).first()
    pinned: dict[str, Any] = unpack(data.input, {}) if data else {}
    if pinned.get("apply"):
        raise ConflictError(
            f"Execution {execution.hex_id} applied plan {pinned['apply']}: it has read nothing that could be replayed.",
            code="not_replayable",
        )
    snapshot = current(actor, execution, pinned) if wanted.document else pinned
    against = {"document": "current" if wanted.document else "own", "revision": snapshot["flow"].get("revision")}
    found = Replayed(against=against)
    rehearsal: Rehearsal | None = None
    try:
        rehearsal = rehearse(execution, snapshot, recorder)
        rehearsal.run()
    except LaterError as error:
        found.error = f"A recorded answer asks to wait: {error.message}"
    except DomainError as error:
        found.error = error.message
    if rehearsal is not None and not rehearsal.complete:
        raise ConflictError(f"The replay takes longer than {SECONDS:.0f} seconds.", code="replay_too_long")
    if rehearsal is not None:
        found.differences = differences(execution, rehearsal, failed=bool(found.error))
    return found


def current(actor: Actor, execution: Execution, pinned: dict[str, Any]) -> dict[str, Any]:
    """The flow as it is now, with the options and marks of the run."""
    flow = Flow.objects.for_actor(actor).select_related("integration").filter(pk=execution.target_id).first()
    if flow is None:
        raise NotFoundError("The flow of this run is gone.", field="document")
    options = pinned["options"]
    found: dict[str, Any] = run_input(flow=flow, triggered_by="", options=options).input
    return {**found, "options": {**found["options"], **options}, "marks": pinned["marks"]}


def rehearse(execution: Execution, snapshot: dict[str, Any], recorder: ReplayRecorder) -> Rehearsal:
    """Under the identity of the run: its ids and moments are part of what it sent."""
    standing_in = copy(execution)
    standing_in.mode = Mode.REPLAY
    plan = compiling.compile_plan(standing_in, snapshot)
    claim = Claim(
        id=new_id(), kind="replay", lane="", organization_id=execution.organization_id, target_id=execution.id,
        group_id=None, fence=1, attempts=0, lease_seconds=86_400.0,
    )  # fmt: skip
    return Rehearsal(
        plan=plan,
        generators=compiling.compile_generators(standing_in, plan, recorder),
        recorder=recorder,
        claim=claim,
        ends=time.monotonic() + SECONDS,
    )


def differences(execution: Execution, rehearsal: Rehearsal, *, failed: bool) -> dict[str, Any]:
    """Counts by step; records that failed only before, or only now. A run that failed has counts of a part of it."""
    rows = Step.objects.filter(execution=execution, kind__in=("export", "lookup", "import"))
    old_counts = {row.path: [row.success_count, row.error_count, row.ignore_count, row.pages_processed] for row in rows}
    new_counts = {path: counts for path, _, _, counts in rehearsal.steps()}
    errors = RecordError.objects.filter(execution=execution).order_by("id")
    paths = {step.resource_id: step.key for step in rehearsal.plan.steps}
    paths |= {generator.resource_id: generator.key for generator in rehearsal.generators}
    old = [
        {
            "step": paths.get(row.step_id, hex24(row.step_id)), "code": row.code, "message": row.message[:1000],
            "traceKey": row.trace_key,
        }
        for row in errors
    ]  # fmt: skip
    failures = compare_lists(old, rehearsal.faults)
    return {
        "counts": list(compare_values(spelled(old_counts), spelled(new_counts))),
        "failures": failures if any(failures.values()) and not failed else {},
    }


def spelled(counts: dict[str, list[int]]) -> dict[str, dict[str, int]]:
    return {path: dict(zip(COUNTS, numbers, strict=True)) for path, numbers in counts.items()}
