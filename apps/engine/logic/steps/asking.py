"""`when`: a value, or `{"condition": name}`: a condition component that is asked, its output taken as yes or no.

| member | value |
|---|---|
| `condition` | text: id or name |
| `connector` | text: id or name; absent: the program's own connector |
| `input` | value; absent: the program's own input |
| `not` | true: holds when the condition does not |
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from apps.engine.logic.effects import CallEffect, Effect
from apps.engine.logic.errors import LogicError
from apps.engine.logic.frame import Frame
from apps.engine.logic.reading import Members
from apps.engine.logic.values import Value, compile_value

OWN_INPUT = "{{ input.data }}"


class Question(Protocol):
    def ask(self, frame: Frame) -> Generator[Effect, Any, bool]: ...


@dataclass(frozen=True, slots=True)
class ValueQuestion:
    path: str
    value: Value

    def ask(self, frame: Frame) -> Generator[Effect, Any, bool]:
        yield from ()  # a generator like the other kind, which asks for nothing
        return bool(frame.evaluate(self.value, self.path))


@dataclass(frozen=True, slots=True)
class ConditionQuestion:
    path: str
    condition: str
    connector: str | None
    input: Value
    negated: bool

    def ask(self, frame: Frame) -> Generator[Effect, Any, bool]:
        effect = CallEffect(
            path=self.path,
            iteration=frame.iteration,
            kind="condition",
            component=self.condition,
            connector=self.connector,
            input=frame.evaluate(self.input, f"{self.path}.input"),
        )
        return bool((yield from frame.perform(effect))) is not self.negated


def read_question(value: Any, path: str) -> Question:
    if not (isinstance(value, Mapping) and "condition" in value):
        return ValueQuestion(path, compile_value(value, path))
    members = Members(value, path)
    negated = members.take("not", False)
    if not isinstance(negated, bool):
        raise LogicError(members.at("not"), "must be true or false")
    question = ConditionQuestion(
        path=path,
        condition=members.text("condition"),
        connector=members.text("connector", None),
        input=compile_value(members.take("input", OWN_INPUT), members.at("input")),
        negated=negated,
    )
    members.finish()
    return question
