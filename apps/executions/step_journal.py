"""The journal of a component's run in the table of steps: an intent commits before its write, the outcome after.

Outcomes of reads wait in memory for the next intent, so that a run that only reads costs no commit on its way. A
write's outcome waits until the run does anything else that takes time, so that it mostly commits with the end.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from apps.connections.journal import Identity, InDoubtError
from apps.core.clock import now
from apps.core.errors import ConflictError
from apps.core.gateway.messages import WriteKind
from apps.core.joined import Statement, UnexpectedRowsError, change_together, execute, insertion
from apps.executions.models import Exchange, Execution, State, Step
from apps.executions.payloads import pack, unpack
from apps.executions.recording import ExecutionRecorder
from apps.executions.services import CANCELED_CODE, progressing
from apps.work import services as work
from apps.work import sql
from apps.work.kinds import Claim

OUTCOME = (
    "UPDATE executions_step SET state = %s, outcome = %s, ended_at = %s"
    " WHERE execution_id = %s AND path = %s AND iteration = %s"
)
# One that was withdrawn, or is begun again after a lapse, stands there already.
BEGIN_AGAIN = (
    " ON CONFLICT (execution_id, path, iteration, attempt) DO UPDATE SET id = excluded.id, kind = excluded.kind,"
    " state = excluded.state, effect = excluded.effect, fence = excluded.fence, outcome = excluded.outcome,"
    " message = excluded.message, ended_at = NULL, created_at = excluded.created_at, updated_at = excluded.updated_at"
)
PATH_LENGTH = 200
ITERATION_LENGTH = 64
UNSURE = (Step.State.INTENT, Step.State.IN_DOUBT)


class Beside(Protocol):
    """What else of a run waits to be committed, with whatever its journal commits next."""

    def __bool__(self) -> bool:
        """Whether there is any."""

    def take_statements(self) -> list[Statement]:
        """All of it; the caller commits it."""


class Nothing:
    def __bool__(self) -> bool:
        return False

    def take_statements(self) -> list[Statement]:
        return []


class StepJournal:
    """`begin` stores an execution that has no row yet, together with the statements of its first intent.

    `fresh`: no turn of the execution was before this one, so there is nothing to be unsure of.
    """

    def __init__(
        self,
        execution: Execution,
        *,
        recorder: ExecutionRecorder,
        root: str,
        recorded: Mapping[Identity, Any] | None = None,
        claim: Claim | None = None,
        begin: Callable[[list[Statement]], None] | None = None,
        beside: Beside | None = None,
        fresh: bool = False,
    ) -> None:
        self.execution = execution
        self.beside: Beside = Nothing() if beside is None else beside
        self.recorder = recorder
        self.claim = claim
        self.in_doubt = False
        self._recorded = dict(recorded or {})
        self._unsure = unsure_steps(execution) if claim is not None and not fresh else {}
        if execution.parent_id and claim is None and execution.parent is not None:
            self._unsure = unsure_steps(execution.parent)
        self._root = root
        self._begin = begin
        self._pending: list[Step] = []
        self._outcomes: list[Step] = []  # of writes, whose rows are there

    def recorded(self) -> Mapping[Identity, Any]:
        return self._recorded

    def key(self, path: str, iteration: str) -> str:
        text = f"{self._root}\0{path}\0{iteration}".encode()
        return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()[:40]

    def intend(self, path: str, iteration: str, *, write_kind: WriteKind) -> None:
        if self._unsure.get(place(path, iteration)) == "none":
            error = InDoubtError(f"{path}: may have been sent before, and cannot be repeated safely.")
            self.doubt(path, iteration, reason=error.message)
            raise error
        step = self._step(path, iteration, state=Step.State.INTENT, effect=write_kind)
        beginning = insertion([step], end=BEGIN_AGAIN)
        if self._begin is not None:
            begin, self._begin = self._begin, None
            begin([*self.take_statements(), beginning])
        elif self.claim is None or (step.path, step.iteration) in self._unsure:
            with transaction.atomic():
                self._refuse_canceled()
                if self.claim is not None:
                    work.confirm([self.claim])  # begun before, and its worker lost: beginning it again is no progress
                execute([*self.take_statements(), beginning])
        else:
            self.commit_progress([beginning])

    def begun(self) -> None:
        """Somebody else has stored the execution meanwhile."""
        self._begin = None

    def commit_progress(self, more: Sequence[Statement] = ()) -> None:
        """What waits, and more, in one round trip, if the lease still stands and nobody has canceled.

        Of a canceled execution what waits is kept, since it is done, and no more. Raises ConflictError then.
        """
        waiting = self.take_statements()
        if self.claim is None:
            change_together([*waiting, *more])
            return
        try:
            change_together([progressing(self.claim, self.execution), *waiting, *more])
        except UnexpectedRowsError:
            with transaction.atomic():
                self._progress()
                canceled = self._is_canceled()
                execute(waiting if canceled else [*waiting, *more])
            if canceled:
                raise canceled_error() from None

    def _refuse_canceled(self) -> None:
        if self._is_canceled():
            raise canceled_error()

    def _is_canceled(self) -> bool:
        return Execution.objects.filter(pk=self.execution.pk, state=State.CANCELING).exists()

    def settle(self, path: str, iteration: str, outcome: Any, *, wrote: bool) -> None:
        step = self._step(path, iteration, state=Step.State.SUCCEEDED)
        step.outcome, step.ended_at = pack([path, iteration, outcome]), now()
        (self._outcomes if wrote else self._pending).append(step)

    def catch_up(self) -> None:
        if (self._outcomes or self.beside) and self._begin is None:
            self.commit_progress()

    def withdraw(self, path: str, iteration: str, *, reason: str) -> None:
        with transaction.atomic():
            self._progress()
            self._own(path, iteration).update(state=Step.State.FAILED, message=reason[:500], ended_at=now())

    def doubt(self, path: str, iteration: str, *, reason: str) -> None:
        self.in_doubt = True
        with transaction.atomic():
            self._progress()
            self._own(path, iteration).update(state=Step.State.IN_DOUBT, message=reason[:500])

    def commit_pending(self) -> None:
        """In a transaction: what was read since the last commit, and what was captured on the way."""
        execute(self.take_statements())

    def take_statements(self) -> list[Statement]:
        """The same, for whoever makes the change."""
        statements = []
        if self._pending:
            statements.append(insertion(self._pending, end=" ON CONFLICT DO NOTHING"))
        exchanges: list[Exchange] = self.recorder.rows()
        if exchanges:
            statements.append(insertion(exchanges))
        for step in self._outcomes:
            values = [str(step.state), step.outcome, sql.param(step.ended_at)]
            place_of_it = [sql.param(step.execution_id), step.path, step.iteration]
            statements.append(Statement(OUTCOME, [*values, *place_of_it]))
        self._pending, self._outcomes = [], []
        return [*statements, *self.beside.take_statements()]

    def _progress(self) -> None:
        if self.claim is not None:
            work.progress([self.claim])

    def _own(self, path: str, iteration: str) -> Any:
        at, nth = place(path, iteration)
        return Step.objects.filter(execution=self.execution, path=at, iteration=nth)

    def _step(self, path: str, iteration: str, *, state: str, effect: str = "") -> Step:
        at, nth = place(path, iteration)
        fence = self.claim.fence if self.claim else 0
        return Step(
            execution=self.execution, path=at, iteration=nth, kind="effect", state=state, effect=effect, fence=fence
        )


def place(path: str, iteration: str) -> Identity:
    """As the columns hold it: a path too long for them ends in its digest."""
    return _cut(path, PATH_LENGTH), _cut(iteration, ITERATION_LENGTH)


def recorded_steps(execution: Execution) -> dict[Identity, Any]:
    done = Step.objects.filter(execution=execution, state=Step.State.SUCCEEDED).exclude(outcome=b"")
    found = {}
    for packed in done.values_list("outcome", flat=True):
        path, iteration, outcome = unpack(packed)
        found[path, iteration] = outcome
    return found


def finished_writes(execution: Execution) -> dict[Identity, Any]:
    """What a caller's second try must not do again. Refused writes have changed nothing; reads are made anew."""
    rows = Step.objects.filter(execution=execution, state=Step.State.SUCCEEDED).exclude(effect="").exclude(outcome=b"")
    found = {}
    for packed in rows.values_list("outcome", flat=True):
        path, iteration, outcome = unpack(packed)
        if 200 <= outcome["status"] < 300:
            found[path, iteration] = outcome
    return found


def unsure_steps(execution: Execution) -> dict[Identity, str]:
    """Writes that an earlier turn began and whose answer nobody knows, with their effect.

    Also those that a person has found to have arrived: what they were answered is lost.
    """
    settled = Q(state=Step.State.SUCCEEDED, effect="none", outcome=b"")
    rows = Step.objects.filter(Q(state__in=UNSURE) | settled, execution=execution)
    return {(path, iteration): effect for path, iteration, effect in rows.values_list("path", "iteration", "effect")}


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[: length - 17]}#{digest}"


def canceled_error() -> ConflictError:
    return ConflictError("The execution was canceled.", code=CANCELED_CODE)
