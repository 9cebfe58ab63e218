"""idLockTemplate: records that render to the same text are never submitted at the same time, in no run and no process.

A lock is a row with an end: one that a vanished worker has left is free again after a while.
"""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apps.core.clock import now
from apps.flows.models import RecordLock
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.steps import Outcome, StepRunner, Turn

LEASE = timedelta(minutes=5)
AGAIN = timedelta(seconds=0.5)
Place = tuple[int, int]  # part, record


@dataclass(frozen=True)
class LockedRunner:
    """`lock_of` gives a record's text; blank locks nothing. `scope` tells locks of imports apart."""

    inner: StepRunner
    lock_of: Callable[[Any], str]
    scope: str

    @property
    def effect(self) -> str:
        return self.inner.effect

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        outcomes = [Outcome() for _ in parts]
        left = [(i, j) for i, part in enumerate(parts) for j in range(len(part.records))]
        names = {(i, j): self.name_of(parts[i].records[j]) for i, j in left}
        while left:
            wave, left = first_of_each(left, names)
            holder = uuid.uuid4()
            held = acquire({names[place] for place in wave} - {""}, holder)
            try:
                ready = [place for place in wave if not names[place] or names[place] in held]
                self.submit(parts, ready, outcomes, turn)
            finally:
                RecordLock.objects.filter(holder=holder).delete()
            for i, j in set(wave) - set(ready):
                outcomes[i].later.add(j)
                outcomes[i].until = outcomes[i].until or now() + AGAIN
                outcomes[i].reason = outcomes[i].reason or "another record of the same lock is being submitted"
        return outcomes

    def name_of(self, record: Any) -> str:
        text = self.lock_of(record)
        return hashlib.blake2b(f"{self.scope}:{text}".encode(), digest_size=20).hexdigest() if text else ""

    def submit(self, parts: Sequence[Part], ready: list[Place], outcomes: list[Outcome], turn: Turn) -> None:
        for i, part in enumerate(parts):
            chosen = [j for at, j in ready if at == i]
            if not chosen:
                continue
            some = Part(
                part.batch,
                [part.places[j] for j in chosen],
                [part.records[j] for j in chosen],
                [part.keys[j] for j in chosen],
            )
            add(outcomes[i], self.inner.run([some], turn)[0], chosen)


def first_of_each(left: list[Place], names: dict[Place, str]) -> tuple[list[Place], list[Place]]:
    """(records that may go together, the rest): the first of each lock, and all that lock nothing."""
    wave: list[Place] = []
    rest: list[Place] = []
    taken: set[str] = set()
    for place in left:
        name = names[place]
        (rest if name and name in taken else wave).append(place)
        taken.add(name)
    return wave, rest


def acquire(names: set[str], holder: uuid.UUID) -> set[str]:
    """Those that are ours now. Each statement is a transaction of its own: nothing waits for another's."""
    if not names:
        return set()
    RecordLock.objects.filter(name__in=names, until__lt=now()).delete()
    until = now() + LEASE
    RecordLock.objects.bulk_create(
        [RecordLock(name=name, holder=holder, until=until) for name in sorted(names)], ignore_conflicts=True
    )
    return set(RecordLock.objects.filter(holder=holder).values_list("name", flat=True))


def add(outcome: Outcome, found: Outcome, chosen: list[int]) -> None:
    outcome.failures |= {chosen[k]: failure for k, failure in found.failures.items()}
    outcome.ignored |= {chosen[k] for k in found.ignored}
    outcome.responses |= {chosen[k]: response for k, response in found.responses.items()}
    outcome.later |= {chosen[k] for k in found.later}
    outcome.noted += [(chosen[k], failure) for k, failure in found.noted]
    if found.later:
        outcome.until, outcome.parked_on, outcome.reason = found.until, found.parked_on, found.reason
