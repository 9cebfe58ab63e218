"""What is kept of a call: redacted, cut, and enough to answer the same request in a replay."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from .errors import GatewayError
from .messages import Request, Response
from .redaction import Redactor


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, fit to be stored and shown. Sizes are those before cutting."""

    kind: str
    method: str
    url: str
    effect: str
    write_kind: str
    step: str
    fingerprint: str
    started_at: datetime
    elapsed: float
    request_headers: Mapping[str, str] = field(default_factory=dict)
    request_body: str = ""
    request_encoding: str = "utf-8"
    request_size: int = 0
    request_cut: bool = False
    status: int | None = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response_body: str = ""
    response_encoding: str = "utf-8"
    response_size: int = 0
    response_cut: bool = False
    error_code: str = ""
    error_message: str = ""
    planned: bool = False
    connection: str = ""  # the id of whatever it went through, if that has one
    key: str = ""  # what a write is sent under, or would have been
    whole: Mapping[str, Any] | None = field(default=None, repr=False)  # all of an unsent write; full of secrets


class Recorder(Protocol):
    """The port. `wants` is asked before anything is built and must be cheap; `record` runs in the caller's thread."""

    def wants(self, *, step: str, failed: bool) -> bool: ...

    def record(self, exchanges: Sequence[Exchange]) -> None: ...


def fingerprint(*, kind: str, method: str, url: str, body: bytes, redactor: Redactor) -> str:
    """Same request, same fingerprint, though tokens may have been renewed in between: they are redacted first."""
    digest = hashlib.sha256(f"{kind}\0{method}\0{redactor.url(url)}\0".encode(errors="surrogatepass"))
    try:
        digest.update(redactor.fields(redactor.text(body.decode())).encode())
    except UnicodeDecodeError:
        digest.update(body)
    return digest.hexdigest()


def describe(
    request: Request,
    outcome: Response | GatewayError,
    *,
    step: str,
    started_at: datetime,
    redactor: Redactor,
) -> Exchange:
    """The Exchange of an HTTP call."""
    sent, sent_encoding, sent_cut = redactor.body(request.body)
    common = Exchange(
        kind="http",
        method=request.method.upper(),
        url=redactor.shown_url(request.url),
        effect=request.effect,
        write_kind=request.write_kind if request.effect == "write" else "",
        step=step,
        fingerprint=fingerprint(
            kind="http", method=request.method.upper(), url=request.url, body=request.body, redactor=redactor
        ),
        started_at=started_at,
        elapsed=outcome.elapsed,
        request_headers=redactor.headers(request.headers),
        request_body=sent,
        request_encoding=sent_encoding,
        request_size=len(request.body),
        request_cut=sent_cut,
        key=request.idempotency_key,
    )
    return finish(common, outcome, redactor=redactor)


def finish(begun: Exchange, outcome: Response | GatewayError, *, redactor: Redactor) -> Exchange:
    """`begun` with what came of it."""
    if isinstance(outcome, GatewayError):
        response = getattr(outcome, "response", None)
        failed = replace(begun, error_code=outcome.code, error_message=redactor.shown_url(outcome.message))
        return finish(failed, response, redactor=redactor) if isinstance(response, Response) else failed
    got, encoding, cut = redactor.body(outcome.body)
    return replace(
        begun,
        status=outcome.status,
        response_headers=redactor.headers(outcome.headers),
        response_body=got,
        response_encoding=encoding,
        response_size=len(outcome.body),
        response_cut=cut,
        planned=outcome.planned,
    )


class MemoryRecorder:
    """Keeps everything up to `everything`, then `sample` more of each step, and every failure."""

    def __init__(self, *, everything: int = 100, sample: int = 10) -> None:
        self.exchanges: list[Exchange] = []
        self._everything = everything
        self._sample = sample
        self._sampled: dict[str, int] = {}
        self._seen = 0
        self._lock = threading.Lock()

    def wants(self, *, step: str, failed: bool) -> bool:
        with self._lock:
            self._seen += 1
            if failed or self._seen <= self._everything:
                return True
            self._sampled[step] = self._sampled.get(step, 0) + 1
            return self._sampled[step] <= self._sample

    def record(self, exchanges: Sequence[Exchange]) -> None:
        with self._lock:
            self.exchanges.extend(exchanges)


class MemoryRecording:
    """Answers from exchanges in memory; the same request asked n times gets its n answers in order."""

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self._answers: dict[str, deque[Exchange]] = {}
        self._lock = threading.Lock()
        for exchange in exchanges:
            self._answers.setdefault(exchange.fingerprint, deque()).append(exchange)

    def answer(self, fingerprint: str) -> Exchange | None:
        with self._lock:
            waiting = self._answers.get(fingerprint)
            return waiting.popleft() if waiting else None
