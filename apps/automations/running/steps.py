"""The step rows of one run: what earlier turns have done, and what this one adds.

What was only read, or skipped, waits in memory for the next commit: doing it again would change nothing.
"""

from collections.abc import Mapping
from typing import Any

from apps.automations.running.compiled import Action
from apps.core.clock import now
from apps.executions.models import Execution, Step
from apps.executions.payloads import pack, unpack
from apps.executions.step_journal import place
from apps.work.kinds import Claim

ENDED = (Step.State.SUCCEEDED, Step.State.FAILED, Step.State.SKIPPED)
EFFECT = "effect"  # the rows of the journal


class Steps:
    def __init__(self, execution: Execution, claim: Claim) -> None:
        self.execution, self.claim = execution, claim
        rows = Step.objects.filter(execution=execution).exclude(kind=EFFECT)
        self._rows = {(row.path, row.iteration): row for row in rows}
        self._told: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._pending: dict[tuple[str, str], Step] = {}

    @property
    def any(self) -> bool:
        return bool(self._rows)

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
        step = self._rows.get(at) or Step(
            execution=self.execution, path=at[0], iteration=at[1], kind=action.kind.name[:32]
        )
        step.outcome = pack([action.path, iteration, told], what="The output") if told else b""
        step.state, step.message, step.fence = state, message[:500], self.claim.fence
        step.ended_at = now() if state in ENDED else None
        self._rows[at], self._told[at], self._pending[at] = step, told or {}, step
        return step

    def flush(self) -> None:
        """In a transaction."""
        new = [step for step in self._pending.values() if step._state.adding]
        for step in self._pending.values():
            if not step._state.adding:
                step.save(update_fields=["outcome", "state", "message", "fence", "ended_at", "updated_at"])
        if len(new) == 1:
            new[0].save(force_insert=True)
        elif new:
            Step.objects.bulk_create(new)
        self._pending = {}
