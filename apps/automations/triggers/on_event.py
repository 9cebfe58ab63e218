"""`onEvent`: something was written to the catalogue. The only trigger of the Rely documents' automations."""

from typing import Any

from apps.automations.models import Type
from apps.automations.triggers.registry import Document, TriggerKind

# Scorecards and references are kept as they are written; it is not this trigger that would run them.
STORED_WITH = frozenset({Type.AUTOMATION, Type.SCORECARD, Type.REFERENCE})
ACTIONS = ("create", "update", "delete", "addedAsSource")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["event"],
    "properties": {
        "event": {
            "type": "object",
            "required": ["resource", "action"],
            "properties": {
                "resource": {"enum": ["entity"]},
                "action": {"type": "array", "minItems": 1, "items": {"enum": list(ACTIONS)}},
            },
        }
    },
}


def events(document: Document) -> list[str]:
    event = document["event"]
    return [f"{event['resource']}.{action}" for action in event["action"]]


KIND = TriggerKind(name="onEvent", schema=SCHEMA, types=STORED_WITH, events=events)
