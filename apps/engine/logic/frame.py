"""The state of one run: scope, what was recorded, what was spent."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from apps.engine.logic.effects import Effect
from apps.engine.logic.errors import LogicBoundError, LogicRunError
from apps.engine.logic.values import Scope, Value
from apps.engine.sandbox.errors import SandboxError
from apps.engine.templates.environment import RenderEnv
from apps.engine.templates.errors import TemplateError

Recorded = Mapping[tuple[str, str], Any]
Run = Generator[Effect, Any, "Returned | None"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one run. `seconds` is processor time spent on values, waiting for effects not counted."""

    steps: int = 100_000
    iterations: int = 10_000
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Returned:
    """A `return` was met; everything around it ends."""

    value: Any


class Step(Protocol):
    """One compiled step; `run` yields effects and receives their results."""

    @property
    def path(self) -> str: ...
    def run(self, frame: Frame) -> Run: ...


class Frame:
    def __init__(self, scope: Scope, *, env: RenderEnv, recorded: Recorded, bounds: Bounds) -> None:
        self.scope = scope
        self.env = env
        self.bounds = bounds
        self.iteration = ""
        self._recorded = recorded
        self._steps_left = bounds.steps
        self._seconds_left = bounds.seconds

    def count_step(self, path: str) -> None:
        self._steps_left -= 1
        if self._steps_left < 0:
            raise LogicBoundError(
                path, f"the run takes more than {self.bounds.steps:,} steps", iteration=self.iteration
            )

    def evaluate(self, value: Value, path: str) -> Any:
        stopwatch = self.env.stopwatch
        started = stopwatch()
        try:
            result = value(self.scope, self.env)
        except (TemplateError, SandboxError) as error:  # `fn` may run users' scripts
            raise LogicRunError(path, str(error), iteration=self.iteration) from error
        self._seconds_left -= stopwatch() - started
        if self._seconds_left < 0:
            reason = f"the run computes longer than {self.bounds.seconds:g} s"
            raise LogicBoundError(path, reason, iteration=self.iteration)
        return result

    def perform(self, effect: Effect) -> Generator[Effect, Any, Any]:
        """The recorded result of an effect, else what the executor sends for it."""
        identity = effect.identity
        if identity in self._recorded:
            return self._recorded[identity]
        return (yield effect)

    def keep(self, name: str | None, result: Any) -> None:
        """Make a step's result readable as `steps.<name>`."""
        if name is not None:
            self.scope["steps"][name] = result

    def fail(self, path: str, reason: str) -> LogicRunError:
        return LogicRunError(path, reason, iteration=self.iteration)


def run_steps(steps: tuple[Step, ...], frame: Frame) -> Run:
    for step in steps:
        frame.count_step(step.path)
        returned = yield from step.run(frame)
        if returned is not None:
            return returned
    return None
