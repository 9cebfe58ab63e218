"""What can be executed. Upper apps register how their kind runs, cancels and ends."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.executions.models import Execution
from apps.work.kinds import Claim
from apps.work.models import Lane


@dataclass(frozen=True)
class Run:
    """One turn of an execution on this worker. The claim is the execution's own. `fresh`: no turn was before it."""

    execution: Execution
    claim: Claim
    fresh: bool = False


def nothing_of_its_own(execution: Execution) -> bool:
    return True


@dataclass(frozen=True)
class ExecutionKind:
    """`run` takes a turn and must settle its claim.

    `drop` is called, in a transaction, on an execution that is being canceled or has run out of time: it takes back
    what nobody has begun and answers whether nothing is left in other workers' hands. `run_many` takes queued
    executions of one group all at once, none of them begun yet, and must settle every claim.
    """

    name: str
    run: Callable[[Run], None]
    lane: str = Lane.FLOWS
    drop: Callable[[Execution], bool] = nothing_of_its_own
    totals: Callable[[Execution], dict[str, int]] | None = None  # the columns of counts, frozen at the end
    connections: Callable[[Execution], list[uuid.UUID]] | None = None  # those it goes out through, for explain
    close: Callable[[Execution], None] | None = None  # called in the transaction that makes it terminal
    run_many: Callable[[list[Run]], None] | None = None
    replay: Callable[..., Any] | None = None  # runs a past one on its recording: see `replaying.Replay`
    show: Callable[[Execution], dict[str, Any]] | None = None  # members of its own in the API


_kinds: dict[str, ExecutionKind] = {}


def register(kind: ExecutionKind) -> None:
    if kind.name in _kinds:
        raise ValueError(f"execution kind {kind.name} is registered twice")
    _kinds[kind.name] = kind


def get(name: str) -> ExecutionKind:
    return _kinds[name]
