"""The shape of automations' documents as JSON Schema; `conditions` is what several kinds share."""

from typing import Any

from apps.automations.models import Type
from apps.engine.conditions.rely import OPERATORS

MOST_CONDITIONS = 100  # of one list: whoever dispatches an event asks those of triggers
MOST_TRIGGERS = 50
CONDITIONS: dict[str, Any] = {
    "type": ["array", "null"],
    "maxItems": MOST_CONDITIONS,
    "items": {
        "type": "object",
        "required": ["field", "operator"],
        "properties": {
            "field": {"type": "string", "minLength": 1},
            "expression": {"type": ["boolean", "null"]},
            "operator": {"enum": list(OPERATORS)},
        },
    },
}
ID = r"^([a-z0-9_.-]+)$"
MAX_ID = 200
OPTIONAL_TEXT: dict[str, Any] = {"type": ["string", "null"]}
OPTIONAL_OBJECT: dict[str, Any] = {"type": ["object", "null"]}
ACTION: dict[str, Any] = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string"},
        "id": OPTIONAL_TEXT,
        "title": OPTIONAL_TEXT,
        "description": OPTIONAL_TEXT,
        "conditions": CONDITIONS,
        "args": OPTIONAL_OBJECT,
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["id", "title", "type"],
    "properties": {
        "id": {"type": "string", "pattern": ID, "maxLength": MAX_ID},
        "title": {"type": "string"},
        "description": OPTIONAL_TEXT,
        "icon": OPTIONAL_TEXT,
        "isActive": {"type": "boolean"},
        "needsApproval": {"type": "boolean"},
        "order": {"type": ["integer", "null"], "minimum": -(2**31), "maximum": 2**31 - 1},
        "type": {"enum": list(Type.values)},
        "arguments": OPTIONAL_OBJECT,
        "secrets": OPTIONAL_OBJECT,
        "triggers": {
            "type": ["array", "null"],
            "maxItems": MOST_TRIGGERS,
            "items": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"type": "string"}, "conditions": CONDITIONS},
            },
        },
        "actions": {"type": ["array", "null"], "items": ACTION},
        "outputs": OPTIONAL_OBJECT,
        "tags": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "required": ["key", "value"],
                "properties": {"key": {"type": "string"}, "value": {"type": "string"}},
            },
        },
        "concurrencyKey": OPTIONAL_TEXT,
        "approval": OPTIONAL_OBJECT,  # whom `needsApproval` asks: apps.automations.approvals.policy
    },
}
