"""What an execution can start as its child. Upper apps register theirs in AppConfig.ready, and name it by a word."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.executions.models import Execution


@dataclass(frozen=True)
class Child:
    """What is to be started, and for whom. `target` is an id as somebody wrote it; a known `cause` starts nothing."""

    parent: Execution
    target: object
    cause: str
    depth: int
    triggered_by: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def organization_id(self) -> uuid.UUID:
        return self.parent.organization_id


@dataclass(frozen=True)
class Startable:
    """`start` commits a queued execution whose parent is the caller's, or answers the one this cause has started.

    Raises NotFoundError for what the organization does not have, ValidationErrors for what cannot run; `check` raises
    NotFoundError likewise, for an (organization id, target) that somebody is about to write down.
    """

    kind: str
    start: Callable[[Child], Execution]
    check: Callable[[uuid.UUID, object], None]


_startable: dict[str, Startable] = {}


def register(one: Startable) -> None:
    if one.kind in _startable:
        raise ValueError(f"startable kind {one.kind} is registered twice")
    _startable[one.kind] = one


def get(kind: str) -> Startable:
    return _startable[kind]
