"""Who wants to hear of events. Upper apps register theirs in AppConfig.ready; events are written only for them."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from apps.events.models import Event


def everywhere(organization_id: uuid.UUID, type: str) -> bool:
    return True


@dataclass(frozen=True)
class EventConsumer:
    """`deliver(event)` runs in a transaction of its own, its progress commits with it: it counts once.

    It writes rows and adds work, never talks to the outside; what it raises is retried for a day, then kept.
    `listens` is asked inside the caller's transaction at every event of these types: one indexed query at most.
    Without `types` and `prefixes` every type matches.

    `deliver_many(events)` does for events of one organization, oldest first, what `deliver` does for each, in one
    transaction. If it raises, all of it is rolled back and they are delivered one by one.
    """

    name: str
    deliver: Callable[[Event], None]
    types: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    listens: Callable[[uuid.UUID, str], bool] = everywhere
    deliver_many: Callable[[list[Event]], None] | None = None

    def wants(self, organization_id: uuid.UUID, type: str) -> bool:
        known = type in self.types or type.startswith(self.prefixes) or not (self.types or self.prefixes)
        return known and self.listens(organization_id, type)


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
    return [c.name for c in _consumers.values() if c.wants(organization_id, type)]
