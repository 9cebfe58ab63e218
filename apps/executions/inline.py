"""Runs an execution in the caller's own thread: nothing is stored before its end unless it writes to the outside.

Its first write commits the row as running, with a work item that this process holds from birth. So a process that
dies leaves a lapsed claim, and a worker ends the execution (`actions.take_up`); nothing here is ever run twice.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, transaction

from apps.core.clock import now
from apps.core.errors import ConflictError, DomainError
from apps.core.ids import hex24, new_id
from apps.core.joined import Statement, UnexpectedRowsError, change_together, insertion
from apps.executions import services
from apps.executions.models import TERMINAL, Execution, ExecutionData, Mode, State
from apps.executions.payloads import pack, unpack
from apps.executions.recording import ExecutionRecorder
from apps.executions.step_journal import StepJournal, finished_writes
from apps.work import leases, sql
from apps.work import services as work
from apps.work.kinds import Claim, LeaseLostError
from apps.work.models import Lane

OUTPUT = "UPDATE executions_executiondata SET output = %s WHERE execution_id = %s"
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Inline:
    """What runs, as its row will say. A known `cause` answers, or goes on from, the execution it has started."""

    organization_id: uuid.UUID
    kind: str
    target_id: uuid.UUID | None
    target_name: str
    input: Any
    triggered_by: str = ""
    cause: str | None = None
    mode: str = Mode.LIVE


@dataclass(frozen=True)
class Ran:
    execution_id: uuid.UUID
    output: Any


def run_inline(what: Inline, body: Callable[[StepJournal], Any]) -> Ran:
    """`body` runs under a journal; its value is the output. Its errors end the execution and go on to the caller."""
    earlier = Execution.objects.filter(cause=what.cause).first() if what.cause else None
    if earlier is not None and earlier.state == State.SUCCEEDED:
        data = ExecutionData.objects.filter(execution=earlier).first()
        return Ran(earlier.id, unpack(data.output) if data else None)
    if earlier is not None and earlier.state not in TERMINAL:
        raise ConflictError(f"This call is still running, as execution {hex24(earlier.id)}.", code="still_running")
    run = _Run(what, earlier=earlier)
    try:
        output = body(run.journal)
        packed = None if output is None else pack(output, what="The output")
    except DomainError as error:
        end = services.end_of(run.execution, error)
        doubt = "in doubt: " if run.journal.in_doubt else ""
        run.finish(state=end["state"], reason=doubt + end["reason"])
        raise
    except BaseException as error:
        run.abandon(error)
        raise
    run.finish(state=State.SUCCEEDED, output=packed)
    return Ran(run.execution.id, output)


class _Run:
    def __init__(self, what: Inline, *, earlier: Execution | None) -> None:
        self.what = what
        self.started = False
        execution_id = new_id()
        self.execution = Execution(
            id=execution_id,
            organization_id=what.organization_id,
            kind=what.kind,
            target_id=what.target_id,
            target_name=what.target_name[:200],
            triggered_by=what.triggered_by[:100],
            parent=earlier,
            root_id=earlier.root_id if earlier else execution_id,
            cause=None if earlier else what.cause,
            mode=what.mode,
            state=State.RUNNING,
            started_at=now(),
        )
        self.journal = StepJournal(
            self.execution,
            recorder=ExecutionRecorder(execution_id, what.organization_id),
            recorded=finished_writes(earlier) if earlier else None,
            root=what.cause or str(execution_id),
            begin=self.begin,
        )

    def begin(self, intent: list[Statement]) -> None:
        """With the first intent: from here on the row is there, and held."""
        claims, holding = work.claimed(
            kind=services.WORK,
            lane=Lane.INTERACTIVE,
            organization_id=self.what.organization_id,
            target_ids=[self.execution.id],
            group_id=None,
        )
        self._insert([holding, *intent])
        self.journal.claim = claims[0]
        leases.hold(claims)
        self.started = True

    def finish(self, *, state: str, reason: str = "", output: bytes | None = None) -> None:
        claim = self.journal.claim
        with leases.until_settled([claim] if claim is not None else []):
            self._finish(state=state, reason=reason, output=output)

    def _finish(self, *, state: str, reason: str, output: bytes | None) -> None:
        claim = self.journal.claim
        if not self.started:
            waiting = self.journal.take_statements()

            def insert(more: list[Statement]) -> None:
                self._insert([*waiting, *more], output=output)

            if services.insert_ended(self.execution, insert, state=state, reason=reason):
                return
            self._insert(waiting)
        elif claim is not None and services.ends_unheard(self.execution, state=state):
            self._end(claim, state=state, reason=reason, output=output)
            return
        with transaction.atomic():
            self.journal.commit_pending()
            if output is not None:
                ExecutionData.objects.filter(execution=self.execution).update(output=output)
            if claim is not None:
                work.finish([claim])
            services.finish_execution(self.execution, state=state, reason=reason)

    def _end(self, claim: Claim, *, state: str, reason: str, output: bytes | None) -> None:
        """In one round trip, unless the lease is lost."""
        statements = [*self.journal.take_statements(), work.finishing(claim)]
        statements.append(services.ending(self.execution, state=state, reason=reason))
        if output is not None:
            statements.append(Statement(OUTPUT, [output, sql.param(self.execution.id)]))
        try:
            change_together(statements)
        except UnexpectedRowsError:
            raise LeaseLostError("A worker has taken this execution over, and ended it.") from None

    def abandon(self, error: BaseException) -> None:
        """For what nobody foresaw: the claim is let go, so that it lapses and a worker ends the execution."""
        log.error("an inline execution broke off", execution=hex24(self.execution.id), error=repr(error))
        try:
            self.journal.catch_up()  # what is known to be done is not in doubt
        except (DatabaseError, DomainError) as late:
            log.error("its last outcomes could not be kept", execution=hex24(self.execution.id), error=repr(late))
        if self.journal.claim is not None:
            leases.let_go([self.journal.claim])

    def _insert(self, others: list[Statement], *, output: bytes | None = None) -> None:
        """The execution and its data, all at once with what belongs to them."""
        data = ExecutionData(execution=self.execution, input=pack(self.what.input))
        data.output = output or b""
        try:
            change_together([insertion([self.execution]), insertion([data]), *others])
        except IntegrityError:
            if self.what.cause is None:
                raise
            raise ConflictError("Another call with this Idempotency-Key has begun.", code="still_running") from None
