"""Finding entities by Rely's condition lists in the slash dialect: `{field: "relations/teams/value", operator, value}`.

One statement whatever the number of entities: the database narrows, the engine decides.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from apps.catalog.documents import entity_document
from apps.catalog.links import SOURCES
from apps.catalog.models import Entity, EntityLink
from apps.catalog.narrowing import all_narrowed
from apps.engine.conditions.rely import Conditions

__all__ = ["each_matching", "entities_by_source", "entity_document", "matching_entities"]

CHUNK = 500


def matching_entities(
    organization_id: uuid.UUID,
    *,
    conditions: Conditions | None = None,
    scope: Any = None,
    blueprint_id: str | None = None,
    limit: int | None = None,
    after: uuid.UUID | None = None,
) -> list[Entity]:
    """In the order they were made, at most `limit`, those that come after a row's id. `conditions` are compiled with
    `dialect="slash"`; their values are rendered against `scope` once.
    """
    found: list[Entity] = []
    if limit is not None and limit <= 0:
        return found
    for entity in each_matching(
        organization_id, conditions=conditions, scope=scope, blueprint_id=blueprint_id, after=after
    ):
        found.append(entity)
        if len(found) == limit:
            break
    return found


def each_matching(
    organization_id: uuid.UUID,
    *,
    conditions: Conditions | None = None,
    scope: Any = None,
    blueprint_id: str | None = None,
    after: uuid.UUID | None = None,
) -> Iterator[Entity]:
    """As `matching_entities`, some at a time in memory."""
    rows = Entity.objects.of(organization_id).shown().order_by("id")
    if blueprint_id is not None:
        rows = rows.filter(blueprint__natural_id=blueprint_id)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    holds = None
    if conditions is not None:
        rendered = conditions.rendered(scope)
        rows = rows.filter(*all_narrowed(rendered))
        holds = conditions.bind(scope)
    for entity in rows.iterator(chunk_size=CHUNK):
        if holds is None or holds(entity_document(entity)):
            yield entity


def entities_by_source(
    organization_id: uuid.UUID, *, source_blueprint_id: str, target_blueprint_id: str, entity_ids: Sequence[str]
) -> list[Entity]:
    """The entities of one blueprint that any of the given entities of another feeds, in the order they were made."""
    sources = [f"{source_blueprint_id}.{entity_id}" for entity_id in entity_ids]
    fed = EntityLink.objects.filter(organization_id=organization_id, name=SOURCES, value__in=sources)
    rows = Entity.objects.of(organization_id).filter(
        blueprint__natural_id=target_blueprint_id, pk__in=fed.values("entity_id")
    )
    return list(rows.shown().order_by("id"))
