"""Calls through a connection: its limits, its secrets, its TLS, and what it means when it cannot be reached.

Everything that goes out through a connection goes through `send` or `send_many`, so that a failed connect marks it
offline and its own signs of "slower" pause it, whoever calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote_plus

from apps.connections import marks, tokens
from apps.connections.access import OpenConnection
from apps.connections.documents import HttpDocument
from apps.connections.failures import WaitError
from apps.connections.http import http_document, is_sign, rate_limited, with_retry_header
from apps.connections.limits import limiter
from apps.core import clock, gateway
from apps.core.errors import DomainError
from apps.core.gateway import (
    ConnectFailed,
    Exchange,
    GatewayError,
    Mode,
    Recorder,
    Recording,
    Request,
    Response,
    RetryLater,
    SendContext,
)

Outcome = Response | GatewayError


DEBUGGED_AT_ONCE = 1000  # what waits for its commit is held in memory


@dataclass
class Through:
    """A recorder that notes the connection. `everything`: someone debugs that, so all is kept that memory allows."""

    inner: Recorder
    connection: str
    everything: bool
    kept: int = 0

    def wants(self, *, step: str, failed: bool) -> bool:
        if self.everything and self.kept < DEBUGGED_AT_ONCE:
            self.kept += 1
            return True
        return self.inner.wants(step=step, failed=failed)

    def record(self, exchanges: Sequence[Exchange]) -> None:
        self.inner.record([replace(exchange, connection=self.connection) for exchange in exchanges])


def send_context(
    connection: OpenConnection,
    *,
    step: str = "",
    mode: Mode = Mode.LIVE,
    recorder: Recorder | None = None,
    recording: Recording | None = None,
) -> SendContext:
    """In replay a recorder that can answer is the recording too."""
    if mode is Mode.REPLAY and recording is None and isinstance(recorder, Recording):
        recording = recorder
    if recorder is not None and connection.id is not None:
        debugged = connection.debug_until is not None and connection.debug_until > clock.now()
        recorder = Through(recorder, str(connection.id), everything=debugged)
    return SendContext(
        organization=connection.organization_id.hex,
        step=step,
        mode=mode,
        limit_key=connection.limit_key,
        limiter=limiter() if connection.limit_key else None,
        recorder=recorder,
        recording=recording,
        secrets=connection.secrets,
        tls=_tls(connection),
    )


def send(connection: OpenConnection, request: Request, *, context: SendContext) -> Response:
    """One call. Raises GatewayError; RetryLater for 429 and for the connection's own rate-limit answers."""
    outcome = send_many(connection, [request], concurrency=1, context=context)[0]
    if isinstance(outcome, GatewayError):
        raise outcome
    return outcome


def send_many(
    connection: OpenConnection, requests: Sequence[Request], *, concurrency: int, context: SendContext
) -> list[Outcome]:
    """Many calls, at most `concurrency` of ours at a time; errors as values."""
    together = min(concurrency, connection.concurrency)
    outcomes = gateway.send_many(requests, concurrency=together, context=context)
    if context.mode is Mode.REPLAY:
        return outcomes
    if connection.is_own and tokens.can_renew(connection):
        outcomes = _with_newer_token(connection, requests, outcomes, concurrency=together, context=context)
    document = connection.document
    if isinstance(document, HttpDocument):
        outcomes = [_judged(document, outcome, context=context) for outcome in outcomes]
    for outcome in outcomes:
        if isinstance(outcome, GatewayError) and marks.cannot_be_reached(outcome):
            marks.mark_offline(connection, reason=outcome.message)
            break
    return outcomes


def _with_newer_token(
    connection: OpenConnection,
    requests: Sequence[Request],
    outcomes: list[Outcome],
    *,
    concurrency: int,
    context: SendContext,
) -> list[Outcome]:
    """What was refused for its token is sent once more, with a newer one: it has done nothing at its target."""
    document = http_document(connection)
    refused = [
        i
        for i, one in enumerate(outcomes)
        if isinstance(one, Response) and is_sign(document, document.login_refused, one)
    ]
    if not refused:
        return outcomes
    used = tokens.token_of(connection)
    error: GatewayError
    try:
        newer = tokens.token_of(tokens.renew(connection))
    except tokens.NeedsReconnectError as lost:
        error = ConnectFailed(lost.message)  # it is offline: what stands on it waits
        return [error if i in refused else one for i, one in enumerate(outcomes)]
    except WaitError as wait:
        error = RetryLater(wait.until, wait.message)
        return [error if i in refused else one for i, one in enumerate(outcomes)]
    except DomainError:
        return outcomes  # the operator's fault: what the target said of it is told
    again = [_swapped(requests[i], used, newer) for i in refused]
    answers = gateway.send_many(
        again, concurrency=concurrency, context=replace(context, secrets=(*context.secrets, newer))
    )
    found = dict(zip(refused, answers, strict=True))
    return [found.get(i, one) for i, one in enumerate(outcomes)]


def _swapped(request: Request, used: str, newer: str) -> Request:
    """The same request with another token, wherever its connection puts it."""
    if not used:
        return request
    headers = {name: value.replace(used, newer) for name, value in request.headers.items()}
    url = request.url.replace(quote_plus(used), quote_plus(newer))
    return replace(request, url=url, headers=headers, body=request.body.replace(used.encode(), newer.encode()))


def _judged(document: HttpDocument, outcome: Outcome, *, context: SendContext) -> Outcome:
    later: RetryLater | None
    if isinstance(outcome, RetryLater):
        later = with_retry_header(document, outcome)
    else:
        later = rate_limited(document, outcome) if isinstance(outcome, Response) else None
    if later is None or later is outcome:
        return outcome
    if context.limiter is not None and context.limit_key:
        context.limiter.pause(context.limit_key, until=later.until, reason=later.reason)
    return later


def _tls(connection: OpenConnection) -> gateway.Tls:
    tls = getattr(connection.document, "tls", None)
    if tls is None:
        return gateway.Tls()
    return gateway.Tls(
        verify=tls.verify, ca=tls.ca, certificate=tls.certificate, key=tls.key, passphrase=tls.passphrase
    )
