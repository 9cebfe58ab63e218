"""Who wants to hear of events. Upper apps register theirs in AppConfig.ready; events are written only for them."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from apps.core.joined import Statement, run_prepared
from apps.events.models import Event


def everywhere(organization_id: uuid.UUID, type: str) -> bool:
    return True


@dataclass(frozen=True)
class EventConsumer:
    """`deliver(event)` runs in a transaction of its own, its progress commits with it: it counts once.

    It writes rows and adds work, never talks to the outside; what it raises is retried for a day, then kept.
    `listens` is asked inside the caller's transaction at every event of these types, of all consumers in one round
    trip: it knows, or gives an indexed query that finds a row where somebody listens. Without `types` and `prefixes`
    every type matches.

    `deliver_many(events)` does for events of one organization, oldest first, what `deliver` does for each, in one
    transaction. If it raises, all of it is rolled back and they are delivered one by one.
    """

    name: str
    deliver: Callable[[Event], None]
    types: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    listens: Callable[[uuid.UUID, str], bool | Statement] = everywhere
    deliver_many: Callable[[list[Event]], None] | None = None

    def takes(self, type: str) -> bool:
        return type in self.types or type.startswith(self.prefixes) or not (self.types or self.prefixes)


_consumers: dict[str, EventConsumer] = {}


def register(consumer: EventConsumer) -> None:
    if not re.fullmatch(r"[a-z_]{1,30}", consumer.name):
        raise ValueError(f"{consumer.name!r} is no name for a consumer: small letters, at most 30")
    if consumer.name in _consumers:
        raise ValueError(f"event consumer {consumer.name} is registered twice")
    _consumers[consumer.name] = consumer


def find(name: str) -> EventConsumer | None:
    return _consumers.get(name)


def listening(organization_id: uuid.UUID, type: str) -> list[str]:
    told = {one.name: one.listens(organization_id, type) for one in _consumers.values() if one.takes(type)}
    asked = {name: answer for name, answer in told.items() if isinstance(answer, Statement)}
    if asked:
        found = ", ".join(f"EXISTS ({one.sql})" for one in asked.values())
        row = run_prepared(f"SELECT {found}", [value for one in asked.values() for value in one.params])[0]
        told |= {name: bool(one) for name, one in zip(asked, row, strict=True)}
    return [name for name, answer in told.items() if answer]


def silence(organization_id: uuid.UUID, type: str) -> Statement | None:
    """A condition of a change that is to be made only where nobody listens; None where somebody surely does."""
    told = [one.listens(organization_id, type) for one in _consumers.values() if one.takes(type)]
    if any(answer is True for answer in told):
        return None
    asked = [answer for answer in told if isinstance(answer, Statement)]
    found = " UNION ALL ".join(f"SELECT 1 WHERE EXISTS ({one.sql})" for one in asked)
    params = [value for one in asked for value in one.params]
    return Statement(found or "SELECT 1 WHERE 1 = 0", params, expects=0, reads=True)
