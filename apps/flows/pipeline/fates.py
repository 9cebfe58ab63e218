"""Notes, in a plan, which records an import leaves out: applying must leave out the same ones."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.capturing import plan_recorder
from apps.flows.pipeline.steps import Outcome, StepRunner, Turn


@dataclass(frozen=True)
class NotingRunner:
    inner: StepRunner
    step: str

    @property
    def effect(self) -> str:
        return self.inner.effect

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        outcomes = self.inner.run(parts, turn)
        capture = plan_recorder(turn.recorder)
        if capture is not None:
            for part, outcome in zip(parts, outcomes, strict=True):
                fates: dict[str, Any] = {part.keys[i]: None for i in outcome.ignored}
                fates |= {part.keys[i]: asdict(failure) for i, failure in outcome.failures.items()}
                capture.fates.setdefault(self.step, {}).update(fates)
        return outcomes


def unwrapped(runner: Any) -> Any:
    """What does the work, under whatever watches it."""
    while hasattr(runner, "inner"):
        runner = runner.inner
    return runner
