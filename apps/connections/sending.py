"""Calls through a connection: its limits, its secrets, its TLS, and what it means when it cannot be reached.

Everything that goes out through a connection goes through `send` or `send_many`, so that a failed connect marks it
offline and its own signs of "slower" pause it, whoever calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from apps.connections import marks
from apps.connections.access import OpenConnection
from apps.connections.documents import HttpDocument
from apps.connections.http import rate_limited, with_retry_header
from apps.connections.limits import limiter
from apps.core import clock, gateway
from apps.core.gateway import (
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


@dataclass(frozen=True)
class Through:
    """A recorder that notes the connection; it keeps every exchange for as long as someone debugs that."""

    inner: Recorder
    connection: str
    everything: bool

    def wants(self, *, step: str, failed: bool) -> bool:
        return self.everything or self.inner.wants(step=step, failed=failed)

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
    outcomes = gateway.send_many(requests, concurrency=min(concurrency, connection.concurrency), context=context)
    if context.mode is Mode.REPLAY:
        return outcomes
    document = connection.document
    if isinstance(document, HttpDocument):
        outcomes = [_judged(document, outcome, context=context) for outcome in outcomes]
    for outcome in outcomes:
        if isinstance(outcome, GatewayError) and marks.cannot_be_reached(outcome):
            marks.mark_offline(connection, reason=outcome.message)
            break
    return outcomes


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
