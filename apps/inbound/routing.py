"""From a verified notification to the triggers it fires: the event's `route` hook names them and the keys they match.

`route` gives an object, a list of them, or a text (a trigger's name):

| member | value |
|---|---|
| `trigger` (or `event`) | the trigger's name; absent: the event component's own |
| `keys` | texts, or lists of texts, of which a listener's key must be one; absent: all listeners of the trigger |
| `id` | the provider's id of the notification, where its event declares none: taken once |
| `item` | the id of the thing it tells of, as a poll would name it |
| `data` | what listeners get; absent: the body |

Null, or an empty list: nobody is meant. Without the hook the body goes to the trigger named like the event.
"""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from apps.connections.failures import LogicFaultError
from apps.core.ids import hex24
from apps.events.models import Event
from apps.events.services import emit
from apps.inbound import running
from apps.inbound.declared import key_text
from apps.inbound.models import Hook, Listener
from apps.inbound.running import has_hook, run_trigger

FIRED = "trigger.fired"  # the type of the events that come of it
MAX_ROUTES = 100
MAX_KEYS = 100


@dataclass(frozen=True)
class Route:
    trigger: str
    data: Any
    keys: tuple[str, ...] = ()
    id: str = ""
    item: str = ""


@dataclass(frozen=True)
class Origin:
    """Where routes come from: the whole address, or one listener's own."""

    hook: Hook
    listener: Listener | None = None
    notification_id: uuid.UUID | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)


def read_routes(answer: Any, *, event: str, body: Any) -> list[Route]:
    """Raises LogicFaultError for what no route can be read of."""
    found = answer if isinstance(answer, list) else [] if answer is None else [answer]
    if len(found) > MAX_ROUTES:
        raise LogicFaultError(f"The route hook names more than {MAX_ROUTES} triggers.")
    return [_read(one, event=event, body=body) for one in found]


def _read(one: Any, *, event: str, body: Any) -> Route:
    if isinstance(one, str):
        one = {"trigger": one}
    if not isinstance(one, Mapping):
        raise LogicFaultError("The route hook must give objects, or names of triggers.")
    trigger = one.get("trigger") or one.get("event") or event
    keys = one.get("keys")
    listed = keys if isinstance(keys, list) else [] if keys is None else [keys]
    return Route(
        trigger=_text(trigger)[:150],
        data=storable(one.get("data", body)),
        keys=tuple(key_text(key) for key in listed[:MAX_KEYS]),
        id=_text(one.get("id")),
        item=_text(one.get("item")),
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value).replace("\0", "")[:255]


def fire(origin: Origin, routes: Sequence[Route]) -> list[str]:
    """In the caller's transaction: an event for each route that somebody listens to; their triggers' names."""
    fired = []
    for route in routes:
        if origin.listener is None and not anybody(origin.hook, route):
            continue
        if origin.listener is not None and origin.listener.trigger_name != route.trigger:
            continue
        subject = ("listener", origin.listener.id) if origin.listener else ("connector", origin.hook.connector_id)
        event = emit(
            organization_id=origin.hook.organization_id, type=FIRED, subject_kind=subject[0], subject_id=subject[1],
            data=event_data(origin, route),
        )  # fmt: skip
        if event is not None:
            fired.append(route.trigger)
    return fired


def event_data(origin: Origin, route: Route, *, polled: bool = False) -> dict[str, Any]:
    return {
        "hook": hex24(origin.hook.id),
        "connector": origin.hook.connector.name,
        "trigger": route.trigger,
        "keys": list(route.keys),
        "item": route.item,
        "polled": polled,
        "notification": hex24(origin.notification_id) if origin.notification_id else None,
        "headers": dict(origin.headers),
        "query": dict(origin.query),
        "data": route.data,
    }


def storable(value: Any) -> Any:
    """What a database can keep of what a program or a provider gave. Raises LogicFaultError where it has no end."""
    try:
        return _storable(value)
    except RecursionError:
        raise LogicFaultError("What was given is nested too deep to be kept.") from None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return str(value).replace("\0", "")
    if isinstance(value, Mapping):
        return {str(key).replace("\0", ""): _storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else str(value).replace("\0", "")


def anybody(hook: Hook, route: Route) -> bool:
    rows = Listener.objects.filter(hook=hook, trigger_name=route.trigger).listening()
    if route.keys:
        rows = rows.filter(Q(key="") | Q(key__in=route.keys))
    return rows.exists()


def map_for(listener: Listener, event: Event) -> tuple[Any, bool]:
    """(what the listener's trigger makes of an event, whether it had a say). None: it is not for this listener."""
    data = event.data["data"]
    is_reader = event.data.get("polled") and not has_hook(listener, running.POLL)
    if is_reader or not has_hook(listener, running.TRIGGER):
        return data, False
    told = {"headers": event.data.get("headers") or {}, "query": event.data.get("query") or {}}
    return run_trigger(
        listener, running.TRIGGER, data=data, query=told["query"], inputs={"headers": told["headers"]}
    ), True
