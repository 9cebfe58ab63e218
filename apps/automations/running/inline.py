"""Runs an automation in the caller's own thread: nothing is stored before its end unless it writes or waits.

Its first write commits the run as running, with a work item that this process holds from birth; if the process dies
then, a worker ends the run, and never does any of it again. A run that has to wait is handed to the workers: its caller
is told that it waits, and what it does after that is theirs.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog
from django.db import DatabaseError, IntegrityError, transaction

from apps.automations.actions.registry import Wait
from apps.automations.running.compiled import Compiled
from apps.automations.running.runner import Left, Runner
from apps.automations.running.steps import Steps
from apps.automations.running.turn import Turn
from apps.automations.runs import NewRun, accept_run
from apps.core.clock import now
from apps.core.errors import ConflictError, DomainError
from apps.core.ids import hex24
from apps.core.joined import Statement, change_together, insertion
from apps.executions import services
from apps.executions.models import Execution, ExecutionData, State
from apps.executions.payloads import pack, unpack
from apps.executions.recording import ExecutionRecorder
from apps.executions.step_journal import StepJournal
from apps.work import leases
from apps.work import services as work
from apps.work.kinds import Claim
from apps.work.models import Lane

INLINE = "inline"  # the member of a run's input that says whose it is: a caller's, or the workers'
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ended:
    """`state` is waiting where it goes on without the caller. `error`: why it failed."""

    execution_id: uuid.UUID
    state: str
    outputs: Any = None
    reason: str = ""
    error: DomainError | None = None
    known: bool = False


def run_here(new: NewRun) -> Ended:
    """Outside of any transaction. A known cause is answered by what it has started. Raises ConflictError for a run that
    another call is still at. One that has to stand in line is the workers'."""
    if new.cause:
        known = Execution.objects.filter(cause=new.cause).first()
        if known is not None:
            return ended_before(known)
    if new.serial_key()[0]:
        execution, _ = accept_run(new)
        return Ended(execution.id, execution.state, reason="It stands in line behind others of its concurrencyKey.")
    return InlineRunner(new).go()


def ended_before(execution: Execution) -> Ended:
    if execution.state == State.RUNNING:
        raise ConflictError(f"This call is still running, as execution {hex24(execution.id)}.", code="still_running")
    error = (
        DomainError(execution.reason, code="run_failed") if execution.state in (State.FAILED, State.CANCELED) else None
    )
    return Ended(execution.id, execution.state, outputs_of(execution), reason=execution.reason, error=error, known=True)


def outputs_of(execution: Execution) -> Any:
    data = ExecutionData.objects.filter(execution=execution).first()
    stored = unpack(data.output) if data else None
    return stored["outputs"] if stored else None


class InlineRunner(Runner):
    """`started`: its rows are there, and this process holds its work."""

    def __init__(self, new: NewRun) -> None:
        execution = new.execution()
        row = execution.row()
        row.state, row.started_at = State.RUNNING, now()
        stored: dict[str, Any] = {**execution.input, INLINE: True}
        super().__init__(execution=row, claim=None, stored=stored, run=new.row(), steps=Steps(row, None))
        self.new, self.started = new, False
        self.ended: Ended | None = None

    def go(self) -> Ended:
        try:
            self.take_turn()
        except BaseException as error:
            self.abandon(error)
            raise
        if self.ended is not None:
            return self.ended
        return Ended(self.execution.id, State.WAITING, reason="It goes on without its caller.")

    def program(self) -> Compiled:
        if self.stored.get("fault"):
            raise DomainError(self.stored["fault"])
        self.may_ask = self.new.program.may_ask
        return self.new.program

    def ask(self, program: Compiled) -> None:
        """A person's answer takes longer than any caller waits: a worker asks for it."""
        if program.needs_approval:
            self.hand_over()

    def write(self, turn: Turn, args: Mapping[str, Any]) -> Any:
        self.start()
        return super().write(turn, args)

    def commit_state(self, turn: Turn, state: Any) -> None:
        """Until something is written, there is nothing that a state must not be lost with."""
        if self.started:
            super().commit_state(turn, state)
        else:
            self.note_state(turn, state)

    def park_now(self, wait: Wait, turn: Turn) -> None:
        self.start()
        super().park_now(wait, turn)

    def park(self, wait: Wait, turn: Turn | None = None) -> None:
        """From here on it is the workers'."""
        super().park(wait, turn)
        self.become_theirs()

    def open_journal(self) -> StepJournal:
        if self.journal is None:
            self.journal = StepJournal(
                self.execution,
                recorder=ExecutionRecorder(self.execution.id, self.execution.organization_id),
                root=self.new.cause or str(self.execution.id),
                claim=self.held,
                begin=None if self.started else self.begin,
                beside=self.steps,
            )
        return self.journal

    def start(self) -> None:
        """Stores what there is so far, before the first of Junction's own rows is written."""
        if not self.started:
            self.begin(self.waiting_statements())
            if self.journal is not None:
                self.journal.begun()

    def begin(self, statements: list[Statement]) -> None:
        claims, holding = self.claimed()
        self.insert([holding, *statements])
        self.held = claims[0]
        self.steps.claim = self.held
        if self.journal is not None:
            self.journal.claim = self.held
        leases.hold(claims)
        self.started = True

    def claimed(self) -> tuple[list[Claim], Statement]:
        return work.claimed(
            kind=services.WORK,
            lane=Lane.FLOWS,
            organization_id=self.execution.organization_id,
            target_ids=[self.execution.id],
            group_id=None,
        )

    def waiting_statements(self) -> list[Statement]:
        return self.journal.take_statements() if self.journal is not None else self.steps.take_statements()

    def hand_over(self) -> NoReturn:
        """To the workers, from its beginning."""
        self.start()
        with transaction.atomic():
            self.become_theirs()
            work.release([self.claim])
        raise Left

    def become_theirs(self) -> None:
        self.stored = {**self.stored, INLINE: False}
        ExecutionData.objects.filter(execution=self.execution).update(input=pack(self.stored))

    def finish(self, *, state: str, reason: str = "", output: bytes | None = None) -> None:
        self.ended = self.end(state, reason, output)
        if self.started:
            super().finish(state=state, reason=reason, output=output)
            return
        self.run.stopped = bool(reason) and state == State.SUCCEEDED
        waiting = self.waiting_statements()

        def insert(more: list[Statement]) -> None:
            self.insert([*waiting, *more], output=output)

        if services.insert_ended(self.execution, insert, state=state, reason=reason, closed=True):
            return
        self.insert(waiting)
        with transaction.atomic():
            if output is not None:
                ExecutionData.objects.filter(execution=self.execution).update(output=output)
            services.finish_execution(self.execution, state=state, reason=reason)

    def end(self, state: str, reason: str, output: bytes | None) -> Ended:
        outputs = unpack(output)["outputs"] if output is not None else None
        error = self.error or DomainError(reason, code="run_failed") if state != State.SUCCEEDED else None
        return Ended(self.execution.id, state, outputs, reason=reason, error=error)

    def insert(self, others: list[Statement], *, output: bytes | None = None) -> None:
        data = ExecutionData(execution=self.execution, input=pack(self.stored), output=output or b"")
        rows = [insertion([self.execution]), insertion([data]), insertion([self.run])]
        try:
            change_together([*rows, *others])
        except IntegrityError:
            if self.execution.cause is None:
                raise
            raise ConflictError("Another call of the same cause has begun.", code="still_running") from None

    def abandon(self, error: BaseException) -> None:
        """For what nobody foresaw: the claim is let go, so that it lapses and a worker ends the run. One that has left
        no row yet ends here, as one that workers had would: an operator must find what a caller was told of."""
        log.error("an inline run broke off", execution=hex24(self.execution.id), error=repr(error))
        try:
            if not self.started and isinstance(error, Exception):
                self.finish(state=State.FAILED, reason=f"an internal error: {type(error).__name__}: {error}")
            elif self.journal is not None and self.started:
                self.journal.catch_up()  # what is known to be done is not in doubt
        except (DatabaseError, DomainError) as late:
            log.error("its last outcomes could not be kept", execution=hex24(self.execution.id), error=repr(late))
        if self.held is not None:
            leases.let_go([self.held])


def is_callers(stored: Mapping[str, Any]) -> bool:
    """Whether it began in a caller's request, and was never handed over."""
    return stored.get(INLINE) is True
