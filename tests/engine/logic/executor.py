"""A small executor for tests: answers effects from functions and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apps.engine.logic import CallEffect, Effect, RequestEffect, ScriptEffect, SetEffect, compile_logic
from apps.engine.logic.frame import Bounds


class Executor:
    def __init__(
        self,
        *,
        request: Callable[[RequestEffect], Any] | None = None,
        call: Callable[[CallEffect], Any] | None = None,
        script: Callable[[ScriptEffect], Any] | None = None,
    ) -> None:
        self._request = request
        self._call = call
        self._script = script
        self.asked: list[Effect] = []
        self.recorded: dict[tuple[str, str], Any] = {}

    def run(
        self,
        document: Any,
        data: Any = None,
        *,
        stop_after: int | None = None,
        bounds: Bounds | None = None,
        **scope: Any,
    ) -> Any:
        """The output; with `stop_after`, the run is dropped after so many effects, as a lost worker would."""
        full = {"input": {"data": data, "query": {}}, **scope}
        run = compile_logic(document).run(full, recorded=dict(self.recorded), bounds=bounds or Bounds())
        try:
            effect = next(run)
            for count in range(1, 1_000_000):
                result = self._answer(effect)
                self.recorded[effect.identity] = result
                if count == stop_after:
                    run.close()
                    return None
                effect = run.send(result)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("the program never ends")

    def _answer(self, effect: Effect) -> Any:
        self.asked.append(effect)
        match effect:
            case RequestEffect() if self._request:
                return self._request(effect)
            case CallEffect() if self._call:
                return self._call(effect)
            case ScriptEffect() if self._script:
                return self._script(effect)
            case SetEffect():
                return effect.values
        raise AssertionError(f"nobody answers {effect}")

    def identities(self, kind: type[Effect]) -> list[tuple[str, str]]:
        return [effect.identity for effect in self.asked if isinstance(effect, kind)]


def ok(body: Any = None, status: int = 200) -> Mapping[str, Any]:
    return {"status": status, "headers": {}, "body": body}
