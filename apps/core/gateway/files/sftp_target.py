"""Where an SFTP server is and how to log in.

The surprise: the library behind it is loaded with the first session, since it takes a fifth of a second of every start
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class SftpTarget:
    """`host_key`: `SHA256:…`, or a public key as known_hosts has it; empty takes what is there and calls `learn`."""

    host: str
    user: str
    port: int = 22
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    host_key: str = ""
    learn: Callable[[str], None] | None = field(default=None, compare=False)


def open_sftp(target: SftpTarget) -> AbstractContextManager[Any]:
    """As `sftp.open_sftp`. Raises GatewayError."""
    session: AbstractContextManager[Any] = import_module("apps.core.gateway.files.sftp").open_sftp(target)
    return session


def is_host_key(text: str) -> bool:
    """Whether it can be what a server is known by."""
    last = text.rsplit(maxsplit=1)[-1] if text.split() else ""
    return last.startswith("SHA256:") or (len(text.split()) > 1 and text.split()[1].startswith("AAAA"))
