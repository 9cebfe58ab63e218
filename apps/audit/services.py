"""Writing the change log: in the transaction of the change, with secrets masked already."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from apps.audit.models import AuditEntry
from apps.core.actors import Actor

MAX_CHANGES = 200
MAX_DEPTH = 6
MAX_VALUE = 200  # characters of a value that is a customer's


def record(
    *,
    actor: Actor,
    event: str,
    resource_type: str,
    resource_id: uuid.UUID,
    resource_name: str = "",
    integration_id: uuid.UUID | None = None,
    changes: list[dict[str, Any]] | None = None,
) -> AuditEntry:
    row = entry(
        actor=actor, event=event, resource_type=resource_type, resource_id=resource_id, resource_name=resource_name,
        integration_id=integration_id, changes=changes,
    )  # fmt: skip
    row.save(force_insert=True)
    return row


def record_many(entries: Sequence[AuditEntry]) -> None:
    AuditEntry.objects.bulk_create(entries, batch_size=500)


def entry(
    *,
    actor: Actor,
    event: str,
    resource_type: str,
    resource_id: uuid.UUID,
    resource_name: str = "",
    integration_id: uuid.UUID | None = None,
    changes: list[dict[str, Any]] | None = None,
) -> AuditEntry:
    """Not written yet: for `record_many`."""
    return AuditEntry(
        organization_id=actor.organization_id,
        event=event,
        resource_type=resource_type,
        resource_id=resource_id,
        resource_name=resource_name[:200],
        integration_id=integration_id,
        source=actor.source,
        user_id=actor.user_id,
        key_id=actor.key_id,
        changes=changes or [],
    )


def forget_values(*, resource_type: str, resource_ids: Sequence[uuid.UUID]) -> None:
    """Data that is to be gone is gone from the log too; who changed it, and when, stays."""
    edits = AuditEntry.objects.filter(resource_type=resource_type, resource_id__in=resource_ids, event="edit")
    edits.update(changes=[])


def shortened(change: dict[str, Any]) -> dict[str, Any]:
    """For values that are customers' data: enough of them to see what was changed."""
    return {key: cut(value) if key.endswith("Value") else value for key, value in change.items()}


def cut(value: Any) -> Any:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return value if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"


def changes_between(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """What differs, member by member; lists and what lies deep count as one value. At most MAX_CHANGES entries."""
    found = []
    for change in differences(old, new, "", 0):
        found.append(change)
        if len(found) == MAX_CHANGES:
            break
    return found


def differences(old: dict[str, Any], new: dict[str, Any], path: str, depth: int) -> Iterator[dict[str, Any]]:
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        if before == after and (key in old) == (key in new):
            continue
        at = f"{path}.{key}" if path else key
        if isinstance(before, dict) and isinstance(after, dict) and depth < MAX_DEPTH:
            yield from differences(before, after, at, depth + 1)
            continue
        change: dict[str, Any] = {"fieldPath": at}
        if key in old:
            change["oldValue"] = before
        if key in new:
            change["newValue"] = after
        yield change
