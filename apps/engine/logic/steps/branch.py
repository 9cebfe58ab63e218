"""`branch`: a list of `{"when": value, "steps": [...]}`; the first that holds runs, else the step's `else`, if any.

A `when` may also ask a condition component: see `asking`.
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.engine.logic.frame import Frame, Run, Step, run_steps
from apps.engine.logic.steps.asking import Question


@dataclass(frozen=True, slots=True)
class BranchStep:
    path: str
    branches: tuple[tuple[Question, tuple[Step, ...]], ...]
    otherwise: tuple[Step, ...]

    def run(self, frame: Frame) -> Run:
        for question, steps in self.branches:
            if (yield from question.ask(frame)):
                return (yield from run_steps(steps, frame))
        return (yield from run_steps(self.otherwise, frame))
