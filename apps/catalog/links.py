"""Keeps the lookup rows of entities as their sources and relations are."""

from collections.abc import Sequence
from typing import Any

from apps.catalog.models import Entity, EntityLink

BATCH = 1000
SOURCES = "sources"


def links_of(entity: Entity) -> set[tuple[str, bool, str]]:
    """(name, many, value) of each."""
    found = {(SOURCES, True, text) for text in entity.sources}
    for name, relation in entity.relations.items():
        value: Any = relation["value"]
        items = value if isinstance(value, list) else [] if value is None else [value]
        found |= {(f"relations/{name}", isinstance(value, list), item) for item in items}
    return found


def replace_links(entities: Sequence[Entity], *, new: bool) -> None:
    """Of entities whose sources or relations were written. `new` ones have none yet."""
    if not new and entities:
        EntityLink.objects.filter(entity__in=[entity.id for entity in entities]).delete()
    EntityLink.objects.bulk_create(
        [
            EntityLink(organization_id=entity.organization_id, entity=entity, name=name, many=many, value=value)
            for entity in entities
            for name, many, value in sorted(links_of(entity))
        ],
        batch_size=BATCH,
    )
