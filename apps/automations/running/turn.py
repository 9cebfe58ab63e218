"""What an action kind has at its turn."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.automations.models import Run
from apps.core.gateway import Mode
from apps.engine.templates import RenderEnv
from apps.executions.models import Execution
from apps.executions.step_journal import StepJournal


@dataclass(frozen=True)
class Turn:
    """`path` and `iteration` together are unique inside the run, and the same each time it gets here.

    `state` is what an earlier call has kept (by Wait, Again or `keep_state`), None at the first. `keep_state(state)`
    commits at once, for kinds that run outside of a transaction. `run_list(path, iteration=…, **values)` runs one of
    the kind's nested lists; see `Runner.run_list`.
    """

    execution: Execution
    run: Run
    action: Any  # running.compiled.Action
    scope: Mapping[str, Any]
    path: str
    iteration: str
    state: Any
    env: RenderEnv
    journal_of: Callable[[], StepJournal]
    run_list: Callable[..., dict[str, Any]]
    keep_state: Callable[[Any], None]
    said: list[str]

    @property
    def organization_id(self) -> uuid.UUID:
        return self.execution.organization_id

    @property
    def depth(self) -> int:
        """How many automations stand between a person and what this one writes: pass it on to what it writes."""
        return self.execution.depth

    @property
    def mode(self) -> Mode:
        return Mode(self.execution.mode)

    @property
    def journal(self) -> StepJournal:
        """For kinds that reach outside; places in it begin with this turn's path and iteration."""
        return self.journal_of()

    def say(self, text: str) -> None:
        """Kept as the step's message, which the run's log shows; the last word counts."""
        self.said.append(text)
