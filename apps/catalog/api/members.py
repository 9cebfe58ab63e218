"""From written bodies to what services take: the same members in both conventions."""

from collections.abc import Mapping
from typing import Any

from apps.wire.stamps import parse_stamp

ENTITY = {
    "blueprintId": "blueprint_id", "title": "title", "description": "description", "isActive": "is_active",
    "isHidden": "is_hidden", "properties": "properties", "relations": "relations", "sources": "sources",
}  # fmt: skip
SUGGESTION = {
    "title": "title", "description": "description", "originType": "origin_type", "originId": "origin_id",
    "sourceType": "source_type", "sourceId": "source_id", "sourceContext": "source_context",
    "targetType": "target_type", "targetId": "target_id", "targetContext": "target_context",
    "targetIdOverride": "target_id_override", "data": "data", "ignored": "ignored", "autoApply": "auto_apply",
}  # fmt: skip


def entity_members(body: Mapping[str, Any]) -> dict[str, Any]:
    """Of `save_entity`: what is null or left out is not said, but a description may be null."""
    said = {ENTITY[name]: value for name, value in body.items() if name in ENTITY}
    return {name: value for name, value in said.items() if value is not None or name == "description"}


def suggestion_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """Of `save_suggestion`."""
    fields = {SUGGESTION[name]: value for name, value in body.items() if name in SUGGESTION}
    applied = body.get("lastAppliedAt")
    return {**fields, "last_applied_at": parse_stamp(applied) if applied is not None else None}
