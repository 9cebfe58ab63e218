"""Which ids a document names, and whether its writer may name them. Ids stand in members such as `_exportId`."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from apps.core.actors import Actor
from apps.core.errors import ValidationError
from apps.core.ids import hex24, parse_id
from apps.core.models import OrganizationRow
from apps.integrations.models import Reference

MEMBERS = {
    "_integrationId": "integration",
    "_parentId": "integration",
    "_connectionId": "connection",
    "_borrowConcurrencyFromConnectionId": "connection",
    "_exportId": "export",
    "_keepDeltaBehindExportId": "export",
    "_importId": "import",
    "_scriptId": "script",
    "_flowId": "flow",
    "_keepDeltaBehindFlowId": "flow",
    "_abstractFlowId": "flow",
    "_runNextFlowIds": "flow",
    "_lookupCacheId": "lookupcache",
    "_automationId": "automation",
    # Kinds of the documented service that stand outside this product: no id of theirs can be resolved.
    "_agentId": "agent",
    "_stackId": "stack",
    "_iClientId": "iclient",
    "_asyncHelperId": "asynchelper",
    "_fileDefinitionId": "filedefinition",
}
# What a writer may fill as they like: an id in there is data.
FREE = frozenset(
    [
        "settings",
        "settingsForm",
        "sampleData",
        "rawData",
        "mockOutput",
        "mockResponse",
        "form",
        "overrides",
        "configuration",
        "formVal",
        "map",
        "encrypted",
        "unencrypted",
        "default",
        "hardCodedValue",
        "sourceConnection",
    ]
)


@dataclass(frozen=True)
class Named:
    path: str
    kind: str
    value: Any


def ids_in(value: Any, path: str = "") -> Iterator[Named]:
    """Every id a document names, with its path, in reading order. Null names nothing."""
    if isinstance(value, list):
        for index, child in enumerate(value):
            yield from ids_in(child, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, child in value.items():
            at = f"{path}.{key}" if path else key
            if key in MEMBERS:
                yield from named(child, at, MEMBERS[key])
            elif key not in FREE:
                yield from ids_in(child, at)


def named(value: Any, path: str, kind: str) -> Iterator[Named]:
    if isinstance(value, list):
        for index, child in enumerate(value):
            yield from named(child, f"{path}[{index}]", kind)
    elif value is not None:
        yield Named(path, kind, value)


Target = tuple[str, uuid.UUID]
_models: dict[str, type[OrganizationRow]] = {}


def register_kind(kind: str, model: type[OrganizationRow]) -> None:
    """Upper apps say in AppConfig.ready where the rows of a kind stand."""
    if _models.setdefault(kind, model) is not model:
        raise ValueError(f"resource kind {kind} is registered twice")


def model_of(kind: str) -> type[OrganizationRow] | None:
    return _models.get(kind)


def resolve(
    *, actor: Actor, document: dict[str, Any], self_id: uuid.UUID | None = None
) -> tuple[dict[str, uuid.UUID], set[Target], list[ValidationError]]:
    """Ids by path, the targets they name, and one error for each that the actor cannot reach.

    One query a kind. In a transaction the named rows are locked until its end, so that none is deleted meanwhile.
    `self_id`: a document may name itself, which is no reference.
    """
    found = [(entry, parse_id(entry.value)) for entry in ids_in(document)]
    wanted: dict[str, set[uuid.UUID]] = {}
    for entry, row_id in found:
        if row_id is not None:
            wanted.setdefault(entry.kind, set()).add(row_id)
    known = {kind: reachable(actor=actor, kind=kind, ids=ids) for kind, ids in wanted.items()}
    by_path, targets, errors = {}, set(), []
    for entry, row_id in found:
        if row_id is None or row_id not in known[entry.kind]:
            why = "was not found" if entry.kind in _models else "cannot be used: this deployment keeps none"
            message = f"{entry.path}: {entry.kind} {str(entry.value)[:60]} {why}."
            errors.append(ValidationError(message, field=entry.path, code="invalid_ref"))
            continue
        by_path[entry.path] = row_id
        if row_id != self_id:
            targets.add((entry.kind, row_id))
    return by_path, targets, errors


def reachable(*, actor: Actor, kind: str, ids: set[uuid.UUID]) -> set[uuid.UUID]:
    model = model_of(kind)
    if model is None:
        return set()
    allowed = model.objects.for_actor(actor).filter(pk__in=ids).values("pk")
    rows = model._base_manager.filter(pk__in=allowed).order_by("pk").select_for_update(no_key=True)
    return set(rows.values_list("pk", flat=True))


def keep_references(
    *,
    organization_id: uuid.UUID,
    source: Target,
    integration_id: uuid.UUID | None,
    targets: set[Target],
) -> None:
    """Makes the table say what the document says, touching only what differs."""
    kind, source_id = source
    rows = Reference.objects.filter(source_kind=kind, source_id=source_id)
    stored = {(row.target_kind, row.target_id): row for row in rows}
    gone = [row.pk for target, row in stored.items() if target not in targets or row.integration_id != integration_id]
    if gone:
        Reference.objects.filter(pk__in=gone).delete()
    Reference.objects.bulk_create(
        Reference(
            organization_id=organization_id,
            source_kind=kind,
            source_id=source_id,
            integration_id=integration_id,
            target_kind=target_kind,
            target_id=target_id,
        )
        for target_kind, target_id in sorted(targets)
        if (target_kind, target_id) not in stored or stored[target_kind, target_id].integration_id != integration_id
    )


def forget_references(*, source: Target) -> None:
    Reference.objects.filter(source_kind=source[0], source_id=source[1]).delete()


@dataclass(frozen=True)
class Dependent:
    kind: str
    id: uuid.UUID
    name: str


def dependents_of(*, kind: str, row_id: uuid.UUID) -> list[Dependent]:
    """Which documents name this row: one query, and one a kind for the names."""
    by_kind: dict[str, set[uuid.UUID]] = {}
    for source_kind, source_id in Reference.objects.filter(target_kind=kind, target_id=row_id).values_list(
        "source_kind", "source_id"
    ):
        by_kind.setdefault(source_kind, set()).add(source_id)
    found: list[Dependent] = []
    for source_kind, ids in sorted(by_kind.items()):
        model = model_of(source_kind)
        if model is not None:
            rows = model._base_manager.filter(pk__in=ids).order_by("pk")
            found.extend(Dependent(source_kind, row.pk, str(row)) for row in rows)
    return found


def name_list(dependents: list[Dependent], *, most: int = 10) -> str:
    texts = [f"{entry.kind} {entry.name} ({hex24(entry.id)})" for entry in dependents[:most]]
    if len(dependents) > most:
        texts.append(f"{len(dependents) - most} more")
    return ", ".join(texts)
