"""Works pages: each record walks through the steps; what becomes of it commits under the page's fence.

The surprise: several pages are worked at once and commit together, so a small page costs a fraction of a commit.
"""

import uuid
from collections.abc import Sequence

from django.db import transaction

from apps.core.errors import DomainError
from apps.executions import services as executions
from apps.executions.models import Execution, State
from apps.executions.recording import ExecutionRecorder
from apps.executions.services import WORK as EXECUTION
from apps.flows.models import Page, PagePayload
from apps.flows.pipeline import finish, plans
from apps.flows.pipeline.batch import Batch, Part, part_at, unpack_batch
from apps.flows.pipeline.plans import FlowPlan, StepPlan
from apps.flows.pipeline.settlement import Settlement
from apps.flows.pipeline.steps import Failure, Outcome, Turn
from apps.work import services as work
from apps.work import sql
from apps.work.kinds import Claim, WorkKind

WORK = "page"
PAGES_AT_ONCE = 10
RECORDS_AT_ONCE = 1000  # small pages are worked together, so that they share commits and waits
STANDING = (
    "SELECT e.state, e.done_exporting,"
    " EXISTS (SELECT 1 FROM flows_page p WHERE p.execution_id = e.id AND p.state = 'open'),"
    " EXISTS (SELECT 1 FROM work_workitem w WHERE w.kind = %s AND w.target_id = e.id AND w.lease_until IS NULL)"
    " FROM executions_execution e WHERE e.id = %s"
)


def handle(claims: list[Claim]) -> None:
    """Claims of pages, perhaps of several executions."""
    by_execution: dict[uuid.UUID | None, list[Claim]] = {}
    for claim in claims:
        by_execution.setdefault(claim.group_id, []).append(claim)
    for execution_id, some in by_execution.items():
        execution = Execution.objects.filter(pk=execution_id).first() if execution_id else None
        if execution is None or execution.is_terminal:
            with transaction.atomic():
                work.finish(some)
            continue
        work_pages(plans.of(execution), load_batches(execution, some))
        look_after(execution.id)


def look_after(execution_id: uuid.UUID) -> None:
    """Pages are through: perhaps they were the run's last, perhaps its coordinator is waiting for room."""
    state, exported, unfinished, waiting = sql.rows(STANDING, [EXECUTION, execution_id])[0]
    if not unfinished and (exported or state == State.CANCELING):
        finish.try_finish(execution_id)
    elif waiting and not exported:
        with transaction.atomic():
            work.hurry(kind=EXECUTION, target_id=execution_id)


def load_batches(execution: Execution, claims: Sequence[Claim]) -> list[Batch]:
    """What stands in the rows: the newest payload of each claimed page."""
    if not claims:
        return []
    pages = Page.objects.in_bulk([claim.target_id for claim in claims])
    newest: dict[uuid.UUID, PagePayload] = {}
    for payload in PagePayload.objects.filter(page_id__in=list(pages)).order_by("number"):
        newest[payload.page_id] = payload
    root = execution.root_id.hex
    return [unpack_batch(pages[c.target_id], c, newest[c.target_id].data, root=root) for c in claims]


def work_pages(plan: FlowPlan, batches: list[Batch]) -> None:
    """Takes pages from where they stand as far as this turn gets, and commits what became of every record."""
    recorder = ExecutionRecorder(plan.execution_id, plan.organization_id, watched=plan.watched)
    settlement = Settlement(plan, recorder)
    for step in plan.steps:
        parts = [part for batch in batches if (part := part_at(batch, step.position))]
        if not parts:
            continue
        if step.runner.effect and is_canceled(plan.execution_id):
            settlement.drop(batches)
            return
        take_step(step, parts, settlement)
        if step.runner.effect and plan.goes_on_after(step):
            settlement.commit_progress([part.batch for part in parts])
    if not plan.steps:  # a flow that only reads: its records are through
        for batch in batches:
            batch.keep([])
    settlement.commit_end(batches)


def is_canceled(execution_id: uuid.UUID) -> bool:
    """Asked before every write."""
    state = "SELECT 1 FROM executions_execution WHERE id = %s AND state = %s"
    return bool(sql.rows(state, [execution_id, State.CANCELING]))


def take_step(step: StepPlan, parts: list[Part], settlement: Settlement) -> None:
    for_sure = parts
    if step.runner.effect == "none":
        doubtful = [part for part in parts if part.batch.page.intent == str(step.position)]
        for part in doubtful:
            settlement.apply(step, part, in_doubt(part))
        for_sure = [part for part in parts if part not in doubtful]
        if for_sure:
            settlement.commit_intent([part.batch for part in for_sure], position=step.position)
    if for_sure:
        outcomes = step.runner.run(for_sure, Turn(recorder=settlement.recorder, parts=for_sure))
        for part, outcome in zip(for_sure, outcomes, strict=True):
            settlement.apply(step, part, outcome)


def in_doubt(part: Part) -> Outcome:
    """Its write was begun by a worker that vanished, and nothing tells whether it arrived: it is never repeated."""
    reason = Failure(
        source="application",
        code="in_doubt",
        message="The worker vanished while this write was being sent. Look whether it arrived; it was not repeated.",
        in_doubt=True,
    )
    return Outcome(failures=dict.fromkeys(range(len(part.records)), reason))


def poison(claim: Claim, reason: str) -> None:
    """A page that keeps taking its worker down: its records go to the error desk, the run goes on."""
    execution = Page.objects.select_related("execution").get(pk=claim.target_id).execution
    try:
        plan = plans.of(execution)
    except DomainError:  # the run can no longer be compiled: its coordinator ends it with the reason
        with transaction.atomic():
            work.finish([claim])
            Page.objects.filter(pk=claim.target_id).update(state=Page.State.FAILED)
            work.hurry(kind=executions.WORK, target_id=execution.id)
        return
    batch = load_batches(execution, [claim])[0]
    settlement = Settlement(plan, ExecutionRecorder(plan.execution_id, plan.organization_id))
    failure = Failure(source="internal", code="worker_lost", message=f"This page was given up: {reason}.")
    for step in plan.steps:
        part = part_at(batch, step.position)
        if part:
            settlement.apply(step, part, Outcome(failures=dict.fromkeys(range(len(part.records)), failure)), stop=True)
    settlement.commit_end([batch])
    finish.try_finish(execution.id)


WORK_KIND = WorkKind(name=WORK, handle=handle, batch=4, poison=poison)
