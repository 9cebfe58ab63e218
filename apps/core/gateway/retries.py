"""When to try again within the call, and when to hand the wait back: at most twice and two seconds in all."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from .errors import Category, GatewayError, RetryLater, TimedOut
from .messages import Request, Response

MAX_RETRIES = 2
BUDGET_SECONDS = 2.0
DEFAULT_PAUSE = 30.0
LONGEST_PAUSE = 24 * 3600.0
PASSING = frozenset((429, 502, 503, 504))  # statuses that speak of a passing trouble


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait from a Retry-After field, in either of its forms; None when absent or unreadable."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError, IndexError):  # the parser's own slips on odd texts among them
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - now).total_seconds()), LONGEST_PAUSE)


def retry_delay(
    request: Request, outcome: Response | GatewayError, *, attempt: int, since_failure: float, now: datetime
) -> float | None:
    """Seconds until the next attempt, or None: this outcome stands. `attempt` counts from 0."""
    if attempt >= MAX_RETRIES or not request.repeatable:
        return None
    asked: float | None = None
    if isinstance(outcome, Response):
        asked = parse_retry_after(outcome.headers.get("Retry-After"), now=now)
    elif isinstance(outcome, TimedOut) or outcome.category is not Category.TRANSIENT:
        return None
    # Jitter keeps a page of records from coming back as one wave.
    delay = asked if asked is not None else 0.1 * 3**attempt * random.uniform(0.5, 1.5)  # noqa: S311 - nothing to guess here
    return delay if since_failure + delay <= BUDGET_SECONDS else None


def retry_later(response: Response, *, request: Request, now: datetime, acted: bool = False) -> RetryLater | None:
    """The wait that an answer asks for, if it is one that asks. A 503 without Retry-After is left to the caller.

    `acted`: the target did something before it redirected to this answer.
    """
    asked = parse_retry_after(response.headers.get("Retry-After"), now=now)
    if response.status == 429:
        asked = DEFAULT_PAUSE if asked is None else asked
        reason = "The target answered 429, too many requests"
    elif response.status == 503 and asked is not None:
        reason = "The target answered 503, unavailable"
    else:
        return None
    # 429 is a refusal before anything was done; a 503 may come from half-way.
    sent = (response.status == 503 or acted) and not request.repeatable
    return RetryLater(now + timedelta(seconds=max(asked, 1.0)), reason, maybe_sent=sent, response=response)
