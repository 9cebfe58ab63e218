"""`each`: a value that gives a list, or a number n for 0 … n-1; its `steps` run once an item.

Inside, `item` (or the name given by `as`) is the item and `index` its position. `until` is asked after each round and
ends the loop when it holds. Result: the list of the `output` values, one a round, when `output` is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.engine.logic.errors import LogicBoundError
from apps.engine.logic.frame import Frame, Run, Step, run_steps
from apps.engine.logic.values import Value

_MISSING = object()


@dataclass(frozen=True, slots=True)
class EachStep:
    path: str
    name: str | None
    items: Value
    item_name: str
    steps: tuple[Step, ...]
    until: Value | None
    output: Value | None

    def run(self, frame: Frame) -> Run:
        items = self._items(frame)
        scope, outer = frame.scope, frame.iteration
        before = {name: scope.get(name, _MISSING) for name in (self.item_name, "index")}
        outputs: list[Any] = []
        prefix = f"{outer}." if outer else ""
        try:
            for index, item in enumerate(items):
                frame.count_step(self.path)
                frame.iteration = f"{prefix}{index}"
                scope[self.item_name] = item
                scope["index"] = index
                returned = yield from run_steps(self.steps, frame)
                if returned is not None:
                    return returned
                if self.output is not None:
                    outputs.append(frame.evaluate(self.output, f"{self.path}.output"))
                if self.until is not None and frame.evaluate(self.until, f"{self.path}.until"):
                    break
        finally:
            frame.iteration = outer
            for name, value in before.items():
                if value is _MISSING:
                    scope.pop(name, None)
                else:
                    scope[name] = value
        frame.keep(self.name, outputs if self.output is not None else None)
        return None

    def _items(self, frame: Frame) -> list[Any] | range:
        path = f"{self.path}.each"
        found = frame.evaluate(self.items, path)
        if found is None:
            return []
        if isinstance(found, int) and not isinstance(found, bool):
            found = range(min(found, frame.bounds.iterations + 1))
        if not isinstance(found, list | tuple | range):
            raise frame.fail(path, f"must give a list or a number, not {_kind(found)}")
        if len(found) > frame.bounds.iterations:
            reason = f"gives more than {frame.bounds.iterations:,} rounds"
            raise LogicBoundError(path, reason, iteration=frame.iteration)
        return found if isinstance(found, range) else list(found)


def _kind(value: Any) -> str:
    return {str: "text", dict: "an object", bool: "true or false"}.get(type(value), type(value).__name__)
