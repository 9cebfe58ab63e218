"""The work kind `execution`: one turn of an execution on a worker that has claimed it."""

import structlog
from django.db import transaction

from apps.core.clock import now
from apps.core.errors import DomainError
from apps.core.ids import hex24
from apps.core.joined import find_row, find_rows
from apps.executions import kinds, services
from apps.executions.models import TERMINAL, Execution, State
from apps.work import services as work
from apps.work import sql
from apps.work.kinds import Claim, LeaseLostError, WorkKind

log = structlog.get_logger(__name__)
SWEPT_AT_ONCE = 200
TOGETHER = 50


def handle(claims: list[Claim]) -> None:
    for claim in take_many(claims):
        with structlog.contextvars.bound_contextvars(execution=hex24(claim.target_id)):
            take_turn(claim)


def take_many(claims: list[Claim]) -> list[Claim]:
    """Runs those that can be run together; the others are to be taken one by one."""
    grouped = [claim for claim in claims if claim.group_id is not None and not claim.attempts]
    if not grouped:
        return claims
    rows = find_rows(Execution, [claim.target_id for claim in grouped])
    together: dict[str, list[kinds.Run]] = {}
    alone = []
    for claim in claims:
        execution = rows.get(claim.target_id)
        fresh = execution is not None and execution.state == State.QUEUED and not claim.attempts
        if execution is not None and fresh and kinds.get(execution.kind).run_many:
            together.setdefault(execution.kind, []).append(kinds.Run(execution=execution, claim=claim))
        else:
            alone.append(claim)
    for name, runs in together.items():
        run_many = kinds.get(name).run_many
        if run_many is not None:
            run_many(runs)
    return alone


def take_turn(claim: Claim) -> None:
    execution = find_row(Execution, claim.target_id)
    if execution is None or execution.is_terminal:
        with transaction.atomic():
            work.finish([claim])
        return
    if execution.deadline and execution.deadline <= now() and execution.state != State.CANCELING:
        end(execution, claim, state=State.FAILED, reason="timed out")
        return
    fresh = execution.state == State.QUEUED
    if not services.begin(execution, claim):
        end(execution, claim, **services.canceled_end(execution))
        return
    try:
        kinds.get(execution.kind).run(kinds.Run(execution=execution, claim=claim, fresh=fresh))
    except LeaseLostError:
        raise
    except DomainError as error:
        log.warning("execution failed", reason=error.message)
        end(execution, claim, state=State.FAILED, reason=reason_of(error))


def reason_of(error: DomainError) -> str:
    """The message, and the member it is about where the message does not say."""
    return f"{error.field}: {error.message}" if error.field and error.field not in error.message else error.message


def end(execution: Execution, claim: Claim, *, state: str, reason: str) -> None:
    """Ends it now, or, while other workers hold parts of it, looks again in a second."""
    with transaction.atomic():
        work.confirm([claim])
        if execution.is_terminal or kinds.get(execution.kind).drop(execution):
            work.finish([claim])
            services.settle_intents(execution, message=reason)
            services.finish_execution(execution, state=state, reason=reason)
        else:
            services.begin_to_cancel(execution, reason=reason)
            work.wait_seconds(claim, 1.0, reason="waiting for pages in other workers' hands")


def poison(claim: Claim, reason: str) -> None:
    execution = Execution.objects.get(pk=claim.target_id)
    log.error("execution takes its workers down", execution=hex24(execution.id), reason=reason)
    end(execution, claim, state=State.FAILED, reason=reason)


WORK_KIND = WorkKind(name=services.WORK, handle=handle, poison=poison, batch=TOGETHER, grouped=True)


def sweep() -> int:
    """Ends what ran out of time, and finds executions that nobody will take up again."""
    late = Execution.objects.exclude(state__in=(*TERMINAL, State.CANCELING)).filter(deadline__lte=now())
    for execution in late[:SWEPT_AT_ONCE]:
        with transaction.atomic():
            services.stop(execution, state=State.FAILED, reason="timed out")
    stuck = orphans()
    for execution in stuck:
        with transaction.atomic():
            locked = Execution.objects.select_for_update().get(pk=execution.pk)
            if not locked.is_terminal:
                adopt(locked)
    return len(stuck)


def adopt(execution: Execution) -> None:
    """Gives an execution without any work item a new one, so that a worker ends what is left."""
    if not sql.rows(
        "SELECT 1 FROM work_workitem WHERE group_id = %s OR (kind = %s AND target_id = %s)",
        [execution.id, services.WORK, execution.id],
    ):
        work.add(
            kind=services.WORK,
            lane=kinds.get(execution.kind).lane,
            organization_id=execution.organization_id,
            target_id=execution.id,
            reason="taken up by the sweeper",
        )


def orphans() -> list[Execution]:
    """Open executions for which no work item exists: none at rest."""
    found = sql.rows(
        "SELECT e.id FROM executions_execution e WHERE e.state IN ('queued', 'running', 'waiting', 'canceling')"
        " AND NOT EXISTS (SELECT 1 FROM work_workitem w WHERE w.kind = 'execution' AND w.target_id = e.id)"
        " AND NOT EXISTS (SELECT 1 FROM work_workitem p WHERE p.group_id = e.id) LIMIT 200",
        [],
    )
    return list(Execution.objects.filter(pk__in=[row[0] for row in found]))
