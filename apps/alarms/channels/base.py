"""What a way of telling somebody declares: its members, what is secret of it, how it sends, and what a repeat means."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from apps.core.gateway import SendContext

TIMEOUT = 10.0  # seconds: a person waits for the next message behind this one
SHOWN = 300


class Address(Protocol):
    """A channel of a rule, its secrets in place."""

    @property
    def to(self) -> tuple[str, ...]: ...
    @property
    def url(self) -> str: ...
    @property
    def secret(self) -> str: ...


@dataclass(frozen=True)
class Outgoing:
    """One message on its way. `repeated`: an attempt before this one broke off, and may have arrived."""

    id: str
    subject: str
    text: str
    data: Mapping[str, Any]
    type: str
    moment: datetime
    repeated: bool = False


@dataclass(frozen=True)
class Sent:
    """What came of an attempt. `final`: another one will not go better."""

    ok: bool
    outcome: str
    status: int | None = None
    final: bool = False
    until: datetime | None = None


@dataclass(frozen=True)
class ChannelKind:
    """`check` yields (member, what is wrong). `secrets`: members that go into the vault."""

    name: str
    members: frozenset[str]
    check: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]
    recipient: Callable[[Mapping[str, Any]], str]
    send: Callable[[Outgoing, Address, SendContext], Sent]
    secrets: tuple[str, ...] = field(default=())
