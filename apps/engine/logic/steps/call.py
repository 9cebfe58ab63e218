"""`call`: another component; its output is the result.

| member | value |
|---|---|
| `component` | text: id or name |
| `kind` | `action` (default), `function`, `datatype`, `condition`, `event`, `trigger`, `variable` |
| `connector` | text: id or name; absent: the program's own connector |
| `input` | value |

`"call": "lead.create"` is short for `"call": {"component": "lead.create"}`.
"""

from __future__ import annotations

from dataclasses import dataclass

from apps.engine.logic.effects import CallEffect
from apps.engine.logic.frame import Frame, Run
from apps.engine.logic.reading import Members
from apps.engine.logic.values import Value, compile_value

KINDS = ("action", "function", "datatype", "condition", "event", "trigger", "variable")


@dataclass(frozen=True, slots=True)
class CallStep:
    path: str
    name: str | None
    kind: str
    component: str
    connector: str | None
    input: Value

    def run(self, frame: Frame) -> Run:
        effect = CallEffect(
            path=self.path,
            iteration=frame.iteration,
            kind=self.kind,
            component=self.component,
            connector=self.connector,
            input=frame.evaluate(self.input, f"{self.path}.input"),
        )
        frame.keep(self.name, (yield from frame.perform(effect)))
        return None


def read(members: Members, *, name: str | None) -> CallStep:
    step = CallStep(
        path=members.path,
        name=name,
        kind=members.choice("kind", KINDS, "action"),
        component=members.text("component"),
        connector=members.text("connector", None),
        input=compile_value(members.take("input", {}), members.at("input")),
    )
    members.finish()
    return step
