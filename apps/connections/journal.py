"""The port through which a running component remembers: what was done, what is about to be done, what nobody knows.

A write's intent is committed before it is sent and its outcome after, so that a resumed run skips what is done and
leaves what may have been done to its effect: `key`, `natural` and `ledger` are repeated, `none` is in doubt.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Protocol

from apps.core.errors import ConflictError
from apps.core.gateway.messages import WriteKind

Identity = tuple[str, str]


class InDoubtError(ConflictError):
    """A write may or may not have reached its target, and repeating it could do it twice: an operator's to settle."""

    code = "in_doubt"


class Journal(Protocol):
    def recorded(self) -> Mapping[Identity, Any]:
        """The outcomes of an earlier turn, by (path, iteration)."""

    def key(self, path: str, iteration: str) -> str:
        """The idempotency key of a write: the same each time this execution gets to it."""

    def intend(self, path: str, iteration: str, *, write_kind: WriteKind) -> None:
        """Commits that a write is about to be sent. Raises InDoubtError if an earlier turn got so far and no further
        and its write must not be repeated."""

    def settle(self, path: str, iteration: str, outcome: Any, *, wrote: bool) -> None:
        """Keeps an effect's outcome; a write's is committed before anything else begins that takes time, others at the
        latest with the next intent."""

    def catch_up(self) -> None:
        """Called before anything that takes time: commits what is known of writes that have ended."""

    def withdraw(self, path: str, iteration: str, *, reason: str) -> None:
        """Nothing was sent after all."""

    def doubt(self, path: str, iteration: str, *, reason: str) -> None:
        """It may have been sent: commits that nobody knows."""


class MemoryJournal:
    """For calls that end with their process: synchronous reads, tests, plans."""

    def __init__(self, recorded: Mapping[Identity, Any] | None = None) -> None:
        self.outcomes: dict[Identity, Any] = dict(recorded or {})
        self.intents: dict[Identity, WriteKind] = {}
        self.doubts: dict[Identity, str] = {}
        self._root = secrets.token_bytes(32)

    def recorded(self) -> Mapping[Identity, Any]:
        return self.outcomes

    def key(self, path: str, iteration: str) -> str:
        return hmac.new(self._root, f"{path}\0{iteration}".encode(), hashlib.sha256).hexdigest()[:32]

    def intend(self, path: str, iteration: str, *, write_kind: WriteKind) -> None:
        if self.intents.get((path, iteration)) == "none":
            raise InDoubtError(f"{path}: may have been sent before, and cannot be repeated.")
        self.intents[path, iteration] = write_kind

    def settle(self, path: str, iteration: str, outcome: Any, *, wrote: bool) -> None:
        self.intents.pop((path, iteration), None)
        self.outcomes[path, iteration] = outcome

    def catch_up(self) -> None:
        pass

    def withdraw(self, path: str, iteration: str, *, reason: str) -> None:
        self.intents.pop((path, iteration), None)

    def doubt(self, path: str, iteration: str, *, reason: str) -> None:
        self.doubts[path, iteration] = reason
