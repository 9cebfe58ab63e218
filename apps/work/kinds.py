"""What kinds of work there are. Upper apps register theirs in AppConfig.ready; work names them by a word."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from apps.core.errors import DomainError

# A task lasts at most this many seconds, so that no broker's visibility or consumer timeout is ever met.
SLICE_SECONDS = 50


class LeaseLostError(DomainError):
    """Another worker may hold this work now: nothing more may be written for it."""

    status = 409
    code = "lease_lost"


@dataclass
class Claim:
    """A held work item. `renewed_at` is this process's monotonic clock; `settled` once the row is gone or let go."""

    id: uuid.UUID
    kind: str
    lane: str
    organization_id: uuid.UUID
    target_id: uuid.UUID
    group_id: uuid.UUID | None
    fence: int
    attempts: int
    lease_seconds: float
    reason: str = ""  # why it waited before
    renewed_at: float = field(default_factory=time.monotonic)
    slice_ends: float = field(default_factory=lambda: time.monotonic() + SLICE_SECONDS)
    settled: bool = False

    def check(self) -> None:
        """Call before every write to the outside: raises LeaseLostError when the lease may have lapsed."""
        if time.monotonic() - self.renewed_at > self.lease_seconds * 2 / 3:
            raise LeaseLostError(f"The lease of {self.kind} {self.target_id} was not renewed in time.")

    @property
    def slice_is_over(self) -> bool:
        return time.monotonic() > self.slice_ends


@dataclass(frozen=True)
class WorkKind:
    """`handle` gets 1 to `batch` claims of one organization and must settle each (finish, wait, park, release).

    `poison` is told of work that took its worker down five times; it must settle the claim as failed. Work of a kind
    without it must not end, such as the pings of a connection: it begins anew after a rest.
    `grouped`: only items of one group are taken together; those without a group come one by one.
    """

    name: str
    handle: Callable[[list[Claim]], None]
    poison: Callable[[Claim, str], None] | None = None
    batch: int = 1
    grouped: bool = False

    def together_with(self, claim: Claim) -> int:
        """How many more may be claimed beside this one. What has lost a worker before goes alone."""
        alone = self.grouped and (claim.group_id is None or claim.attempts > 0)
        return 0 if alone else self.batch - 1


_kinds: dict[str, WorkKind] = {}


def register(kind: WorkKind) -> None:
    if kind.name in _kinds:
        raise ValueError(f"work kind {kind.name} is registered twice")
    _kinds[kind.name] = kind


def get(name: str) -> WorkKind:
    return _kinds[name]


def names() -> list[str]:
    return sorted(_kinds)
