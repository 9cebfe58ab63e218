"""`send` and `send_many`: modes, limits and recording around the calls. A whole batch is one hand-over to the loop."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from apps.core import clock
from apps.core.networks import AllowedNetwork

from .addresses import allow_entries
from .calls import Line, perform, postponed
from .context import Mode, SendContext
from .errors import GatewayError, InvalidRequest, NoRecordedAnswer, RetryLater
from .limits import Grant, Limiter
from .loop import Engine, engine
from .messages import Headers, Request, Response
from .recording import Exchange, Recorder, describe, fingerprint
from .redaction import redactor_for
from .retries import BUDGET_SECONDS
from .transactions import refuse_in_transaction

MAX_URL = 16 * 1024  # characters; more than common servers take
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
Outcome = Response | GatewayError


def send(request: Request, *, context: SendContext) -> Response:
    """Make one call; raises GatewayError. Any status is a Response, but for 429 and 503 that ask to wait longer."""
    outcome = send_many([request], concurrency=1, context=context)[0]
    if isinstance(outcome, GatewayError):
        raise outcome
    return outcome


def send_many(requests: Sequence[Request], *, concurrency: int, context: SendContext) -> list[Outcome]:
    """Make many calls, `concurrency` at a time; outcomes in order, errors as values.

    A replayed write that the recording does not hold is answered as a planned one is, so that what follows it is seen
    too; its exchange says `gateway.no_recorded_answer`.
    """
    refuse_in_transaction()
    started_at = clock.now()
    outcomes: list[Outcome | None] = [None] * len(requests)
    live: list[int] = []
    unrecorded: set[int] = set()
    for index, request in enumerate(requests):
        refused = _refused(request)
        if refused is not None:
            outcomes[index] = refused
        elif context.mode is Mode.REPLAY:
            outcome = outcomes[index] = _replayed(request, context)
            if isinstance(outcome, NoRecordedAnswer) and request.effect == "write":
                unrecorded.add(index)
                outcomes[index] = _planned(request)
        elif context.mode is Mode.PLAN and request.effect == "write":
            outcomes[index] = _planned(request)
        else:
            live.append(index)
    if live:
        chosen = requests if len(live) == len(requests) else [requests[index] for index in live]
        for index, outcome in zip(live, _send_live(chosen, max(1, concurrency), context), strict=True):
            outcomes[index] = outcome
    done = [outcome for outcome in outcomes if outcome is not None]
    if context.recorder is not None:
        _record(context.recorder, requests, done, context=context, started_at=started_at, unrecorded=unrecorded)
    return done


def _send_live(requests: Sequence[Request], concurrency: int, context: SendContext) -> list[Outcome]:
    runner, allow = engine(), allow_entries(context.organization)
    if context.limiter is None or not context.limit_key:
        return runner.run(_batch(runner, allow, requests, concurrency, context))
    outcomes: list[Outcome] = []
    waited = 0.0
    while len(outcomes) < len(requests):
        rest = requests[len(outcomes) :]
        leave = context.limiter.acquire(context.limit_key, len(rest), concurrency=concurrency)
        if isinstance(leave, RetryLater):
            delay = max(0.01, (leave.until - clock.now()).total_seconds())
            if waited + delay > BUDGET_SECONDS:
                outcomes.extend(postponed(leave) for _ in rest)
                break
            time.sleep(delay)
            waited += delay
            continue
        outcomes.extend(_send_granted(context.limiter, leave, rest, runner=runner, allow=allow, context=context))
    return outcomes


def _send_granted(
    limiter: Limiter,
    leave: Grant,
    rest: Sequence[Request],
    *,
    runner: Engine,
    allow: tuple[AllowedNetwork, ...],
    context: SendContext,
) -> list[Outcome]:
    """Make the calls that `leave` allows, give it back, and pass on what the target said about waiting."""
    unused = leave.requests
    try:
        got = runner.run(_batch(runner, allow, rest[: leave.requests], leave.permits, context))
        told = [outcome for outcome in got if isinstance(outcome, RetryLater)]
        unused = sum(1 for outcome in told if outcome.response is None)
    finally:
        limiter.release(leave, unused=unused)
    if told:
        longest = max(told, key=lambda outcome: outcome.until)
        limiter.pause(leave.limit_key, until=longest.until, reason=longest.reason)
    return got


async def _batch(
    runner: Engine,
    allow: tuple[AllowedNetwork, ...],
    requests: Sequence[Request],
    concurrency: int,
    context: SendContext,
) -> list[Outcome]:
    """Each worker takes the next request until none is left; after one was told to wait, the rest wait too."""
    line = await runner.line(allow)
    if len(requests) == 1:
        return [await perform(line, requests[0], context)]
    outcomes: dict[int, Outcome] = {}
    queue = iter(enumerate(requests))
    halt: list[RetryLater] = []
    workers = (_work(line, queue, outcomes, halt, context) for _ in range(min(concurrency, len(requests))))
    await asyncio.gather(*workers)
    return [outcomes[index] for index in range(len(requests))]


async def _work(
    line: Line,
    queue: Iterator[tuple[int, Request]],
    outcomes: dict[int, Outcome],
    halt: list[RetryLater],
    context: SendContext,
) -> None:
    for index, request in queue:
        if halt:
            outcomes[index] = postponed(halt[0])
            continue
        outcome = outcomes[index] = await perform(line, request, context)
        if isinstance(outcome, RetryLater):
            halt.append(outcome)


@lru_cache(maxsize=1024)
def _is_token(name: str) -> bool:
    """RFC 9110, 5.6.2: what a method and the name of a header are made of."""
    return _TOKEN.fullmatch(name) is not None


def _refused(request: Request) -> InvalidRequest | None:
    url = request.url
    if not _is_token(request.method):
        return InvalidRequest(f"{request.method[:100]!r} is not a method.")
    if len(url) > MAX_URL:
        return InvalidRequest(
            f"The URL is {len(url)} characters long; at most {MAX_URL} are sent. It begins {url[:100]!r}."
        )
    try:
        url.encode()
    except UnicodeEncodeError:
        return InvalidRequest(f"{url[:100]!r} is not a URL: it holds half a character.")
    for name, value in request.headers.items():
        if not _is_token(name):
            return InvalidRequest(f"{name[:100]!r} is not the name of a header.")
        try:
            value.encode()
        except UnicodeEncodeError:
            return InvalidRequest(f"The header {name[:100]!r} holds half a character.")
    return None


def _planned(request: Request) -> Response:
    return Response(
        status=200,
        headers=Headers(),
        body=b"",
        elapsed=0.0,
        url=f"{request.method.upper()} {request.url}",
        planned=True,
    )


def _replayed(request: Request, context: SendContext) -> Outcome:
    redactor = redactor_for(context.secrets)
    method = request.method.upper()
    asked = fingerprint(kind="http", method=method, url=request.url, body=request.body, redactor=redactor)
    answer = context.recording.answer(asked) if context.recording else None
    if answer is None:
        return NoRecordedAnswer(
            f"The recording holds no (further) answer to {method} {redactor.shown_url(request.url)} with this body."
        )
    return recorded_outcome(answer)


def recorded_outcome(answer: Exchange) -> Outcome:
    """The outcome that an exchange tells of; a body that was cut when recorded cannot stand for the whole."""
    if answer.response_cut:
        return NoRecordedAnswer(
            f"The recorded answer to {answer.method} {answer.url} was cut at {len(answer.response_body)} of "
            f"{answer.response_size} bytes and cannot be replayed."
        )
    if answer.status is None:
        error = GatewayError(answer.error_message)
        error.code = answer.error_code
        return error
    text = answer.response_body
    body = base64.b64decode(text) if answer.response_encoding == "base64" else text.encode()
    return Response(answer.status, Headers(answer.response_headers), body, answer.elapsed, answer.url)


def _record(
    recorder: Recorder,
    requests: Sequence[Request],
    outcomes: Sequence[Outcome],
    *,
    context: SendContext,
    started_at: datetime,
    unrecorded: set[int],
) -> None:
    redactor = redactor_for(context.secrets)
    exchanges = []
    for index, (request, outcome) in enumerate(zip(requests, outcomes, strict=True)):
        if isinstance(outcome, RetryLater) and outcome.response is None:
            continue  # never sent
        planned = isinstance(outcome, Response) and outcome.planned
        failed = isinstance(outcome, GatewayError) or not (outcome.ok or outcome.planned)
        if recorder.wants(step=context.step, failed=failed) or planned:
            exchange = describe(request, outcome, step=context.step, started_at=started_at, redactor=redactor)
            if index in unrecorded:
                said = "The recording holds no answer to this request: it was not sent."
                exchange = replace(
                    exchange, status=None, planned=False, error_code=NoRecordedAnswer.code, error_message=said
                )
            elif planned:
                exchange = replace(exchange, status=None)
            exchanges.append(exchange)
    if exchanges:
        recorder.record(exchanges)
