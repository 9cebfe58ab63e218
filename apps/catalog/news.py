"""The events that writes of entities make, in their transaction: what automations listen to."""

import uuid
from collections.abc import Iterable, Sequence

from apps.catalog.documents import entity_document
from apps.catalog.models import Entity
from apps.events.services import News, emit_many

SUBJECT = "entity"
CREATE, UPDATE, DELETE, ADDED_AS_SOURCE = "create", "update", "delete", "addedAsSource"


def entity_news(entity: Entity, action: str) -> News:
    """`data`: {resource, action, blueprintId, data}, where `data` is the entity after the write (before a delete)."""
    return News(
        type=f"{SUBJECT}.{action}",
        subject_kind=SUBJECT,
        subject_id=entity.id,
        data={
            "resource": SUBJECT,
            "action": action,
            "blueprintId": entity.blueprint.natural_id,
            "data": entity_document(entity),
        },
    )


def tell(*, organization_id: uuid.UUID, news: Sequence[News], depth: int) -> None:
    emit_many(organization_id=organization_id, news=news, depth=depth)


def source_entities(organization_id: uuid.UUID, sources: Iterable[str]) -> list[Entity]:
    """The entities that texts "<blueprintId>.<entityId>" name, in their order. Both ids may hold dots."""
    wanted = list(dict.fromkeys(sources))
    endings = {ending for text in wanted for ending in possible_ids(text)}
    found = {
        f"{entity.blueprint.natural_id}.{entity.natural_id}": entity
        for entity in Entity.objects.of(organization_id).among(endings).shown()
    }
    return [found[text] for text in wanted if text in found]


def possible_ids(source: str) -> list[str]:
    parts = source.split(".")
    return [".".join(parts[first:]) for first in range(1, len(parts))]
