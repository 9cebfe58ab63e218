"""`set`: an object of values, written to `vars`: all are computed before any is written."""

from __future__ import annotations

from dataclasses import dataclass

from apps.engine.logic.effects import SetEffect
from apps.engine.logic.errors import LogicError
from apps.engine.logic.frame import Frame, Run
from apps.engine.logic.reading import Members, check_name
from apps.engine.logic.values import Value, compile_value


@dataclass(frozen=True, slots=True)
class SetStep:
    path: str
    name: str | None
    values: tuple[tuple[str, Value], ...]

    def run(self, frame: Frame) -> Run:
        values = {name: frame.evaluate(value, f"{self.path}.{name}") for name, value in self.values}
        kept = yield from frame.perform(SetEffect(path=self.path, iteration=frame.iteration, values=values))
        if isinstance(kept, dict):
            values = kept
        frame.scope["vars"].update(values)
        frame.keep(self.name, values)
        return None


def read(members: Members, *, name: str | None) -> SetStep:
    values = []
    for member in members.names():
        check_name(member, members.at(member), reserved=False)
        values.append((member, compile_value(members.take(member), members.at(member))))
    if not values:
        raise LogicError(members.path, "must set something")
    return SetStep(path=members.path, name=name, values=tuple(values))
