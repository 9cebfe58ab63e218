"""Writing entities, one or ten thousand: what changes nothing writes nothing and tells nobody."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from apps.audit import services as audit
from apps.catalog import checks, news
from apps.catalog.documents import entity_document
from apps.catalog.drafting import KEEP, MANUAL, EntityWrite, Kept, sources_of_fields
from apps.catalog.models import Blueprint, Entity
from apps.catalog.saving import Saved, Saving, batches
from apps.core.actors import Actor, Verb
from apps.core.errors import ValidationErrors

__all__ = [
    "KEEP", "MANUAL", "EntityWrite", "Saved", "delete_entity", "edit_entity", "preview_entity", "release_field",
    "save_entities", "save_entity",
]  # fmt: skip


def save_entity(
    *,
    organization_id: uuid.UUID,
    actor: Actor | None,
    id: str,
    blueprint_id: str | None = None,
    title: str | None = None,
    description: str | Kept | None = KEEP,
    is_active: bool | Kept = KEEP,
    is_hidden: bool | Kept = KEEP,
    properties: Mapping[str, Any] | None = None,
    relations: Mapping[str, Any] | None = None,
    sources: Sequence[str] | None = None,
    source: str | None = None,
    origin: str = "",
    merge: bool = False,
    depth: int = 0,
    must_be_new: bool = False,
) -> Saved:
    """Creates or updates one entity; see EntityWrite for the members and `save_entities` for the rest."""
    write = EntityWrite(
        id=id, blueprint_id=blueprint_id, title=title, description=description, is_active=is_active,
        is_hidden=is_hidden, properties=properties, relations=relations, sources=sources, source=source, origin=origin,
    )  # fmt: skip
    [saved] = save_entities(
        organization_id=organization_id, actor=actor, writes=[write], merge=merge, depth=depth, must_be_new=must_be_new
    )
    return saved


def save_entities(
    *,
    organization_id: uuid.UUID,
    actor: Actor | None,
    writes: Sequence[EntityWrite],
    merge: bool = False,
    depth: int = 0,
    must_be_new: bool = False,
) -> list[Saved]:
    """All or none, in order. `merge` lays properties and relations over what is there; without it they replace it.

    No actor is the system. A write without `origin` by an actor is by hand. Raises ForbiddenError, ConflictError
    (`must_be_new`), BadRequestError for an unknown blueprint, ValidationErrors.
    """
    if actor is not None:
        actor.require(Verb.EDIT)
    saving = Saving(organization_id=organization_id, actor=actor, merge=merge, depth=depth, must_be_new=must_be_new)
    with transaction.atomic():
        return [saved for some in batches(writes) for saved in saving.save(some)]


def preview_entity(
    *, organization_id: uuid.UUID, write: EntityWrite, merge: bool
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """(before, after) as documents, nothing written. Raises as `save_entity` would."""
    row = Entity.objects.of(organization_id).among([write.id]).shown().first()
    before = entity_document(row) if row else None
    named = Blueprint.objects.of(organization_id).among([write.blueprint_id or ""])
    blueprints = {blueprint.natural_id: blueprint for blueprint in named}
    saving = Saving(organization_id=organization_id, actor=None, merge=merge)
    return before, entity_document(saving.draft(write, row, blueprints).row)


def delete_entity(*, organization_id: uuid.UUID, actor: Actor | None, id: str, depth: int = 0) -> None:
    """What names it stays as it is: relations may lead nowhere. Raises NotFoundError, ForbiddenError."""
    if actor is not None:
        actor.require(Verb.DELETE)
    with transaction.atomic():
        row = Entity.objects.of(organization_id).shown().select_for_update(of=("self",)).named(id)
        news.tell(organization_id=organization_id, news=[news.entity_news(row, news.DELETE)], depth=depth)
        if actor is not None:
            audit.record(
                actor=actor, event="delete", resource_type="entity", resource_id=row.id, resource_name=row.natural_id
            )
        row.delete()


def edit_entity(*, actor: Actor, entity: Entity, id: str, field_sources: Mapping[str, Any], **members: Any) -> Saved:
    """Replaces one by hand; `members` are those of `save_entity`. Fields that `field_sources` calls "Manual" are taken
    over from their rules first. Raises ForbiddenError, ValidationErrors.
    """
    actor.require(Verb.EDIT)
    now = sources_of_fields(entity)
    changed = {path: source for path, source in field_sources.items() if source != now.get(path, MANUAL)}
    errors = [
        checks.wrong(f"fieldSources.{path}", f'may be changed to "{MANUAL}" alone')
        for path, source in changed.items()
        if source != MANUAL
    ]
    if id != entity.natural_id:
        errors.append(checks.wrong("id", f"is {entity.natural_id}, and stays"))
    if errors:
        raise ValidationErrors(errors)
    with transaction.atomic():
        for path in changed:
            release_field(actor=actor, entity=entity, path=path)
        return save_entity(organization_id=actor.organization_id, actor=actor, id=id, **members)


def release_field(*, actor: Actor, entity: Entity, path: str) -> Entity:
    """A rule's field becomes a person's: its source is "Manual" until a rule changes it again."""
    actor.require(Verb.EDIT)
    with transaction.atomic():
        row = Entity.objects.of(actor.organization_id).shown().select_for_update(of=("self",)).named(entity.natural_id)
        if path not in row.field_sources:
            raise checks.wrong(path, f'its source is "{MANUAL}" already')
        origin = row.field_sources.pop(path)
        row.save(update_fields=["field_sources", "updated_at"])
        audit.record(
            actor=actor,
            event="update",
            resource_type="entity",
            resource_id=row.id,
            resource_name=row.natural_id,
            changes=[{"fieldPath": f"fieldSources.{path}", "oldValue": origin, "newValue": MANUAL}],
        )
    return row
