"""What a kind of alarm declares: what it counts or measures, when that is over, and what a person does about it.

Two ways, at the kind's choice. `seen` makes a case of an event; cases are counted in the window. `read` measures, or
lists what stands, whenever the alarm is looked at; a group that it does not answer any more has recovered.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.alarms.rules import INTEGRATION, TARGET, Limits, Rule, Scope
from apps.core.ids import hex24
from apps.events.models import Event

MOST_SUBJECTS = 500  # of what stands, that one look reads of a rule
MOST_STANDING = 5000  # and of all rules together


@dataclass(frozen=True)
class Subject:
    """What a case is about: a flow, a connection, a lane. `page` is what an operator opens, as (kind, id).

    `of`: the key and the name of what it is grouped by where that is not itself.
    """

    kind: str
    id: uuid.UUID | str
    name: str
    message: str = ""
    page: tuple[str, uuid.UUID] | None = None
    integration_id: uuid.UUID | None = None
    since: datetime | None = None
    times: int = 1
    of: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        return f"{self.kind}:{hex24(self.id) if isinstance(self.id, uuid.UUID) else self.id}"

    def group(self, rule: Rule) -> str:
        if rule.group_by == TARGET:
            return self.of[0] if self.of else self.key
        if rule.group_by == INTEGRATION:
            return f"integration:{hex24(self.integration_id)}" if self.integration_id else "integration:"
        return ""

    @property
    def title(self) -> str:
        return self.of[1] if self.of else f"{self.kind} {self.name}"

    def document(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "id": hex24(self.id) if isinstance(self.id, uuid.UUID) else self.id,
            "name": self.name[:200],
            "message": self.message[:500],
            "page": [self.page[0], hex24(self.page[1])] if self.page else None,
            "integration": hex24(self.integration_id) if self.integration_id else None,
            "times": self.times,
        }


@dataclass
class Reading:
    """What is measured of a group that is over its threshold. `since`: how long that has been so, where it is known."""

    subjects: list[Subject]
    value: float | None = None
    since: datetime | None = None


Subjects = Mapping[str, Mapping[str, Any]]  # of a firing, by key, as Firing.subjects holds them


@dataclass(frozen=True)
class AlarmKind:
    """`read` measures for several rules of an organization at once, at no more queries than for one, and answers what
    it has found for each. `gather`: cases that no event tells of, each with an id of its own. `recovered`: which
    subjects work again.
    `suspects`: the organizations that a look could find anything in, by one query for all; None: any of them.
    """

    name: str
    title: str
    advice: str
    limits: Limits
    threshold_means: str
    counted: tuple[str, str] = ("once", "times")  # how one and how several are said; empty where counts say nothing
    events: frozenset[str] = field(default=frozenset())
    pokes: frozenset[str] = field(default=frozenset())
    seen: Callable[[Event], Subject | None] | None = None
    in_scope: Callable[[Subject, Scope], bool] | None = None
    gather: Callable[[uuid.UUID, datetime], Iterable[tuple[uuid.UUID, datetime, Subject]]] | None = None
    recovered: Callable[[uuid.UUID, Subjects], Collection[str]] | None = None
    read: Callable[[uuid.UUID, Sequence[Rule], datetime], list[dict[str, Reading]]] | None = None
    suspects: Callable[[datetime], Iterable[uuid.UUID]] | None = None

    @property
    def looks(self) -> bool:
        """Whether it must be looked at though nothing was told."""
        return self.read is not None or self.gather is not None


def grouped(subjects: Iterable[Subject], rule: Rule) -> dict[str, list[Subject]]:
    found: dict[str, list[Subject]] = {}
    for subject in subjects:
        found.setdefault(subject.group(rule), []).append(subject)
    return found


def longest_since(rules: Sequence[Rule], now: datetime) -> datetime:
    """What stands since then or longer is all that these rules can mean."""
    return now - min(rule.window for rule in rules)


def standing_readings(subjects: Iterable[Subject], rule: Rule) -> dict[str, Reading]:
    """Of things that stand: a group with as many of them as the threshold says."""
    return {
        key: Reading(some, since=min((one.since for one in some if one.since), default=None))
        for key, some in grouped(subjects, rule).items()
        if len(some) >= rule.threshold
    }
