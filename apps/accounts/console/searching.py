"""Searches that stay fast in tables of millions: beginnings that an index finds, and names by way of few rows."""

import uuid
from typing import Any

from django.db import connection
from django.db.models import Q

from apps.accounts.console.names import kind_named, may_somewhere
from apps.core.actors import Actor

NAMED_AT_MOST = 50
LAST_CHARACTER = "\U0010ffff"


def begins_with(column: str, text: str) -> Q:
    """PostgreSQL finds it in an index with `varchar_pattern_ops`; SQLite, which orders by bytes, in any."""
    if connection.vendor == "sqlite":
        return Q(**{f"{column}__gte": text, f"{column}__lt": text + LAST_CHARACTER})
    return Q(**{f"{column}__startswith": text})


def ids_named(actor: Actor, kind: str, text: str) -> list[uuid.UUID]:
    """Of rows of a kind whose name holds the text, the newest first."""
    known = kind_named(kind)
    if known is None or not may_somewhere(actor, known.needs):
        return []
    rows: Any = known.model._default_manager.for_actor(actor)  # type: ignore[attr-defined]
    named = rows.filter(**{f"{known.field}__icontains": text}).order_by("-pk")
    return list(named.values_list("pk", flat=True)[:NAMED_AT_MOST])
