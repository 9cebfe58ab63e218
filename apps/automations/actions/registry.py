"""An action kind: its name, the schema of its args, and what it does at its turn.

A kind that changes only Junction's own rows runs inside the transaction that commits its step, so it counts once
whatever is killed. One that reaches outside, or runs nested actions, runs outside of any transaction: its writes go
through `turn.journal`, which commits an intent before each and so lets their effect decide after a lapse.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from apps.core.errors import ValidationError

if TYPE_CHECKING:
    from apps.automations.running.turn import Turn

Args = Mapping[str, Any]
NOTHING: Final = object()  # found nothing: the action leaves no key in `actions`


@dataclass(frozen=True)
class Stop:
    """The run ends quietly here: later actions do not run, and it is no error."""

    reason: str


class Wait(Exception):
    """The step is committed as waiting with `state`; the kind is called again with `turn.state` when it wakes.

    Without `until` only a wake-up (`work.hurry` on the execution) goes on. `unless` is asked inside the transaction
    that parks, after it has parked: True when what is waited for has come meanwhile. It locks the row it looks at.
    """

    def __init__(
        self,
        *,
        reason: str,
        until: datetime | None = None,
        state: Any = None,
        unless: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(reason)
        self.until = until
        self.reason = reason
        self.state = state
        self.unless = unless


class Again(Exception):
    """What was written in this call commits together with `state`, and the kind is called again at once."""

    def __init__(self, state: Any) -> None:
        super().__init__("again")
        self.state = state


@dataclass(frozen=True)
class ActionKind:
    """`run(turn, args)` answers the output, NOTHING or Stop; it raises DomainErrors, Wait or (in a transaction) Again.

    `schema` is of the rendered args. Members named in `raw` reach `run` as they were written: what nested lists of
    actions need. `nested(args)` gives those lists with their path inside args. `check(args, at, organization_id)` looks
    at what a schema cannot say when an automation is saved, texts that are templates included; it raises DomainErrors.
    One that is off may name what is not there, so it is not asked then; `rules(args, at)` is asked at every save, and
    gives what is wrong.
    `prepare(args, at)` makes of the args as written what `run` finds as `turn.action.prepared`, once a version; it
    raises DocumentError. `blueprints(args)` names those that must be there when an automation is saved.
    """

    name: str
    run: "Callable[[Turn, Args], Any]"
    schema: Mapping[str, Any] = field(default_factory=dict)
    outside: bool = False
    reads: bool = False  # changes nothing: its step may commit together with the next one's
    raw: frozenset[str] = frozenset()
    nested: Callable[[Args], Iterator[tuple[str, Any]]] | None = None
    check: Callable[..., None] | None = None
    rules: Callable[[Args, str], Iterable[ValidationError]] | None = None
    prepare: Callable[[Args, str], Any] | None = None
    blueprints: Callable[[Args], Iterable[Any]] | None = None


_kinds: dict[str, ActionKind] = {}


def register(kind: ActionKind) -> None:
    if kind.name in _kinds:
        raise ValueError(f"action kind {kind.name} is registered twice")
    _kinds[kind.name] = kind


def find(name: object) -> ActionKind | None:
    return _kinds.get(name) if isinstance(name, str) else None


def names() -> list[str]:
    return sorted(_kinds)
