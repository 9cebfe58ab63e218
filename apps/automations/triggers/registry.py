"""A trigger kind: which events of Junction's start it, or what it has registered elsewhere when it is saved."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.automations.models import Automation, Type
from apps.events.models import Event

Document = Mapping[str, Any]


def no_events(document: Document) -> list[str]:
    return []


def any_event(automation: Automation, document: Document, event: Event) -> bool:
    return True


def event_scope(event: Event) -> dict[str, Any]:
    """`data` and `event` as templates and conditions of a run see them."""
    told = {name: value for name, value in event.data.items() if name != "data"}
    return {"data": event.data.get("data", event.data), "event": {"type": event.type, **told}}


@dataclass(frozen=True)
class TriggerKind:
    """`schema` is of the trigger's document, `type` and `conditions` apart, which all have.

    `events(document)` are the types of Junction's events that start it; of these `accepts(automation, document, event)`
    may refuse some before conditions are asked, and `scope(event)` gives `data` and `event`.
    `sync(automation, documents)` is called in the transaction of each save with the triggers of this kind: none when
    the automation is switched off, deleted, or has none left; `drop(automation)` when it is deleted.
    `check(document, at, organization_id)` raises DomainErrors for what a schema cannot say. `most`: how many of this
    kind an automation may have. `advice`: what whoever looks at the automation must know of it.
    """

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    types: frozenset[str] = frozenset(Type.values)  # of automations that may have it
    events: Callable[[Document], Sequence[str]] = no_events
    accepts: Callable[[Automation, Document, Event], bool] = any_event
    scope: Callable[[Event], dict[str, Any]] = event_scope
    sync: Callable[[Automation, Sequence[Document]], None] | None = None
    drop: Callable[[Automation], None] | None = None
    check: Callable[[Document, str, uuid.UUID], None] | None = None
    most: int = 50
    advice: str = ""


_kinds: dict[str, TriggerKind] = {}


def register(kind: TriggerKind) -> None:
    if kind.name in _kinds:
        raise ValueError(f"trigger kind {kind.name} is registered twice")
    _kinds[kind.name] = kind


def find(name: object) -> TriggerKind | None:
    return _kinds.get(name) if isinstance(name, str) else None


def all_kinds() -> list[TriggerKind]:
    return list(_kinds.values())


def names() -> list[str]:
    return sorted(_kinds)
