"""The step rows of one run: what earlier turns have done, and what this one adds.

What was only read, or skipped, waits in memory for the next commit: doing it again would change nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from apps.automations.running.compiled import Action
from apps.core.clock import now
from apps.core.errors import DomainError
from apps.core.joined import Statement, execute, insertion
from apps.executions.models import Execution, Step
from apps.executions.payloads import pack, unpack
from apps.executions.step_journal import place
from apps.work import sql
from apps.work.kinds import Claim

ENDED = (Step.State.SUCCEEDED, Step.State.FAILED, Step.State.SKIPPED)
EFFECT = "effect"  # the rows of the journal
MOST = 100_000  # of one run: a turn has all of them in memory
CHANGE = (
    "UPDATE executions_step SET outcome = %s, state = %s, message = %s, fence = %s, ended_at = %s, updated_at = %s"
    " WHERE id = %s"
)


class Steps:
    def __init__(self, execution: Execution, claim: Claim | None, rows: Iterable[Step] = ()) -> None:
        self.execution, self.claim = execution, claim
        self._rows = {(row.path, row.iteration): row for row in rows}
        self._told: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._pending: dict[tuple[str, str], Step] = {}

    @property
    def any(self) -> bool:
        return bool(self._rows)

    @classmethod
    def of(cls, execution: Execution, claim: Claim) -> "Steps":
        """With what earlier turns have done."""
        return cls(execution, claim, Step.objects.filter(execution=execution).exclude(kind=EFFECT))

    def find(self, path: str, iteration: str) -> Step | None:
        return self._rows.get(place(path, iteration))

    def outcome(self, step: Step) -> Mapping[str, Any]:
        """What the step has told: `output`, `stop` or `state`."""
        known = self._told.get((step.path, step.iteration))
        if known is None:
            known = unpack(step.outcome, default=[None, None, {}])[2]
            self._told[step.path, step.iteration] = known
        return known

    def add(
        self, action: Action, iteration: str, *, state: str, told: Mapping[str, Any] | None = None, message: str = ""
    ) -> Step:
        """To be committed with the next `flush`. Raises UnkeepableError."""
        at = place(action.path, iteration)
        if len(self._rows) >= MOST and at not in self._rows:
            raise DomainError(f"A run takes at most {MOST:,} steps; loops in loops multiply.", code="too_many_steps")
        step = self._rows.get(at) or Step(
            execution=self.execution, path=at[0], iteration=at[1], kind=action.kind.name[:32]
        )
        step.outcome = pack([action.path, iteration, told], what="The output") if told else b""
        step.state, step.message = state, message[:500]
        step.fence = self.claim.fence if self.claim else 0
        step.ended_at = now() if state in ENDED else None
        self._rows[at], self._told[at], self._pending[at] = step, told or {}, step
        return step

    def __bool__(self) -> bool:
        return bool(self._pending)

    def take_statements(self) -> list[Statement]:
        """What waits, for whoever commits it."""
        new: list[Step] = []
        changed: list[Step] = []
        for step in self._pending.values():
            (new if step._state.adding else changed).append(step)
            step._state.adding = False
        self._pending = {}
        statements = [insertion(new)] if new else []
        for step in changed:
            values = [
                step.outcome,
                str(step.state),
                step.message,
                step.fence,
                sql.param(step.ended_at),
                sql.param(now()),
            ]
            statements.append(Statement(CHANGE, [*values, sql.param(step.id)]))
        return statements

    def flush(self) -> None:
        """In a transaction."""
        execute(self.take_statements())
