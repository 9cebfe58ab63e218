"""What a rendering may know and spend: the time, lookups, randomness, bounds. Budgets count work, so they repeat."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from apps.engine.templates.errors import TemplateError

_CLOCK_EVERY = 256
_USUAL_SECONDS, _USUAL_OUTPUT, _USUAL_VALUE, _USUAL_STEPS = 0.5, 10_000_000, 1_000_000, 1_000_000


@dataclass(frozen=True, slots=True)
class RenderEnv:
    """`lookups(name, key)` gives the value or raises TemplateError; `functions` are for Jinja templates, by name."""

    now: datetime | None = None
    timezone: str = "UTC"
    strict: bool = False
    lookups: Callable[[str, str], Any] | None = None
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=lambda: MappingProxyType({}))
    random_bytes: Callable[[int], bytes] = os.urandom
    # Processor time of the thread, not the wall's: a busy machine must not fail records.
    stopwatch: Callable[[], float] = time.thread_time
    max_seconds: float = _USUAL_SECONDS
    max_output: int = _USUAL_OUTPUT
    max_value: int = _USUAL_VALUE
    max_steps: int = _USUAL_STEPS
    max_loops: int = 100_000
    # Not strict, and no bound tighter than usual: what costs little need not be counted.
    roomy: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tight = (
            self.max_seconds < _USUAL_SECONDS
            or self.max_output < _USUAL_OUTPUT
            or self.max_value < _USUAL_VALUE
            or self.max_steps < _USUAL_STEPS
        )
        object.__setattr__(self, "roomy", not (self.strict or tight))


DEFAULT_ENV = RenderEnv()


class Run:
    """One rendering: its scope and what it has spent. Crossing a bound raises TemplateError."""

    __slots__ = ("deadline", "env", "loops", "most_output", "next_look", "output", "scope", "steps")

    def __init__(self, scope: Mapping[str, Any], env: RenderEnv) -> None:
        self.scope = scope
        self.env = env
        self.steps = 0
        self.loops = 0
        self.output = 0
        self.most_output = env.max_output
        self.next_look = _CLOCK_EVERY
        self.deadline = env.stopwatch() + env.max_seconds

    def charge(self, steps: int) -> None:
        self.steps += steps
        if self.steps >= self.next_look:
            if self.steps > self.env.max_steps:
                raise TemplateError(f"the template takes more than {self.env.max_steps:,} steps")
            self.next_look = self.steps + _CLOCK_EVERY
            self.seconds_left()

    def seconds_left(self) -> float:
        left = self.deadline - self.env.stopwatch()
        if left <= 0:
            raise TemplateError(f"the template takes longer than {self.env.max_seconds:g} s")
        return left

    def count_loop(self) -> None:
        self.loops += 1
        if self.loops > self.env.max_loops:
            raise TemplateError(f"the template loops more than {self.env.max_loops:,} times")

    def write(self, size: int) -> None:
        self.output += size
        if self.output > self.most_output:
            raise TemplateError(f"the result is longer than {self.env.max_output:,} characters")

    def allow(self, size: float) -> None:
        """Asked before a value of this many characters or elements is made; pays for it too."""
        if size > self.env.max_value:
            raise TemplateError(f"a value grows past {self.env.max_value:,} characters or elements")
        self.charge(int(size) >> 4)
