"""Requests and answers as plain values. A Response keeps the body as bytes; reading it as JSON is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from apps.engine.json_values import load_json
from apps.engine.placeholders import Placeholder

from .errors import BadResponse

Effect = Literal["read", "write"]
WriteKind = Literal["key", "natural", "ledger", "none"]

DEFAULT_TIMEOUT = 60.0
DEFAULT_MAX_RESPONSE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP call. `timeout` in seconds covers connect to last byte, redirects included."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    effect: Effect = "read"
    write_kind: WriteKind = "none"
    idempotency_key: str = ""
    idempotency_header: str = "Idempotency-Key"
    timeout: float = DEFAULT_TIMEOUT
    max_response_bytes: int = DEFAULT_MAX_RESPONSE
    follow_redirects: bool = True

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice has the effect of sending it once."""
        return self.effect == "read" or self.write_kind != "none"


class Headers(Mapping[str, str]):
    """Header fields, looked up without regard to case."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, str] | None = None) -> None:
        self._fields = {name.lower(): (name, value) for name, value in (fields or {}).items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()][1]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"


def readable(fields: Mapping[str, str]) -> Mapping[str, str]:
    """The fields of an answer with U+FFFD for bytes that are no UTF-8: they come as lone surrogates."""
    if all(map(str.isascii, fields.values())):
        return fields
    return Headers({name: _replaced(value) for name, value in fields.items()})


def _replaced(value: str) -> str:
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass(slots=True)  # not frozen: one is made per record of an import, and freezing triples what that costs
class Response:
    """An answer. `headers` ignore case; `url` is where the last redirect led; `elapsed` in seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    url: str
    planned: bool = False

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        if self.planned:
            return Placeholder(f"answer of {self.url}")
        try:
            return load_json(self.body)
        except orjson.JSONDecodeError as error:
            shown = self.body[:80].decode("utf-8", "replace")
            kind = self.headers.get("Content-Type", "no content type")
            what = (
                f"The body is not JSON ({error}); it begins {shown!r}" if self.body else "The body is empty, not JSON"
            )
            raise BadResponse(f"{what} (status {self.status}, {kind}).") from None
