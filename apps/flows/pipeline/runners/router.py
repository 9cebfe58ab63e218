"""A router: which branches a record takes. A branch without a filter catches the rest; an empty one discards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.engine.context import RecordContext
from apps.engine.sandbox import SandboxError
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.scripts import Hook, script_failure
from apps.flows.pipeline.shaping import Keep, RecordFailedError
from apps.flows.pipeline.steps import Failure, Outcome, Turn


@dataclass(frozen=True)
class RouterRunner:
    """`branches` are (filter or None, position of the branch's first step, END to discard)."""

    branches: Sequence[tuple[Keep | None, int]]
    take_all: bool
    hook: Hook | None
    make_context: Callable[[], RecordContext]
    end: int
    effect: str = field(default="", init=False)

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        return [self.route(part) for part in parts]

    def route(self, part: Part) -> Outcome:
        outcome, context = Outcome(routes=[]), self.make_context()
        assert outcome.routes is not None  # noqa: S101 - just set
        for index, record in enumerate(part.records):
            try:
                chosen = self.choose_by_script(record) if self.hook else self.choose(record, context)
            except RecordFailedError as error:
                outcome.failures[index] = error.failure
                chosen = []
            outcome.routes.append([target for target in chosen if target != self.end])
        return outcome

    def choose(self, record: Any, context: RecordContext) -> list[int]:
        if not self.take_all:
            return next(([target] for keep, target in self.branches if keep is None or keep(record, context)), [])
        chosen = [target for keep, target in self.branches if keep is not None and keep(record, context)]
        return chosen or [target for keep, target in self.branches if keep is None][:1]

    def choose_by_script(self, record: Any) -> list[int]:
        assert self.hook is not None  # noqa: S101 - asked by the caller
        try:
            answer = self.hook.call(record=record)
        except SandboxError as error:
            raise RecordFailedError(script_failure("branching", error)) from None
        wanted = answer if isinstance(answer, list) else [answer]
        if not all(isinstance(i, int) and 0 <= i < len(self.branches) for i in wanted):
            message = f"{self.hook.function} must return a list of branch indices below {len(self.branches)}."
            raise RecordFailedError(Failure(source="branching", code="invalid_hook_response", message=message))
        targets = [self.branches[i][1] for i in wanted]
        return targets if self.take_all else targets[:1]
