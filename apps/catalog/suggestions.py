"""Suggestions: offered by automations, written by people, applied, ignored (`contracts/rely_giosg.md`, Suggestions)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from apps.audit import services as audit
from apps.catalog import checks, services
from apps.catalog.documents import entity_document, suggestion_document
from apps.catalog.drafting import KEEP, EntityWrite, same
from apps.catalog.models import Entity, Suggestion
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.core.errors import BadRequestError, ConflictError, ValidationError, ValidationErrors
from apps.core.ids import hex24, new_id

ATTEMPTS = 3
WRITABLE = (
    "title", "description", "origin_type", "origin_id", "source_type", "source_id", "source_context", "target_type",
    "target_id", "target_context", "target_id_override", "data", "ignored", "auto_apply", "last_applied_at",
)  # fmt: skip
DEFAULTS: dict[str, Any] = {
    "description": None, "origin_type": "automation", "source_type": "entity", "source_context": None,
    "target_type": "entity", "target_context": None, "target_id_override": None, "data": None, "ignored": False,
    "auto_apply": False, "last_applied_at": None,
}  # fmt: skip


@dataclass(frozen=True)
class Applied:
    """The states are entities as the API shows them; `previous_state` is None where there was no target."""

    dry_run: bool
    ignored: bool
    previous_state: dict[str, Any] | None
    new_state: dict[str, Any] | None
    change: str | None = None


@dataclass(frozen=True)
class Offered:
    """`change` is "create", "refresh", or None where the same was offered before; `applied` where autoApply is on."""

    suggestion: Suggestion
    change: str | None
    applied: Applied | None = None


def offer(*, origin_id: str, source: Entity, data: Mapping[str, Any], depth: int = 0) -> Offered:
    """Writes or refreshes the suggestion of (origin, source, target), for an automation. Applies it at once when it is
    not ignored and autoApply is on. `data`: {id, title, blueprintId, description, properties, relations}.
    """
    target_id = data.get("id")
    errors = checks.collected(checks.check_id(target_id), checks.check_keepable(data=data))
    if errors:
        raise ValidationErrors(errors)
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return _offer(source, origin_id=origin_id, target_id=str(target_id), data=dict(data), depth=depth)
        except IntegrityError:  # the same was offered meanwhile: refresh it
            if attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _offer(source: Entity, *, origin_id: str, target_id: str, data: dict[str, Any], depth: int) -> Offered:
    organization_id = source.organization_id
    rows = Suggestion.objects.of(organization_id).select_for_update()
    row = rows.filter(origin_id=origin_id, source_id=source.natural_id, target_id=target_id).first()
    if row is not None and same(row.data, data):
        return Offered(row, None)
    is_new = row is None
    if row is None:
        made = new_id()
        row = Suggestion(
            id=made, organization_id=organization_id, natural_id=hex24(made), origin_id=origin_id,
            source_id=source.natural_id, target_id=target_id,
        )  # fmt: skip
    target = Entity.objects.of(organization_id).among([target_id]).shown().first()
    row.title = (str(data.get("title") or "") or target_id)[: checks.MAX_TITLE]
    row.source_context, row.target_context = context_of(source), context_of(target)
    row.data, row.refreshed_at = data, clock.now()
    row.updated_by_id = None
    row.save(force_insert=is_new)
    change = "create" if is_new else "refresh"
    if row.auto_apply and not row.ignored:
        return Offered(row, change, _apply(row, actor=None, target_id=effective_target(row), depth=depth))
    return Offered(row, change)


def context_of(entity: Entity | None) -> dict[str, Any] | None:
    if entity is None:
        return None
    return {"id": entity.natural_id, "blueprintId": entity.blueprint.natural_id, "title": entity.title}


def apply_suggestion(
    *,
    actor: Actor,
    suggestion: Suggestion,
    target_id_override: str | None = None,
    dry_run: bool = False,
) -> Applied:
    """Writes `data` to the target: the given override, else the stored one, else targetId. As often as one likes.

    An ignored one writes nothing, a dry run computes both states. Raises ForbiddenError, NotFoundError,
    BadRequestError (the override names no entity), ValidationErrors.
    """
    actor.require(Verb.EDIT)
    with transaction.atomic():
        row = Suggestion.objects.of(actor.organization_id).select_for_update().named(suggestion.natural_id)
        if row.ignored:
            return Applied(dry_run, True, None, None)
        target_id = effective_target(row, target_id_override)
        if dry_run:
            return Applied(True, False, *preview(row, target_id))
        applied = _apply(row, actor=actor, target_id=target_id, depth=0)
        _note(actor, "apply", row)
        return applied


def preview_suggestion(suggestion: Suggestion) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """(before, after) of applying it as it stands, nothing written. Raises as applying would."""
    return preview(suggestion, effective_target(suggestion))


def preview(row: Suggestion, target_id: str) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    write = write_of(row, target_id)
    return services.preview_entity(organization_id=row.organization_id, write=write, merge=True)


def effective_target(row: Suggestion, override: str | None = None) -> str:
    """Raises BadRequestError: an override names an entity that is there."""
    chosen = override or row.target_id_override
    if chosen and not Entity.objects.of(row.organization_id).among([chosen]).exists():
        raise BadRequestError(f"Entity with id {chosen} not found", field="targetIdOverride")
    return chosen or row.target_id


def _apply(row: Suggestion, *, actor: Actor | None, target_id: str, depth: int) -> Applied:
    write = write_of(row, target_id)
    target = Entity.objects.of(row.organization_id).among([target_id]).shown().first()
    before = entity_document(target) if target else None
    saved = services.save_entities(
        organization_id=row.organization_id, actor=actor, writes=[write], merge=True, depth=depth
    )[0]
    row.last_applied_at = clock.now()
    row.save(update_fields=["last_applied_at", "updated_at"])
    return Applied(False, False, before, entity_document(saved.entity), saved.change)


def write_of(row: Suggestion, target_id: str) -> EntityWrite:
    """What applying writes. Raises ValidationError where `data` is none."""
    data = row.data
    if not isinstance(data, dict):
        raise ValidationError("data: there is nothing to apply", field="data")
    source = Entity.objects.of(row.organization_id).among([row.source_id]).shown().first()
    return EntityWrite(
        id=target_id,
        blueprint_id=data.get("blueprintId"),
        title=data.get("title"),
        description=data.get("description", KEEP),
        is_active=data.get("isActive", KEEP),
        is_hidden=data.get("isHidden", KEEP),
        properties=data.get("properties"),
        relations=data.get("relations"),
        source=f"{source.blueprint.natural_id}.{source.natural_id}" if source else None,
        origin=row.origin_id,
    )


def save_suggestion(
    *, actor: Actor, id: str | None, fields: Mapping[str, Any], must_be_new: bool = False
) -> tuple[Suggestion, bool]:
    """Creates or replaces one: (row, is new). `fields` are columns (WRITABLE); left out, they are their defaults.

    Raises ForbiddenError, ConflictError (`must_be_new`, or another one for the same change), ValidationErrors.
    """
    actor.require(Verb.EDIT)
    values = {**DEFAULTS, **fields}
    made = new_id()
    natural_id = id if id is not None else hex24(made)
    with transaction.atomic():
        rows = Suggestion.objects.of(actor.organization_id).select_for_update()
        row = rows.filter(natural_id=natural_id).first()
        if row is not None and must_be_new:
            raise ConflictError(f"Suggestion with id {natural_id} already exists", field="id")
        is_new = row is None
        before = {} if row is None else suggestion_document(row)
        check_suggestion(actor.organization_id, natural_id, values, row)
        if row is None:
            row = Suggestion(
                id=made, organization_id=actor.organization_id, natural_id=natural_id, created_by_id=actor.user_id
            )
        if is_new or not same(row.data, values["data"]):
            row.refreshed_at = clock.now()
        for name in WRITABLE:
            setattr(row, name, values[name])
        row.updated_by_id = actor.user_id
        _save(row, is_new=is_new)
        changes = [] if is_new else audit.changes_between(before, suggestion_document(row))
        _note(actor, "create" if is_new else "update", row, changes=[audit.shortened(change) for change in changes])
    return row, is_new


def check_suggestion(
    organization_id: uuid.UUID, natural_id: str, values: Mapping[str, Any], row: Suggestion | None
) -> None:
    errors = checks.collected(
        checks.check_id(natural_id),
        checks.check_title(values["title"]),
        checks.check_keepable(
            data=values["data"], sourceContext=values["source_context"], targetContext=values["target_context"]
        ),
        checks.check_id(values["target_id"], field="targetId"),
    )
    names = {"sourceId": values["source_id"], "targetIdOverride": values["target_id_override"] or None}
    old = {"sourceId": row.source_id, "targetIdOverride": row.target_id_override} if row else {}
    wanted = {field: name for field, name in names.items() if name is not None and name != old.get(field)}
    there = set(Entity.objects.of(organization_id).among(wanted.values()).values_list("natural_id", flat=True))
    errors += [
        checks.wrong(field, f"Entity with id {name} not found") for field, name in wanted.items() if name not in there
    ]
    if errors:
        raise ValidationErrors(errors)


def _save(row: Suggestion, *, is_new: bool) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=is_new)
    except IntegrityError:
        raise ConflictError(
            f"Another suggestion of {row.origin_id} for {row.target_id} from {row.source_id} already exists",
            field="targetId",
        ) from None


def set_ignored(*, actor: Actor, suggestion: Suggestion, ignored: bool) -> Suggestion:
    """Nothing of an ignored one is applied, by itself or by hand."""
    return _set(actor, suggestion, column="ignored", member="ignored", value=ignored)


def set_auto_apply(*, actor: Actor, suggestion: Suggestion, auto_apply: bool) -> Suggestion:
    """Whether later refreshes are written at once."""
    return _set(actor, suggestion, column="auto_apply", member="autoApply", value=auto_apply)


def _set(actor: Actor, suggestion: Suggestion, *, column: str, member: str, value: bool) -> Suggestion:
    actor.require(Verb.EDIT)
    with transaction.atomic():
        row: Suggestion = Suggestion.objects.of(actor.organization_id).select_for_update().named(suggestion.natural_id)
        if getattr(row, column) != value:
            setattr(row, column, value)
            row.updated_by_id = actor.user_id
            row.save(update_fields=[column, "updated_by", "updated_at"])
            change = {"fieldPath": member, "oldValue": not value, "newValue": value}
            _note(actor, "update", row, changes=[change])
    return row


def delete_suggestion(*, actor: Actor, suggestion: Suggestion) -> None:
    actor.require(Verb.DELETE)
    with transaction.atomic():
        _note(actor, "delete", suggestion)
        suggestion.delete()


def _note(actor: Actor, event: str, row: Suggestion, *, changes: list[dict[str, Any]] | None = None) -> None:
    audit.record(
        actor=actor,
        event=event,
        resource_type="suggestion",
        resource_id=row.id,
        resource_name=row.title,
        changes=changes,
    )
