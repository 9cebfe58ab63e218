"""Rows as the Rely API shows them, which is what templates see too (`contracts/rely.openapi.yaml`)."""

import uuid
from typing import Any

from apps.catalog.models import Blueprint, CatalogRow, Entity, Suggestion
from apps.core.ids import whole_number
from apps.wire.stamps import stamp


def entity_document(entity: Entity) -> dict[str, Any]:
    return {
        "id": entity.natural_id,
        "blueprintId": entity.blueprint.natural_id,
        "title": entity.title,
        "description": entity.description,
        "isActive": entity.is_active,
        "isHidden": entity.is_hidden,
        "properties": entity.properties,
        "relations": entity.relations,
        "sources": entity.sources,
        **written(entity),
    }


def blueprint_document(blueprint: Blueprint) -> dict[str, Any]:
    return {
        "id": blueprint.natural_id,
        "title": blueprint.title,
        "description": blueprint.description,
        "icon": blueprint.icon,
        "schemaProperties": blueprint.schema,
        "isActive": blueprint.is_active,
        "options": blueprint.options,
        "relations": blueprint.relations,
    }


def suggestion_document(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "id": suggestion.natural_id,
        "title": suggestion.title,
        "description": suggestion.description,
        "originType": suggestion.origin_type,
        "originId": suggestion.origin_id,
        "sourceType": suggestion.source_type,
        "sourceId": suggestion.source_id,
        "sourceContext": suggestion.source_context,
        "targetType": suggestion.target_type,
        "targetId": suggestion.target_id,
        "targetContext": suggestion.target_context,
        "targetIdOverride": suggestion.target_id_override,
        "data": suggestion.data,
        "ignored": suggestion.ignored,
        "autoApply": suggestion.auto_apply,
        "lastAppliedAt": stamp(suggestion.last_applied_at),
        **written(suggestion),
        "additionalInfo": {"state": suggestion.state, "refreshedAt": stamp(suggestion.refreshed_at)},
    }


def written(row: CatalogRow) -> dict[str, Any]:
    """When and by whom; this API knows people by whole numbers, and the system by null."""
    return {
        "createdAt": stamp(row.created_at),
        "createdBy": person_number(row.created_by_id),
        "updatedAt": stamp(row.updated_at),
        "updatedBy": person_number(row.updated_by_id),
    }


def person_number(user_id: uuid.UUID | None) -> int | None:
    return whole_number(user_id) if user_id else None
