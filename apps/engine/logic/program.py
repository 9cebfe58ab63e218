"""A compiled logic document. Running it is a generator: it yields effects, receives their results, returns the output.

Surprise: it does nothing itself. The executor sends, commits and may stop anywhere; to go on later it runs the program
anew with what was recorded by (path, iteration), and only effects without a record are yielded again.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from apps.engine.logic.effects import Effect, ScriptEffect
from apps.engine.logic.frame import Bounds, Frame, Recorded, Step, run_steps
from apps.engine.logic.values import Value
from apps.engine.templates.environment import DEFAULT_ENV, RenderEnv

NOTHING: Recorded = MappingProxyType({})
DEFAULT_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Program:
    def run(
        self,
        scope: Mapping[str, Any],
        *,
        recorded: Recorded = NOTHING,
        env: RenderEnv = DEFAULT_ENV,
        bounds: Bounds = DEFAULT_BOUNDS,
    ) -> Generator[Effect, Any, Any]:
        """`scope`: input {data, query}, connector, connection, vars, fn, steps; it is not changed.

        Raises LogicRunError.
        """
        raise NotImplementedError

    @property
    def reads_values(self) -> bool:
        """Whether `vars` and `fn` of the scope may be read at all: most programs do without them."""
        return True


@dataclass(frozen=True, slots=True)
class StepsProgram(Program):
    steps: tuple[Step, ...] = field(repr=False)
    output: Value | None = field(repr=False)
    mentions_values: bool = True

    @property
    def reads_values(self) -> bool:
        return self.mentions_values

    def run(
        self,
        scope: Mapping[str, Any],
        *,
        recorded: Recorded = NOTHING,
        env: RenderEnv = DEFAULT_ENV,
        bounds: Bounds = DEFAULT_BOUNDS,
    ) -> Generator[Effect, Any, Any]:
        own = {**scope, "vars": dict(scope.get("vars") or {}), "steps": dict(scope.get("steps") or {})}
        frame = Frame(own, env=env, recorded=recorded, bounds=bounds)
        returned = yield from run_steps(self.steps, frame)
        if returned is not None:
            return returned.value
        return None if self.output is None else frame.evaluate(self.output, "output")


@dataclass(frozen=True, slots=True)
class ScriptProgram(Program):
    """A whole program in JavaScript: `function(scope)`, its value the output."""

    source: str
    function: str

    def run(
        self,
        scope: Mapping[str, Any],
        *,
        recorded: Recorded = NOTHING,
        env: RenderEnv = DEFAULT_ENV,
        bounds: Bounds = DEFAULT_BOUNDS,
    ) -> Generator[Effect, Any, Any]:
        argument = {name: value for name, value in scope.items() if name != "fn"}
        frame = Frame(argument, env=env, recorded=recorded, bounds=bounds)
        effect = ScriptEffect(
            path="source",
            iteration="",
            source=self.source,
            function=self.function,
            argument=argument,
            functions=scope.get("fn") or {},
        )
        return (yield from frame.perform(effect))
