"""Under what circumstances a call is made: whose, in which mode, within which limits, watched by whom.

Everything that needs a database comes in through these ports; the gateway itself has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from .limits import Limiter
from .recording import Exchange, Recorder


class Mode(StrEnum):
    """Live sends. Plan reads for real and captures writes unsent. Replay answers from a recording."""

    LIVE = "live"
    PLAN = "plan"
    REPLAY = "replay"


@runtime_checkable
class Recording(Protocol):
    """Answers of an earlier run."""

    def answer(self, fingerprint: str) -> Exchange | None:
        """The next recorded exchange of this request, or None when there is none left."""


@dataclass(frozen=True, slots=True)
class Tls:
    """`ca`, `certificate` and `key` are PEM texts. `verify=False` is a connection's own risk (disableStrictSSL)."""

    verify: bool = True
    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)


DEFAULT_TLS = Tls()


@dataclass(frozen=True, slots=True)
class SendContext:
    """`secrets` are the values that must not appear in a recording; `step` tells exchanges of a run apart."""

    organization: str = ""
    step: str = ""
    mode: Mode = Mode.LIVE
    limit_key: str = ""
    limiter: Limiter | None = None
    recorder: Recorder | None = None
    recording: Recording | None = None
    secrets: Sequence[str] = field(default=(), repr=False)
    tls: Tls = DEFAULT_TLS
