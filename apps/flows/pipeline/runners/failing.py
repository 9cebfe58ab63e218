"""From what went wrong to a record's failure, or to a page that comes back later."""

from collections.abc import Iterable

from apps.connections import marks
from apps.connections.access import OpenConnection
from apps.core.errors import DomainError
from apps.core.gateway import Category, ConnectFailed, GatewayError, RetryLater
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.steps import Failure, Outcome


def failure_of(error: DomainError, *, source: str) -> Failure:
    classification = "none"
    if isinstance(error, ConnectFailed):
        classification = "connection"
    elif isinstance(error, GatewayError) and error.category == Category.TRANSIENT:
        classification = "intermittent"
    return Failure(source=source, code=error.code, message=error.message, classification=classification)


def offline(part: Part, connection: OpenConnection) -> Outcome:
    """Nothing is tried: the page waits, parked, for its connection to come back."""
    return Outcome(
        later=set(range(len(part.records))),
        parked_on=connection.parked_on,
        reason=f"connection {connection.name} is offline: {connection.offline_reason}",
    )


def held_up(outcome: Outcome, indexes: Iterable[int], error: GatewayError, connection: OpenConnection) -> bool:
    """True if nothing was sent because nobody is there: these records wait, parked, for the connection."""
    if not marks.cannot_be_reached(error) or not connection.parked_on:
        return False
    outcome.later.update(indexes)
    outcome.parked_on, outcome.reason = connection.parked_on, error.message
    return True


def postpone(outcome: Outcome, index: int, error: RetryLater) -> None:
    outcome.later.add(index)
    if outcome.until is None or outcome.until < error.until:
        outcome.until, outcome.reason = error.until, error.reason


def classify_status(status: int) -> str:
    if status in (401, 403):
        return "connection"
    if status == 404:
        return "missing"
    if status == 409:
        return "duplicate"
    if status == 413:
        return "too_large"
    if status == 429:
        return "rate_limit"
    return "intermittent" if status >= 500 else "value"
