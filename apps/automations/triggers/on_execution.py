"""`onExecution`: something that Junction ran has ended: failed, succeeded or was canceled.

`of` narrows it: `kind` (flow, retry, automation, action, …) and `id`, that of the flow or automation. An automation is
never started by the end of its own runs, nor of what they have run; a circle of several ends at the cap of depth.
The run sees `data`: execution, kind, name, state, reason and errors.
"""

from typing import Any

from apps.automations.models import Automation, Type
from apps.automations.runs import KIND as RUN
from apps.automations.runs import MAX_DEPTH
from apps.automations.triggers.registry import Document, TriggerKind
from apps.core.ids import hex24, parse_id
from apps.events.models import Event
from apps.executions.models import Execution

STATES = ("failed", "succeeded", "canceled")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["state"],
    "properties": {
        "state": {"type": "array", "minItems": 1, "items": {"enum": list(STATES)}},
        "of": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {"kind": {"type": "string", "minLength": 1}, "id": {"type": "string", "minLength": 1}},
        },
    },
}


def events(document: Document) -> list[str]:
    return [f"execution.{state}" for state in document["state"]]


def accepts(automation: Automation, document: Document, event: Event) -> bool:
    if event.depth > MAX_DEPTH:  # the end of one that has failed at the cap: it would go on for ever
        return False
    wanted = document.get("of") or {}
    if wanted.get("kind") not in (None, event.subject_kind):
        return False
    if wanted.get("id") is not None and not is_of(event, wanted["id"]):
        return False
    return not is_own(automation, event)


def is_of(event: Event, text: str) -> bool:
    """By id in either spelling; an automation by the id its author gave it too."""
    row_id = parse_id(text)
    if row_id is not None and row_id == event.subject_id:
        return True
    if event.subject_kind != RUN or event.subject_id is None:
        return False
    return Automation.objects.filter(pk=event.subject_id, organization_id=event.organization_id, slug=text).exists()


def is_own(automation: Automation, event: Event) -> bool:
    if event.subject_kind == RUN and event.subject_id == automation.id:
        return True
    parent = parse_id(event.data.get("parent"))
    return parent is not None and Execution.objects.filter(pk=parent, kind=RUN, target_id=automation.id).exists()


def scope(event: Event) -> dict[str, Any]:
    ended = {"type": event.type, "id": hex24(event.id), "state": event.data.get("state")}
    return {"data": {**event.data, "targetId": event.subject_id and hex24(event.subject_id)}, "event": ended}


KIND = TriggerKind(
    name="onExecution", schema=SCHEMA, types=frozenset({Type.AUTOMATION}), events=events, accepts=accepts, scope=scope
)
