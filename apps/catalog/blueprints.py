"""Writing blueprints. A new schema is asked of the entities there are: one that they break is refused by name."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from apps.audit import services as audit
from apps.catalog import checks
from apps.catalog.documents import blueprint_document
from apps.catalog.models import Blueprint, Entity
from apps.core.actors import Actor, Verb
from apps.core.errors import ConflictError, ValidationError, ValidationErrors

DEFAULTS: dict[str, Any] = {
    "description": None, "icon": None, "is_active": True, "schema": {}, "options": {}, "relations": {},
}  # fmt: skip
TOLD = 5  # entities named in a refusal


def save_blueprint(
    *, actor: Actor, id: str, fields: Mapping[str, Any], blueprint: Blueprint | None = None
) -> Blueprint:
    """Creates, or replaces the given one. `fields`: title, description, icon, is_active, schema, options, relations;
    left out, they are their defaults. Raises ForbiddenError, ConflictError (the id is taken), ValidationErrors.
    """
    actor.require(Verb.EDIT)
    values = {**DEFAULTS, **fields}
    with transaction.atomic():
        row = _locked(blueprint) if blueprint else Blueprint(organization_id=actor.organization_id)
        is_new = blueprint is None
        check_blueprint(row, id, values, is_new=is_new)
        before = {} if is_new else blueprint_document(row)
        row.natural_id = id
        for name in ("title", *DEFAULTS):
            setattr(row, name, values[name])
        row.updated_by_id = actor.user_id
        if is_new:
            row.created_by_id = actor.user_id
        _save(row, is_new=is_new)
        changes = [] if is_new else audit.changes_between(before, blueprint_document(row))
        audit.record(
            actor=actor,
            event="create" if is_new else "update",
            resource_type="blueprint",
            resource_id=row.id,
            resource_name=row.natural_id,
            changes=changes,
        )
    return row


def check_blueprint(row: Blueprint, id: str, values: Mapping[str, Any], *, is_new: bool) -> None:
    errors = checks.collected(
        checks.check_id(id),
        checks.check_title(values["title"]),
        checks.check_keepable(
            schemaProperties=values["schema"], options=values["options"], relations=values["relations"]
        ),
        checks.check_schema(values["schema"], field="schemaProperties"),
        check_declared_relations(row.organization_id, id, values["relations"]),
    )
    if not is_new and id != row.natural_id:
        errors.append(checks.wrong("id", f"is {row.natural_id}, and stays"))
    if not errors and not is_new and values["schema"] != row.schema:
        errors += entities_against(row, values["schema"])
    if errors:
        raise ValidationErrors(errors)


def check_declared_relations(organization_id: uuid.UUID, id: str, relations: Any) -> list[ValidationError]:
    """Each says whose entities it leads to: `value`, a blueprint's id, this one's own included."""
    if not isinstance(relations, Mapping):
        return [checks.wrong("relations", "must be an object")]
    errors, named = [], {}
    for name, relation in relations.items():
        at = f"relations.{name}"
        if not isinstance(relation, Mapping):
            errors.append(checks.wrong(at, "must be an object"))
        elif not isinstance(relation.get("value"), str):
            errors.append(checks.wrong(f"{at}.value", "must be a blueprint's id"))
        elif relation["value"] != id:
            named[f"{at}.value"] = relation["value"]
    there = set(Blueprint.objects.of(organization_id).among(named.values()).values_list("natural_id", flat=True))
    errors += [
        checks.wrong(at, f"Blueprint with id {text} not found") for at, text in named.items() if text not in there
    ]
    return errors


def entities_against(row: Blueprint, schema: dict[str, Any]) -> list[ValidationError]:
    """Empty where all entities obey; else the first few that do not."""
    errors: list[ValidationError] = []
    for entity in Entity.objects.filter(blueprint=row).order_by("id").iterator(chunk_size=500):
        problem = next(iter(checks.check_properties(entity.properties, schema)), None)
        if problem is not None:
            errors.append(
                ValidationError(
                    f"schemaProperties: the entity {entity.natural_id} breaks it: {problem.message}",
                    field="schemaProperties",
                )
            )
        if len(errors) == TOLD:
            break
    return errors


def _locked(blueprint: Blueprint) -> Blueprint:
    row: Blueprint = Blueprint.objects.of(blueprint.organization_id).select_for_update().named(blueprint.natural_id)
    return row


def _save(row: Blueprint, *, is_new: bool) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=is_new)
    except IntegrityError:
        raise ConflictError(f"Blueprint with id {row.natural_id} already exists", field="id") from None


def delete_blueprint(*, actor: Actor, blueprint: Blueprint) -> None:
    """Raises ForbiddenError, ValidationError (has_dependents) while it has entities."""
    actor.require(Verb.DELETE)
    with transaction.atomic():
        row = _locked(blueprint)
        count = Entity.objects.filter(blueprint=row).count()
        if count:
            raise ValidationError(
                f"This blueprint describes {count} entities: delete them first.", code="has_dependents"
            )
        audit.record(
            actor=actor, event="delete", resource_type="blueprint", resource_id=row.id, resource_name=row.natural_id
        )
        row.delete()
