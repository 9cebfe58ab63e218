"""What action kinds that reach outside have in common: one write, once, by way of the run's journal."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from apps.automations.running.turn import Turn
from apps.connections.failures import of_gateway
from apps.core.gateway import GatewayError, Mode, SendContext
from apps.core.gateway.messages import WriteKind
from apps.core.gateway.redaction import redactor_for


def write_once(turn: Turn, *, write_kind: WriteKind, send: Callable[[str], Any]) -> Any:
    """What `send(key)` answers, or has answered an earlier turn of this run. Raises DomainErrors, WaitError among them.

    The intent is committed before; what may have arrived and must not be repeated ends in doubt.
    """
    journal, path, iteration = turn.journal, f"{turn.path}/send", turn.iteration
    known = journal.recorded().get((path, iteration))
    if known is not None:
        return known
    live = turn.mode is Mode.LIVE
    key = journal.key(path, iteration)
    if live:
        journal.intend(path, iteration, write_kind=write_kind)
    try:
        outcome = send(key)
    except GatewayError as error:
        if live and not error.maybe_sent:
            journal.withdraw(path, iteration, reason=error.message)
        elif live and write_kind == "none":
            journal.doubt(path, iteration, reason=error.message)
        raise of_gateway(error) from error
    if live:
        journal.settle(path, iteration, outcome, wrote=True)
    return outcome


def context_of(turn: Turn) -> SendContext:
    """Outside of any connection: no limits but the deployment's. The automation's secrets are struck out."""
    return SendContext(
        organization=turn.organization_id.hex,
        step=turn.path,
        mode=turn.mode,
        recorder=turn.journal.recorder,
        secrets=tuple(texts_of(turn.scope.get("secrets"))),
    )


def struck(turn: Turn, text: str) -> str:
    """For messages: an address may hold a secret."""
    return redactor_for(tuple(texts_of(turn.scope.get("secrets")))).text(text)


def texts_of(value: Any) -> Iterator[str]:
    """Texts long enough to be secrets."""
    if isinstance(value, str) and len(value) >= 4:
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
