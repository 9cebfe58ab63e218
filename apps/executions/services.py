"""Starting, ending and canceling executions. A terminal state never changes; a retry is a new execution."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from apps.audit import services as audit
from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.core.errors import ConflictError, DomainError, NotFoundError
from apps.core.ids import hex24, new_id, parse_id
from apps.core.joined import Statement, UnexpectedRowsError, change_together
from apps.events import consumers
from apps.events.services import emit
from apps.executions import kinds
from apps.executions.families import CANCELED_CODE, cancel_below, hold_parents
from apps.executions.models import TERMINAL, Execution, ExecutionData, Mode, State, Step
from apps.executions.payloads import pack
from apps.work import services as work
from apps.work import sql
from apps.work.kinds import Claim, LeaseLostError

WORK = "execution"
END = (
    "UPDATE executions_execution SET state = %s, reason = %s, ended_at = %s"
    " WHERE id = %s AND state NOT IN ('succeeded', 'failed', 'canceled')"
)
BEGIN = (
    "UPDATE executions_execution SET state = 'running', started_at = %s"
    " WHERE id = %s AND state NOT IN ('succeeded', 'failed', 'canceled', 'canceling')"
)
UNCANCELED = "NOT EXISTS (SELECT 1 FROM executions_execution e WHERE e.id = %s AND e.state = 'canceling')"
STOPPED_AT_ONCE = 100  # of what a canceled execution has started; workers end the rest


@dataclass(frozen=True)
class NewExecution:
    """What is to run, as its row will say. `cause` is unique: nothing starts twice.

    `own_root`: a child whose writes are its own, not its parent's made anew: their idempotency keys are others.
    `place` is the id of what it follows from: work of one serial key goes in the order of these, else of its making.
    `group_id` is of short ones that a worker may take many of at once, where their kind can `run_many`.
    """

    organization_id: uuid.UUID
    kind: str
    target_id: uuid.UUID | None
    target_name: str = ""
    integration_id: uuid.UUID | None = None
    cause: str | None = None
    triggered_by: str = ""
    input: Any = None
    parent: Execution | None = None
    mode: str = Mode.LIVE
    serial_key: str = ""
    place: uuid.UUID | None = None
    group_id: uuid.UUID | None = None
    own_root: bool = False
    depth: int = 0
    deadline: datetime | None = None
    id: uuid.UUID = field(default_factory=new_id)

    def row(self) -> Execution:
        return Execution(
            id=self.id,
            organization_id=self.organization_id,
            kind=self.kind,
            target_id=self.target_id,
            target_name=self.target_name[:200],
            integration_id=self.integration_id,
            cause=self.cause,
            triggered_by=self.triggered_by,
            parent=self.parent,
            root_id=self.parent.root_id if self.parent and not self.own_root else self.id,
            mode=self.mode,
            depth=self.depth or (self.parent.depth if self.parent else 0),
            deadline=self.deadline,
        )


def start_execution(*, due_at: datetime | None = None, **values: Any) -> Execution:
    """Commits the row, its input and its work item together. A known `cause` answers the execution it has started.

    `values` are those of NewExecution.
    """
    return start_new(NewExecution(**values), due_at=due_at)


def start_new(new: NewExecution, *, due_at: datetime | None = None) -> Execution:
    try:
        with transaction.atomic():
            return start_executions([new], due_at=due_at)[0]
    except IntegrityError:
        known = Execution.objects.filter(cause=new.cause).first() if new.cause else None
        if known is None:
            raise
        return known


def start_executions(wanted: Sequence[NewExecution], *, due_at: datetime | None = None) -> list[Execution]:
    """Many at once, in the caller's transaction. Raises IntegrityError when a cause is known already, ConflictError for
    children of one that is being canceled."""
    if parents := {new.parent.id for new in wanted if new.parent and new.own_root}:
        hold_parents(parents)
    rows = [new.row() for new in wanted]
    if len(rows) == 1:
        rows[0].save(force_insert=True)
    else:
        Execution.objects.bulk_create(rows)
    inputs = [(row, new.input) for row, new in zip(rows, wanted, strict=True) if new.input is not None]
    ExecutionData.objects.bulk_create(ExecutionData(execution=row, input=pack(value)) for row, value in inputs)
    together: dict[tuple[str, uuid.UUID, str, uuid.UUID | None, uuid.UUID | None], list[uuid.UUID]] = {}
    for new in wanted:
        lane = kinds.get(new.kind).lane
        key = (lane, new.organization_id, new.serial_key, new.group_id, new.place if new.serial_key else None)
        together.setdefault(key, []).append(new.id)
    for (lane, organization_id, serial_key, group_id, place), ids in together.items():
        work.add_many(
            kind=WORK, lane=lane, organization_id=organization_id, target_ids=ids, due_at=due_at,
            serial_key=serial_key, group_id=group_id, place=place,
        )  # fmt: skip
    return rows


def progressing(claim: Claim, execution: Execution) -> Statement:
    """As `work.progressing`: it meets no row where the execution is to be canceled, either."""
    return work.progressing(claim, provided=UNCANCELED, params=[execution.id])


def begin(execution: Execution, claim: Claim) -> bool:
    """Marks a claimed execution as running, and commits that. False if it has ended or is to be canceled.

    Raises LeaseLostError.
    """
    started = execution.started_at or now()
    values = [sql.param(started), sql.param(execution.id)]
    try:
        change_together([work.confirming(claim), Statement(BEGIN, values, expects=1)])
    except UnexpectedRowsError:
        execution.refresh_from_db()
        if execution.state not in (*TERMINAL, State.CANCELING):
            raise LeaseLostError("Another worker has taken this execution over.") from None
        return False
    execution.state, execution.started_at = State.RUNNING, started
    return True


def ends_unheard(execution: Execution, *, state: str, closed: bool = False) -> bool:
    """Whether its end concerns nobody else: then its rows may be written without a transaction around them.

    `closed`: the caller knows that its kind has nothing to close.
    """
    if not ends_alone(execution, closed=closed):
        return False
    return not consumers.listening(execution.organization_id, f"execution.{state}")


def ends_alone(execution: Execution, *, closed: bool) -> bool:
    """Whether there is nothing but its own rows to write at its end."""
    kind = kinds.get(execution.kind)
    return not (kind.totals or (kind.close and not closed) or execution.parent_id)


def insert_ended(
    execution: Execution, insert: Callable[[list[Statement]], None], *, state: str, reason: str, closed: bool = False
) -> bool:
    """Inserts an execution that has ended already, if its end concerns nobody else. False: nothing was inserted, and it
    is running as before.

    `insert` takes one condition more, of the same round trip.
    """
    silence = consumers.silence(execution.organization_id, f"execution.{state}")
    if silence is None or not ends_alone(execution, closed=closed) or _heard.lately(execution.organization_id):
        return False
    before = execution.state, execution.reason, execution.ended_at
    ending(execution, state=state, reason=reason)
    try:
        insert([silence])
    except UnexpectedRowsError:
        execution.state, execution.reason, execution.ended_at = before
        _heard.note(execution.organization_id)
        return False
    return True


class Heard:
    """Organizations in which somebody has listened lately: there it is not tried without them."""

    SECONDS = 5.0
    MOST = 10_000

    def __init__(self) -> None:
        self._until: dict[uuid.UUID, float] = {}

    def note(self, organization_id: uuid.UUID) -> None:
        if len(self._until) >= self.MOST:
            self._until.clear()
        self._until[organization_id] = time.monotonic() + self.SECONDS

    def lately(self, organization_id: uuid.UUID) -> bool:
        return self._until.get(organization_id, 0.0) > time.monotonic()


_heard = Heard()


def ending(execution: Execution, *, state: str, reason: str) -> Statement:
    """As `finish_execution` for an end unheard, for a caller that executes it together with others."""
    execution.state, execution.reason, execution.ended_at = state, reason[:500], now()
    values = [str(state), execution.reason, sql.param(execution.ended_at), sql.param(execution.id)]
    return Statement(END, values)


def finish_execution(execution: Execution, *, state: str, reason: str = "") -> bool:
    """Writes a terminal state in the caller's transaction, tells the parent and whoever listens.

    False if it was terminal already. The caller settles the work item.
    """
    kind, ended = kinds.get(execution.kind), now()
    totals = kind.totals(execution) if kind.totals else {}
    rows = Execution.objects.filter(pk=execution.pk).exclude(state__in=TERMINAL)
    if not rows.update(state=state, reason=reason[:500], ended_at=ended, **totals):
        return False
    execution.state, execution.reason, execution.ended_at = state, reason[:500], ended
    for name, value in totals.items():
        setattr(execution, name, value)
    if kind.close:
        kind.close(execution)
    if execution.parent_id:
        work.hurry(kind=WORK, target_id=execution.parent_id)
    emit(
        organization_id=execution.organization_id,
        type=f"execution.{state}",
        subject_kind=execution.kind,
        subject_id=execution.target_id,
        data=news_of(execution),
        depth=execution.depth,
    )
    return True


def news_of(execution: Execution) -> dict[str, Any]:
    """What an event of its end tells."""
    return {
        "execution": hex24(execution.id),
        "kind": execution.kind,
        "name": execution.target_name,
        "state": execution.state,
        "reason": execution.reason,
        "errors": execution.error_count,
        "parent": hex24(execution.parent_id) if execution.parent_id else None,
        "root": hex24(execution.root_id),
    }


@transaction.atomic
def cancel_execution(*, actor: Actor, execution: Execution) -> Execution:
    """Commits `canceling` at once, for all that it has started too, and takes back what nobody has begun; ends it when
    nobody holds any of it."""
    actor.require(Verb.RUN, integration_id=execution.integration_id)
    row = Execution.objects.select_for_update().get(pk=execution.pk)
    if row.is_terminal:
        raise ConflictError(f"Execution {hex24(row.id)} has already {row.state}.", code="already_ended")
    by = hex24(actor.user_id) if actor.user_id else "system"
    canceled = []
    if row.state != State.CANCELING:
        Execution.objects.filter(pk=row.pk).update(state=State.CANCELING, canceled_by=by)
        row.state, row.canceled_by = State.CANCELING, by
        canceled = [row]
    below = cancel_below(row, by=by)
    audit.record_many([entry_of(actor=actor, event="cancel", execution=one) for one in [*canceled, *below]])
    for one in [row, *below[:STOPPED_AT_ONCE]]:
        stop(one, state=State.CANCELED, reason="canceled")
    work.hurry_many(kind=WORK, target_ids=[one.id for one in below[STOPPED_AT_ONCE:]])
    return row


def note_execution(
    *, actor: Actor, event: str, execution: Execution, changes: list[dict[str, Any]] | None = None
) -> None:
    """In the change log, in the caller's transaction."""
    entry_of(actor=actor, event=event, execution=execution, changes=changes).save(force_insert=True)


def entry_of(
    *, actor: Actor, event: str, execution: Execution, changes: list[dict[str, Any]] | None = None
) -> audit.AuditEntry:
    return audit.entry(
        actor=actor,
        event=event,
        resource_type="execution",
        resource_id=execution.id,
        resource_name=execution.target_name,
        integration_id=execution.integration_id,
        changes=changes,
    )


def stop(execution: Execution, *, state: str, reason: str) -> bool:
    """In a transaction: drops unclaimed work, and ends the execution if no worker holds any of it.

    Else it is `canceling` from now on, and keeps why in its row; the last worker out ends it.
    """
    idle = kinds.get(execution.kind).drop(execution)
    if idle and not work.is_held(kind=WORK, target_id=execution.id):
        work.drop_target(kind=WORK, target_id=execution.id)
        settle_intents(execution, message=reason)
        return finish_execution(execution, state=state, reason=reason)
    begin_to_cancel(execution, reason=reason)
    work.hurry(kind=WORK, target_id=execution.id)
    return False


def settle_intents(execution: Execution, *, message: str) -> int:
    """An execution ends before its time: writes it had begun are in doubt, or harmless. Answers how many in doubt."""
    begun = Step.objects.filter(execution=execution, state=Step.State.INTENT)
    doubtful = begun.filter(effect="none").update(state=Step.State.IN_DOUBT, message=message)
    begun.update(state=Step.State.FAILED, message=message, ended_at=now())
    return doubtful


@transaction.atomic
def settle_doubt(*, actor: Actor, execution: Execution, step_id: object, arrived: bool) -> Step:
    """A person has looked at the target: the write that was in doubt has arrived there, or has not.

    One that has not may be sent again by whoever asks for the execution anew; one that has never is.
    """
    actor.require(Verb.RETRY, integration_id=execution.integration_id)
    row_id = parse_id(step_id)
    step = Step.objects.select_for_update().filter(execution=execution, pk=row_id).first() if row_id else None
    if step is None:
        raise NotFoundError("The execution has no such step.")
    if step.state != Step.State.IN_DOUBT:
        raise ConflictError(f"The step {step.path} is not in doubt any more.", code="invalid_state")
    before, found = step.message, "arrived" if arrived else "did not arrive"
    step.state = Step.State.SUCCEEDED if arrived else Step.State.FAILED
    step.ended_at, step.message = now(), f"Looked up by a person: it {found}. {before}"[:500]
    step.save(update_fields=["state", "ended_at", "message", "updated_at"])
    changes = [{"fieldPath": step.path, "oldValue": "in doubt", "newValue": found}]
    note_execution(actor=actor, event="settle", execution=execution, changes=changes)
    return step


def begin_to_cancel(execution: Execution, *, reason: str) -> None:
    rows = Execution.objects.filter(pk=execution.pk).exclude(state__in=(*TERMINAL, State.CANCELING))
    if rows.update(state=State.CANCELING, reason=reason[:500]):
        execution.state, execution.reason = State.CANCELING, reason[:500]


def end_of(execution: Execution, error: DomainError) -> dict[str, str]:
    """How an execution ends that broke off with an error; a cancel that its journal ran into is none."""
    if error.code == CANCELED_CODE:
        execution.refresh_from_db()
        return canceled_end(execution)
    return {"state": State.FAILED, "reason": error.message}


def canceled_end(execution: Execution) -> dict[str, str]:
    """How one that is being canceled ends: canceled by a person; failed when its time or its cause was over."""
    if execution.canceled_by or not execution.reason:
        return {"state": State.CANCELED, "reason": "canceled"}
    return {"state": State.FAILED, "reason": execution.reason}
