"""Storing rows: taken names and ids are conflicts, published versions stay as they are."""

from typing import Any, TypeVar

import orjson
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError

from apps.connectors.models import ComponentVersion, ConnectorVersion
from apps.core.errors import ConflictError, ValidationError

RowT = TypeVar("RowT", bound=models.Model)
VersionT = TypeVar("VersionT", ConnectorVersion, ComponentVersion)


def insert(row: RowT, *, taken: str) -> RowT:
    """Raises ConflictError: `taken` is said of its name."""
    if row.pk and type(row)._base_manager.filter(pk=row.pk).exists():
        raise ConflictError(f"The id {row.pk} is taken.", field="id")
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise ConflictError(taken, field="name") from None
    return row


def apply(row: RowT, fields: dict[str, Any], *, taken: str) -> RowT:
    for member, value in fields.items():
        setattr(row, member, value)
    try:
        with transaction.atomic():
            row.save(update_fields=[*fields, "updated_at"])
    except IntegrityError:
        raise ConflictError(taken, field="name") from None
    return row


def locked(row: RowT) -> RowT:
    """The row as it is now; nobody else changes or publishes it meanwhile."""
    found = type(row)._base_manager.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise ConflictError(f"{row} has just been deleted.")
    return found


def changes_of(row: VersionT, fields: dict[str, Any]) -> dict[str, Any]:
    """What would really change: everything for a draft. Raises ConflictError where a published version would."""
    if not row.published:
        return fields
    changed = {name: value for name, value in fields.items() if not same(getattr(row, name), value)}
    refused = sorted(changed.keys() - {"updated_by"})
    if refused:
        raise ConflictError(
            f"{row} is published and cannot change ({', '.join(refused)}): create a new version.", field="version"
        )
    return changed


def same(one: Any, other: Any) -> bool:
    if isinstance(one, models.Model) or isinstance(other, models.Model):
        return one == other
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def remove(row: models.Model, *, shown: str) -> None:
    """Raises ConflictError naming what uses it."""
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError as error:
        users = sorted({f"{found._meta.verbose_name} {found}" for found in list(error.protected_objects)[:10]})
        raise ConflictError(f"{shown} is used by {', '.join(users)}.", code="has_dependents") from None


def check_name(name: str, *, kind: str) -> None:
    if not name.strip():
        raise ValidationError(f"The {kind} needs a name.", field="name")
