"""A batch of entity writes: read what is there, draft, keep with the lookup rows, tell, audit; a few statements each.

Bulk is the only way there is: one entity is a batch of one.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.audit import services as audit
from apps.catalog import checks, news
from apps.catalog.drafting import Draft, EntityWrite, draft
from apps.catalog.links import replace_links
from apps.catalog.models import Blueprint, Entity
from apps.core.actors import Actor
from apps.core.errors import BadRequestError, ConflictError, ValidationErrors
from apps.core.ids import new_id

CHUNK = 1000
ATTEMPTS = 3
COLUMNS = [
    "title", "description", "is_active", "is_hidden", "properties", "relations", "sources", "field_sources",
    "updated_by", "updated_at",
]  # fmt: skip


@dataclass(frozen=True)
class Saved:
    """`change` is "create", "update", or None: it was so already, nothing was written and nothing told."""

    entity: Entity
    change: str | None


def batches(writes: Sequence[EntityWrite]) -> list[list[EntityWrite]]:
    """At most CHUNK each, no entity twice in one."""
    found: list[list[EntityWrite]] = []
    ids: set[str] = set()
    for write in writes:
        if not found or len(found[-1]) == CHUNK or write.id in ids:
            found.append([])
            ids = set()
        found[-1].append(write)
        ids.add(write.id)
    return found


@dataclass(frozen=True, kw_only=True)
class Saving:
    """How a batch is saved; the parameters are those of `services.save_entities`."""

    organization_id: uuid.UUID
    actor: Actor | None
    merge: bool
    depth: int = 0
    must_be_new: bool = False

    def save(self, writes: list[EntityWrite]) -> list[Saved]:
        """Again from the start where somebody else created one of them meanwhile."""
        for attempt in range(ATTEMPTS):
            drafts = self.drafts(writes)
            try:
                with transaction.atomic():
                    keep(drafts)
            except IntegrityError:
                if attempt + 1 == ATTEMPTS:
                    raise ConflictError("Somebody else is writing the same entities. Try again.") from None
                continue
            break
        self.tell(drafts, writes)
        if self.actor is not None:
            audit.record_many([entry_of(self.actor, made) for made in drafts if made.change])
        return [Saved(made.row, made.change) for made in drafts]

    def drafts(self, writes: list[EntityWrite]) -> list[Draft]:
        rows = Entity.objects.of(self.organization_id).among(one.id for one in writes if isinstance(one.id, str))
        # In one order, so that two that write the same entities do not wait for each other.
        there = {row.natural_id: row for row in rows.select_for_update().order_by("natural_id")}
        names = {one.blueprint_id for one in writes if isinstance(one.blueprint_id, str)}
        named = Q(natural_id__in=names) | Q(pk__in={row.blueprint_id for row in there.values()})
        blueprints = {row.natural_id: row for row in Blueprint.objects.of(self.organization_id).filter(named)}
        by_key = {row.pk: row for row in blueprints.values()}
        for row in there.values():
            row.blueprint = by_key[row.blueprint_id]  # each is read once, not with every entity
        if self.must_be_new and there:
            raise ConflictError(f"Entity with id {min(there)} already exists", field="id")
        return [self.draft(write, there.get(write.id), blueprints) for write in writes]

    def draft(self, write: EntityWrite, row: Entity | None, blueprints: Mapping[str, Blueprint]) -> Draft:
        """Raises BadRequestError (the blueprint), ValidationErrors."""
        errors = checks.collected(checks.check_id(write.id))
        if errors:
            raise ValidationErrors(errors)
        blueprint = find_blueprint(write, row, blueprints)
        person = self.actor.user_id if self.actor else None
        by_hand = self.actor is not None and not write.origin
        is_new = row is None
        if row is None:
            row = Entity(id=new_id(), organization_id=self.organization_id, natural_id=write.id, blueprint=blueprint)
            row.created_by_id = person
        made = draft(write, row=row, is_new=is_new, blueprint=blueprint, merge=self.merge, by_hand=by_hand)
        if made.change:
            row.updated_by_id = person
        return made

    def tell(self, drafts: list[Draft], writes: list[EntityWrite]) -> None:
        told = [news.entity_news(made.row, made.change) for made in drafts if made.change]
        added = [one.source for made, one in zip(drafts, writes, strict=True) if made.new_source and one.source]
        if added:
            sources = news.source_entities(self.organization_id, added)
            told += [news.entity_news(entity, news.ADDED_AS_SOURCE) for entity in sources]
        news.tell(organization_id=self.organization_id, news=told, depth=self.depth)


def find_blueprint(write: EntityWrite, row: Entity | None, blueprints: Mapping[str, Blueprint]) -> Blueprint:
    if write.blueprint_id is None and row is not None:
        return row.blueprint
    found = blueprints.get(write.blueprint_id or "")
    if found is None:
        raise BadRequestError(f"Blueprint with id {write.blueprint_id} not found", field="blueprintId")
    if row is not None and row.blueprint_id != found.id:
        raise BadRequestError(
            f"Entity with id {write.id} is of the blueprint {row.blueprint.natural_id}, which stays",
            field="blueprintId",
        )
    return found


def keep(drafts: list[Draft]) -> None:
    new = [made.row for made in drafts if made.change == "create"]
    old = [made.row for made in drafts if made.change == "update"]
    Entity.objects.bulk_create(new)
    born = [row.created_at for row in old]
    Entity.objects.bulk_create(old, update_conflicts=True, unique_fields=["id"], update_fields=COLUMNS)
    for row, moment in zip(old, born, strict=True):
        row.created_at = moment  # the statement leaves it alone, the instance was stamped
    replace_links(new, new=True)
    replace_links([made.row for made in drafts if made.change == "update" and moves_links(made)], new=False)


def moves_links(made: Draft) -> bool:
    return any(path == "sources" or path.startswith("relations.") for path in made.changed)


def entry_of(actor: Actor, made: Draft) -> audit.AuditEntry:
    """The paths that changed; the values are the catalogue's, and in its events."""
    changes = [{"fieldPath": path} for path in made.changed[: audit.MAX_CHANGES]] if made.change == "update" else []
    return audit.entry(
        actor=actor,
        event=made.change or "",
        resource_type="entity",
        resource_id=made.row.id,
        resource_name=made.row.natural_id,
        changes=changes,
    )
