"""What a running program asks of its executor. An effect is identified by `path` and `iteration`; its result is kept.

| effect | the executor sends back |
|---|---|
| RequestEffect | `{"status": int, "headers": {…}, "body": …}` |
| CallEffect | the component's output |
| ScriptEffect | the function's value |
| SetEffect | None, or the values to use instead; it may commit a Step |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EffectKind = Literal["read", "write"]
Repeat = Literal["key", "natural", "ledger", "none"]


@dataclass(frozen=True, slots=True)
class Effect:
    path: str
    iteration: str

    @property
    def identity(self) -> tuple[str, str]:
        return self.path, self.iteration


@dataclass(frozen=True, slots=True)
class RequestEffect(Effect):
    """`repeat` says how a write may be sent again; `key` is the document's own idempotency key, if it gave one."""

    method: str
    url: str
    headers: dict[str, str]
    query: dict[str, Any]
    body: Any
    encoding: Literal["json", "form", "text"]
    effect: EffectKind
    repeat: Repeat
    key: str | None


@dataclass(frozen=True, slots=True)
class CallEffect(Effect):
    """`component` is an id or a name, `connector` None for the program's own connector."""

    kind: str
    component: str
    connector: str | None
    input: Any


@dataclass(frozen=True, slots=True)
class ScriptEffect(Effect):
    """`functions` are what the argument's `fn` holds besides: callables do not travel as JSON."""

    source: str
    function: str
    argument: Any
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetEffect(Effect):
    """Nothing to do outside: the values of a `set`, offered to be committed."""

    values: dict[str, Any]
