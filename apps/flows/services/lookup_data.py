"""What stands in lookup caches: 50 MB each, 1 GB an organization, 1,000 keys a call. Nothing refreshes them.

The surprise: values are kept as JSON text, so a text and a number read back as they were written.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Left

from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError, ValidationError
from apps.flows.models import LookupCache, LookupEntry

KEYS_PER_CALL = 1000
MAX_CACHE = 50_000_000
MAX_ORGANIZATION = 1_000_000_000
MAX_KEY = 500


def upsert_data(*, actor: Actor, cache: LookupCache, entries: Iterable[Mapping[str, Any]]) -> int:
    """Of several entries with one key the last counts. Raises ValidationError when a cache would grow too large."""
    actor.require(Verb.EDIT, integration_id=cache.integration_id)
    wanted = {entry["key"]: orjson.dumps(entry["value"]).decode() for entry in entries}
    with transaction.atomic():
        row = locked(cache)
        known = LookupEntry.objects.filter(cache=row, key__in=list(wanted)).values_list("key", "value")
        grown = sum(size_of(key, value) for key, value in wanted.items()) - sum(size_of(k, v) for k, v in known)
        grow(row, by=grown)
        LookupEntry.objects.bulk_create(
            [LookupEntry(cache=row, key=key, value=value) for key, value in sorted(wanted.items())],
            update_conflicts=True, unique_fields=["cache", "key"], update_fields=["value"],
        )  # fmt: skip
    return len(wanted)


def delete_data(*, actor: Actor, cache: LookupCache, keys: list[str]) -> int:
    """Unknown keys are gone already."""
    actor.require(Verb.EDIT, integration_id=cache.integration_id)
    with transaction.atomic():
        row = locked(cache)
        found = dict(LookupEntry.objects.filter(cache=row, key__in=keys).values_list("key", "value"))
        LookupEntry.objects.filter(cache=row, key__in=list(found)).delete()
        grow(row, by=-sum(size_of(key, value) for key, value in found.items()))
    return len(found)


def purge_data(*, actor: Actor, cache: LookupCache) -> int:
    actor.require(Verb.EDIT, integration_id=cache.integration_id)
    with transaction.atomic():
        row = locked(cache)
        entries = LookupEntry.objects.filter(cache=row)
        deleted = int(entries._raw_delete(entries.db))  # nothing hangs on an entry
        grow(row, by=-row.size)
    return deleted


def read_data(
    *, cache: LookupCache, keys: list[str] | None = None, starts_with: str = "", after: str = ""
) -> list[dict[str, Any]]:
    """At most 1,000 entries in the order of their keys; the next ones come `after` the last key."""
    rows: QuerySet[LookupEntry] = LookupEntry.objects.filter(cache=cache)
    if keys is not None:
        rows = rows.filter(key__in=keys)
    if starts_with:  # not LIKE, which knows no capitals on SQLite
        rows = rows.annotate(start=Left("key", len(starts_with))).filter(start=starts_with)
    if after:
        rows = rows.filter(key__gt=after)
    found = rows.order_by("key").values_list("key", "value")[:KEYS_PER_CALL]
    return [{"key": key, "value": orjson.loads(value)} for key, value in found]


def values_of(*, organization_id: uuid.UUID, cache_id: uuid.UUID, keys: Iterable[str]) -> dict[str, Any]:
    """What a run finds: one query a thousand keys."""
    wanted, found = list(keys), {}
    rows = LookupEntry.objects.filter(cache_id=cache_id, cache__organization_id=organization_id)
    for first in range(0, len(wanted), KEYS_PER_CALL):
        some = rows.filter(key__in=wanted[first : first + KEYS_PER_CALL]).values_list("key", "value")
        found.update({key: orjson.loads(value) for key, value in some})
    return found


def locked(cache: LookupCache) -> LookupCache:
    row = LookupCache.objects.filter(pk=cache.pk).select_for_update().first()
    if row is None:
        raise NotFoundError(f"Lookup cache {cache.hex_id} was not found.")
    return row


def grow(row: LookupCache, *, by: int) -> None:
    """Raises ValidationError when it, or all of the organization's together, would be too large."""
    size = max(row.size + by, 0)
    if by > 0:
        if size > MAX_CACHE:
            raise ValidationError(f"A lookup cache holds at most {MAX_CACHE // 1_000_000} MB.", field="data")
        others = LookupCache.objects.filter(organization_id=row.organization_id).exclude(pk=row.pk)
        if size + (others.aggregate(total=Sum("size"))["total"] or 0) > MAX_ORGANIZATION:
            raise ValidationError("The lookup caches of an organization hold at most 1 GB together.", field="data")
    LookupCache.objects.filter(pk=row.pk).update(size=size)


def size_of(key: str, value: str) -> int:
    return len(key.encode()) + len(value.encode())
