"""One HTTP call on the loop: dial, send, read within bounds, follow redirects by hand, repeat where that is safe."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import aiohttp
from yarl import URL

from apps.core import clock

from .connector import CONNECT_TIMEOUT, dialled_host, ssl_option
from .context import DEFAULT_TLS, SendContext
from .deadlines import Deadlines
from .errors import (
    BadResponse,
    Category,
    ClosedMidBody,
    ConnectFailed,
    Disconnected,
    GatewayError,
    InvalidRequest,
    RetryLater,
    TimedOut,
    TooLarge,
    TooManyRedirects,
)
from .messages import Request, Response, readable
from .packing import PACKINGS, Unpacker
from .redaction import is_credential_header, redactor_for
from .retries import PASSING, retry_delay, retry_later

MAX_REDIRECTS = 5
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_OWN_HEADERS = frozenset(("content-length", "transfer-encoding", "connection"))
_LARGE_BODY = 1024 * 1024
_CHUNK = 64 * 1024
_SHOWN = 500  # characters of a URL in a message


_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)  # the total is kept by Deadlines


@dataclass(frozen=True, slots=True)
class Line:
    """What calls go out through: a pool, and the watch over their time."""

    session: aiohttp.ClientSession
    deadlines: Deadlines


async def perform(line: Line, request: Request, context: SendContext) -> Response | GatewayError:
    """The outcome of one request, errors as values: a batch goes on when one of its calls fails."""
    outcome: Response | GatewayError
    started = time.perf_counter()
    failed_at = 0.0
    attempt = 0
    while True:
        acted = False
        try:
            outcome, acted = await _follow(line, request, context)
            now = time.perf_counter()
            outcome.elapsed = now - started
            if outcome.status not in PASSING:
                return outcome
        except GatewayError as error:
            outcome = error
            now = time.perf_counter()
            outcome.elapsed = now - started
        failed_at = failed_at or now
        delay = retry_delay(request, outcome, attempt=attempt, since_failure=now - failed_at, now=clock.now())
        if delay is None:
            if not isinstance(outcome, Response):
                return outcome
            return retry_later(outcome, request=request, now=clock.now(), acted=acted) or outcome
        attempt += 1
        await asyncio.sleep(delay)


async def _follow(line: Line, request: Request, context: SendContext) -> tuple[Response, bool]:
    """The last answer, and whether the target has acted before it: it took a POST and pointed to what came of it."""
    url = _parse(request.url)
    headers = _outgoing_headers(request)
    hop = _Hop(line, request, context)
    method, body = request.method.upper(), request.body
    response, acted = await hop.go(method, url, headers, body), False
    for _ in range(MAX_REDIRECTS):
        if response.status not in _REDIRECTS or not request.follow_redirects or "Location" not in response.headers:
            return response, acted
        target = _redirect_target(url, response.headers["Location"])
        if response.status == 303 or (response.status in (301, 302) and method == "POST"):
            acted = acted or method not in _SAFE
            method, body = ("HEAD" if method == "HEAD" else "GET"), b""
            headers = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
        if not _same_party(url, target):
            headers = _without_credentials(headers, context)
            _refuse_secrets_in(body, context, url=url, target=target)
        url = target
        try:
            response = await hop.go(method, url, headers, body)
        except GatewayError as error:
            error.maybe_sent = error.maybe_sent or acted
            raise
    if response.status in _REDIRECTS and request.follow_redirects and "Location" in response.headers:
        raise TooManyRedirects(
            f"{_short(request.url)} redirected more than {MAX_REDIRECTS} times, last from {_short(url)}."
        )
    return response, acted


class _Hop:
    """Makes single exchanges of one request, all within its deadline."""

    __slots__ = ("_context", "_deadline", "_line", "_request", "_task")

    def __init__(self, line: Line, request: Request, context: SendContext) -> None:
        self._line = line
        self._request = request
        self._context = context
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("Calls are made in tasks.")
        self._task = task
        self._deadline = task.get_loop().time() + request.timeout

    async def go(self, method: str, url: URL, headers: Mapping[str, str], body: bytes) -> Response:
        dialled_host.set(_host(url))
        tls = self._context.tls
        data: Any = None
        if body:
            data = body if len(body) <= _LARGE_BODY else io.BytesIO(body)
        deadlines = self._line.deadlines
        deadlines.enter(self._task, self._deadline)
        expired = False
        try:
            try:
                async with self._line.session.request(
                    method,
                    url,
                    headers=headers,
                    data=data,
                    allow_redirects=False,
                    timeout=_TIMEOUT,
                    ssl=True if tls is DEFAULT_TLS else ssl_option(tls),
                ) as answer:
                    got = await _read(answer, limit=self._request.max_response_bytes, bodiless=method == "HEAD")
                    return Response(answer.status, readable(answer.headers), got, 0.0, str(url))
            finally:
                expired = deadlines.leave(self._task)
        except asyncio.CancelledError:
            if expired:
                raise TimedOut(f"No complete answer from {_where(url)} within {self._request.timeout:g} s.") from None
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, zlib.error) as error:
            raise _translated(error, url=url, timeout=self._request.timeout) from error


@lru_cache(maxsize=1024)
def _host(url: URL) -> str:
    return (url.raw_host or "").rstrip(".").lower()


async def _read(answer: aiohttp.ClientResponse, *, limit: int, bodiless: bool) -> bytes:
    """The unpacked body; stops at `limit`, packed or not, so that a bomb costs no more than a large answer."""
    size = answer.headers.get("Content-Length", "")
    packing = answer.headers.get("Content-Encoding")
    # Digits that are no size are met by aiohttp; where one is given it holds the body to it.
    if bodiless or (packing is None and size and int(size) <= limit):
        return await answer.read()
    unpacker = _unpacker((packing or "identity").strip().lower(), answer)
    parts: list[bytes] = []
    packed = total = 0
    async for chunk in answer.content.iter_chunked(_CHUNK):
        packed += len(chunk)
        for out in unpacker.feed(chunk) if unpacker else (chunk,):
            total += len(out)
            if max(packed, total) > limit:
                break
            parts.append(out)
            if unpacker:
                await asyncio.sleep(0)
        if max(packed, total) > limit:
            answer.close()
            raise TooLarge(f"The answer of {_short(answer.url)} is larger than the {limit} bytes allowed.")
    if unpacker:
        unpacker.finish()
    return b"".join(parts)


def _unpacker(packing: str, answer: aiohttp.ClientResponse) -> Unpacker | None:
    if packing in ("", "identity"):
        return None
    if packing not in PACKINGS:
        answer.close()
        raise BadResponse(f"{_short(answer.url)} packed its answer as {packing[:100]!r}; asked was gzip or deflate.")
    return Unpacker(packing, url=_short(answer.url))


def _translated(error: Exception, *, url: URL, timeout: float) -> GatewayError:
    """aiohttp's error as ours. The order matters: its classes inherit from each other across meanings."""
    where = _where(url)
    match error:
        case GatewayError():
            return error
        case aiohttp.ConnectionTimeoutError():
            return TimedOut(f"No connection to {where} within {min(CONNECT_TIMEOUT, timeout):g} s.", maybe_sent=False)
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return ConnectFailed(f"The certificate of {where} is not valid: {error}.", category=Category.CONFIGURATION)
        case aiohttp.ClientConnectorDNSError():
            return ConnectFailed(f"The name {url.raw_host} does not resolve: {_plain(error.os_error)}.")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return ConnectFailed(f"TLS with {where} failed: {error}.", category=Category.CONFIGURATION)
        case aiohttp.ClientConnectorError():
            return ConnectFailed(f"No connection to {where}: {_plain(error.os_error)}.")
        case TimeoutError():
            return TimedOut(f"No complete answer from {where} within {timeout:g} s.")
        case aiohttp.ClientPayloadError():
            if isinstance(error.__cause__, aiohttp.http_exceptions.TransferEncodingError):
                return BadResponse(f"The answer of {where} is not validly chunked: {error.__cause__.message}.")
            return ClosedMidBody(f"{where} closed the connection in the middle of its answer.")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return Disconnected(f"{where} closed the connection without an answer.")
        case aiohttp.ClientResponseError():
            return BadResponse(f"{where} answered something that is not HTTP: {error.message}.")
        case zlib.error():
            return BadResponse(f"The packed answer of {where} is damaged: {error}.")
        case aiohttp.InvalidURL() | ValueError():
            return InvalidRequest(f"The request to {where} cannot be sent: {error}.")
        case _:
            return Disconnected(f"The connection to {where} failed: {error}.")


def _where(url: URL) -> str:
    # Not `host`: that decodes international names, which a target may have misspelt.
    return f"{(url.raw_host or '')[:_SHOWN]}:{url.port}"


def _short(url: object) -> str:
    text = str(url)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _plain(error: OSError) -> str:
    """What went wrong, without the address that asyncio puts in its place."""
    if isinstance(error, socket.gaierror) or not error.errno or error.errno < 0:
        return error.strerror or str(error)
    return os.strerror(error.errno).lower()


@lru_cache(maxsize=1024)
def _parse(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError as error:
        raise InvalidRequest(f"{_short(text)!r} is not a URL: {error}.") from None
    if url.scheme not in ("http", "https"):
        raise InvalidRequest(f"{_short(text)!r} does not begin with http:// or https://.")
    if not url.raw_host:
        raise InvalidRequest(f"{_short(text)!r} names no host.")
    _refuse_unreadable_host(url)
    return url


def _refuse_unreadable_host(url: URL) -> None:
    """InvalidRequest where the encoded form of an international name says nothing, as `xn--`."""
    try:
        _ = url.host
    except ValueError:
        raise InvalidRequest(f"{_where(url)} is not a host name.") from None


def _redirect_target(url: URL, location: str) -> URL:
    try:
        target = url.join(URL(location)).with_fragment(None)
        _ = target.host
    except ValueError as error:
        raise BadResponse(f"{_short(url)} redirected to {_short(location)!r}, which is not a URL: {error}.") from None
    if target.scheme not in ("http", "https") or not target.raw_host:
        raise BadResponse(f"{_short(url)} redirected to {_short(location)!r}, which is not http.")
    return target.with_user(None) if target.raw_user is not None else target


def _same_party(before: URL, after: URL) -> bool:
    """Whether credentials may follow: the same origin, or the same host moved up from http to https."""
    if before.raw_host != after.raw_host:
        return False
    if before.scheme == after.scheme:
        return before.port == after.port
    return after.scheme == "https" and (before.port, after.port) == (80, 443)


def _without_credentials(headers: Mapping[str, str], context: SendContext) -> dict[str, str]:
    secrets, redactor = [secret for secret in context.secrets if secret], redactor_for(context.secrets)
    return {
        name: value
        for name, value in headers.items()
        if not is_credential_header(name) and not redactor.holds(value) and not any(s in value for s in secrets)
    }


def _refuse_secrets_in(body: bytes, context: SendContext, *, url: URL, target: URL) -> None:
    """A body that is sent again elsewhere must not carry what is the first host's alone, as a client's secret."""
    if body and redactor_for(context.secrets).holds(body.decode("utf-8", "replace")):
        raise BadResponse(
            f"{_where(url)} redirected to {_where(target)}, and the body holds secrets of the connection.",
            category=Category.CONFIGURATION,
        )


def _outgoing_headers(request: Request) -> dict[str, str]:
    headers = {name: value for name, value in request.headers.items() if not _is_ours(name)}
    if request.write_kind == "key" and request.idempotency_key and request.effect == "write":
        headers.setdefault(request.idempotency_header, request.idempotency_key)
    return headers


@lru_cache(maxsize=1024)
def _is_ours(name: str) -> bool:
    return name.lower() in _OWN_HEADERS


def postponed(like: RetryLater) -> RetryLater:
    """For calls of a batch that were not begun because an earlier one was told to wait."""
    return RetryLater(like.until, like.reason)
