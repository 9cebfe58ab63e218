"""Where records come from. A source turns a durable cursor into its next answer, and says where to go on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.connections.access import OpenConnection
from apps.core.errors import UnavailableError
from apps.flows.pipeline.steps import Failure

KeepBlob = Callable[[Iterable[bytes], str, str], str]  # (content, name, where it came from): the blob's key


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer of a source. `cursor` is where to go on, JSON-shaped; None when the source is exhausted.

    `commit_first`: the next fetch takes away what these records were read from, so they must be committed before it.
    `file` is what is known of the file that all of them were read from.
    """

    records: list[Any]
    cursor: dict[str, Any] | None
    commit_first: bool = False
    failures: list[tuple[Any, Failure]] = field(default_factory=list)
    file: dict[str, Any] | None = None


GIVEN_TYPES = ("webhook", "simple")  # exports whose records come to them


class GivenSource:
    """Records that came with the run: from a listener's caller, or uploaded before."""

    def __init__(self, records: list[Any]) -> None:
        self.records = records

    def start(self) -> dict[str, Any]:
        return {"given": True}

    def fetch(self, cursor: dict[str, Any]) -> Fetched:
        return Fetched(records=self.records, cursor=None)


class OfflineError(UnavailableError):
    """The source's connection is marked offline: its run waits for it to come back."""

    code = "connection_offline"

    def __init__(self, connection: OpenConnection) -> None:
        super().__init__(f"Connection {connection.name!r} is offline: {connection.offline_reason}", retry_after=30)
        self.connection_id = connection.id


class Source(Protocol):
    def start(self) -> dict[str, Any]:
        """The cursor of the first answer."""

    def fetch(self, cursor: dict[str, Any]) -> Fetched:
        """The next answer. Raises OfflineError, GatewayError (transient ones are tried again) or a DomainError."""
