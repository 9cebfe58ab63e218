"""What a direct hook can start. Upper apps register theirs in AppConfig.ready; a hook names its target by a word."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.inbound.models import DirectHook


@dataclass(frozen=True)
class Arrival:
    """A call that was verified. `headers` and `query` are as they may be kept: without what proves identity.

    `cause` is unique to the provider's id of it, null where none is declared: what it has started is started once.
    """

    hook: DirectHook
    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    cause: str | None = None


@dataclass(frozen=True)
class Answer:
    """`body` is sent as JSON; null sends none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InboundTarget:
    """`accept` commits what is to be done and answers at once; `respond` does it and answers with what came of it.

    Both are called outside any transaction. A DomainError is told with its status.
    """

    kind: str
    accept: Callable[[Arrival], Answer]
    respond: Callable[[Arrival], Answer]


_targets: dict[str, InboundTarget] = {}


def register(target: InboundTarget) -> None:
    if target.kind in _targets:
        raise ValueError(f"inbound target {target.kind} is registered twice")
    _targets[target.kind] = target


def get(kind: str) -> InboundTarget:
    return _targets[kind]
