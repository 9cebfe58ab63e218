"""Executions as the jobs of the Celigo conventions: a flow or retry job, with one child a step.

The surprise: while a run goes on, its counts live on its pages, in an upper app, which registers how to sum them.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q

from apps.core.actors import Actor
from apps.core.errors import NotFoundError
from apps.core.ids import hex24, parse_id
from apps.executions.models import Execution, RecordError, State, Step
from apps.wire.stamps import stamp

JOB_KINDS = ("flow", "retry")
PLAN = "plan"  # found by its id like a job, but in no list of them
CHILD_TYPES = ("export", "import")
STATUS = {
    State.QUEUED: "queued",
    State.RUNNING: "running",
    State.WAITING: "running",
    State.CANCELING: "canceling",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELED: "canceled",
}
STEP_STATUS = {
    Step.State.INTENT: "running",
    Step.State.WAITING: "running",
    Step.State.SUCCEEDED: "completed",
    Step.State.FAILED: "failed",
    Step.State.SKIPPED: "completed",
    Step.State.IN_DOUBT: "failed",
}

# {execution: {step path: [success, error, ignore, pages]}} of runs that have not ended
LiveCounts = Callable[[list[uuid.UUID]], dict[uuid.UUID, dict[str, list[int]]]]
_live_counts: list[LiveCounts] = []


def register_live_counts(counts: LiveCounts) -> None:
    _live_counts[:] = [counts]


@dataclass
class Tally:
    """What one step, or one run, has done so far."""

    success: int = 0
    error: int = 0
    ignore: int = 0
    pages: int = 0
    open_errors: int = 0
    retriable: bool = False
    exported: int = 0
    imports: int = 0  # steps of a run that write: a record counts once in each

    def add(self, numbers: Iterable[int]) -> None:
        success, error, ignore, pages = numbers
        self.success += success
        self.error += error
        self.ignore += ignore
        self.pages += pages


@dataclass
class Tallies:
    runs: dict[uuid.UUID, Tally] = field(default_factory=lambda: defaultdict(Tally))
    steps: dict[uuid.UUID, Tally] = field(default_factory=lambda: defaultdict(Tally))


def jobs_of(actor: Actor) -> Any:
    return Execution.objects.for_actor(actor).filter(kind__in=JOB_KINDS)


def steps_of(actor: Actor) -> Any:
    """Child jobs: steps of the runs an actor may see."""
    runs = jobs_of(actor).values("pk")
    return Step.objects.filter(execution__in=runs, kind__in=("export", "lookup", "import")).select_related("execution")


def find_job(actor: Actor, text: str) -> Execution | Step:
    row_id = parse_id(text)
    if row_id is not None:
        found = Execution.objects.for_actor(actor).filter(kind__in=(*JOB_KINDS, PLAN), pk=row_id).first()
        found = found or steps_of(actor).filter(pk=row_id).first()
        if found is not None:
            return found
    raise NotFoundError(f"Job {text} was not found.")


def tallies_of(runs: list[Execution], *, steps: list[Step] | None = None) -> Tallies:
    """Counts of these runs and steps, live ones included. The number of queries does not grow with theirs."""
    tallies = Tallies()
    ids = [run.id for run in runs]
    open_ids = [run.id for run in runs if not run.is_terminal]
    live = _live_counts[0](open_ids) if open_ids and _live_counts else {}
    add_runs(tallies, runs, live)
    for step in steps or []:
        frozen = (step.success_count, step.error_count, step.ignore_count, step.pages_processed)
        tallies.steps[step.id].add(live.get(step.execution_id, {}).get(step.path, frozen))
    add_open_errors(tallies, ids, steps=steps or [])
    return tallies


def add_runs(tallies: Tallies, runs: list[Execution], live: dict[uuid.UUID, dict[str, list[int]]]) -> None:
    """A run counts the records of its imports, and the errors of all its steps."""
    for run in runs:
        if run.id not in live:
            tallies.runs[run.id].add((run.success_count, run.error_count, run.ignore_count, 0))
    rows = Step.objects.filter(execution_id__in=[run.id for run in runs])
    for run_id, path, kind, success, error, pages in rows.values_list(
        "execution_id", "path", "kind", "success_count", "error_count", "pages_processed"
    ):
        tally, numbers = tallies.runs[run_id], live.get(run_id, {}).get(path)
        tally.imports += kind == "import"
        if kind == "export":
            tally.exported += success
            tally.error += error if run_id in live else 0
        elif run_id in live and numbers:
            good, bad, ignored, done = numbers
            tally.add((good, bad, ignored, done) if kind == "import" else (0, bad, 0, 0))
        elif kind == "import":
            tally.pages += pages


def add_open_errors(tallies: Tallies, ids: list[uuid.UUID], *, steps: list[Step]) -> None:
    rows = RecordError.objects.filter(execution_id__in=ids, resolved_at__isnull=True)
    counted = rows.values("execution_id", "step_id").annotate(
        total=Count("id"), kept=Count("id", filter=Q(retryable=True))
    )
    for row in counted:
        tally = tallies.runs[row["execution_id"]]
        tally.open_errors += row["total"]
        tally.retriable |= row["kept"] > 0
        for step in steps:
            if step.execution_id == row["execution_id"] and step.target_id == row["step_id"]:
                tallies.steps[step.id].open_errors += row["total"]
                tallies.steps[step.id].retriable |= row["kept"] > 0


def show_jobs(runs: list[Execution]) -> list[dict[str, Any]]:
    tallies = tallies_of(runs)
    return [show_run(run, tallies.runs[run.id]) for run in runs]


def show_steps(steps: list[Step]) -> list[dict[str, Any]]:
    runs = list({step.execution_id: step.execution for step in steps}.values())
    tallies = tallies_of(runs, steps=steps)
    return [show_step(step, tallies.steps[step.id]) for step in steps]


def show_family(run: Execution) -> dict[str, Any]:
    steps = list(Step.objects.filter(execution=run, kind__in=("export", "lookup", "import")).order_by("id"))
    for step in steps:
        step.execution = run
    tallies = tallies_of([run], steps=steps)
    children = [{**show_step(step, tallies.steps[step.id]), "oIndex": index} for index, step in enumerate(steps)]
    return {**show_run(run, tallies.runs[run.id]), "children": children}


def show_run(run: Execution, tally: Tally) -> dict[str, Any]:
    shown = {
        "_id": run.hex_id,
        "type": run.kind,
        "status": STATUS[State(run.state)],
        "_integrationId": run.integration_id and hex24(run.integration_id),
        "_flowId": run.target_id and hex24(run.target_id),
        "createdAt": stamp(run.created_at),
        "startedAt": stamp(run.started_at),
        "endedAt": stamp(run.ended_at),
        "lastModified": stamp(run.updated_at),
        "lastExecutedAt": stamp(run.ended_at),
        "numExport": tally.exported,
        "numPagesGenerated": run.pages_generated,
        "doneExporting": run.done_exporting,
        "triggeredBy": run.triggered_by or None,
        "canceledBy": run.canceled_by or None,
        **counts(tally),
    }
    if run.parent_id and run.kind == "retry":  # any other's parent is no job
        shown["_parentJobId"] = shown["_flowJobId"] = hex24(run.parent_id)
    return without_nothing(shown)


def show_step(step: Step, tally: Tally) -> dict[str, Any]:
    run, target = step.execution, step.target_id and hex24(step.target_id)
    kind = "import" if step.kind == "import" else "export"
    status = STEP_STATUS[Step.State(step.state)]
    if run.is_terminal and status == "running":
        status = STATUS[State(run.state)]
    shown = {
        "_id": step.hex_id,
        "type": kind,
        "status": status,
        "_integrationId": run.integration_id and hex24(run.integration_id),
        "_flowId": run.target_id and hex24(run.target_id),
        "_exportId" if kind == "export" else "_importId": target,
        "_expOrImpId": target,
        "_flowJobId": run.hex_id,
        "_parentJobId": run.hex_id,
        "createdAt": stamp(step.created_at),
        "startedAt": stamp(step.created_at),
        "endedAt": stamp(step.ended_at or run.ended_at),
        "lastModified": stamp(step.updated_at),
        **counts(tally),
    }
    return without_nothing(shown)


def counts(tally: Tally) -> dict[str, Any]:
    return {
        "numSuccess": tally.success,
        "numError": tally.error,
        "numIgnore": tally.ignore,
        "numPagesProcessed": tally.pages,
        "numOpenError": tally.open_errors,
        "numResolved": max(0, tally.error - tally.open_errors),
        "retriable": tally.retriable,
    }


def without_nothing(shown: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if value is not None}
