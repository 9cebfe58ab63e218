"""Names and pages of what alarms are about, by kind and id, as the console knows them."""

import uuid

from django.conf import settings

from apps.accounts.console.names import change_url, kind_named
from apps.core.ids import hex24, parse_id


def name_of(kind: str, row_id: uuid.UUID | None) -> str:
    known = kind_named(kind)
    if known is None or row_id is None:
        return hex24(row_id) if row_id else kind
    name = known.model._default_manager.filter(pk=row_id).values_list(known.field, flat=True).first()
    return str(name or hex24(row_id))


def page_url(kind: str, row_id: object) -> str:
    """The console's page; without JUNCTION_PUBLIC_URL, its path alone. Empty for what has none."""
    path = page_path(kind, row_id)
    return public(path) if path else ""


def page_path(kind: str, row_id: object) -> str:
    known, parsed = kind_named(kind), parse_id(row_id)
    return change_url(known.model, parsed) if known and parsed else ""


def public(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"
