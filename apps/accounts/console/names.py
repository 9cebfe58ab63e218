"""Names and addresses of rows that others name by (kind, id): one query a kind, however many rows."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Model
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.accounts.console.display import NOTHING, link
from apps.core.actors import Actor, Verb
from apps.core.ids import from_hex24, hex24

Target = tuple[str, uuid.UUID | None]


@dataclass(frozen=True)
class Kind:
    model: type[Model]
    field: str  # what holds its name
    needs: Verb


_kinds: dict[str, Kind] = {}


def register_kind(kind: str, model: type[Model], *, field: str = "name", needs: Verb = Verb.VIEW) -> None:
    """The model is on the console."""
    _kinds[kind] = Kind(model, field, needs)


def kind_named(kind: str) -> Kind | None:
    return _kinds.get(kind)


def address_of(row: Model) -> str:
    return change_url(type(row), row.pk)


def change_url(model: type[Model], row_id: uuid.UUID) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[shown_id(row_id)])


def shown_id(row_id: uuid.UUID) -> str:
    """24 digits, as everywhere; an id that a client has chosen may not fit in."""
    short = hex24(row_id)
    return short if from_hex24(short) == row_id else str(row_id)


def list_url(model: type[Model], query: str = "") -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + query


def links_to(actor: Actor, targets: Iterable[Target]) -> dict[Target, SafeString | str]:
    """What the actor may not see, or is gone, is named by its id."""
    wanted: dict[str, set[uuid.UUID]] = defaultdict(set)
    found: dict[Target, SafeString | str] = {}
    for kind, row_id in targets:
        found[(kind, row_id)] = f"{kind} {hex24(row_id)}" if row_id else NOTHING
        if row_id and kind in _kinds and may_somewhere(actor, _kinds[kind].needs):
            wanted[kind].add(row_id)
    for kind, ids in wanted.items():
        known = _kinds[kind]
        rows = known.model._default_manager.for_actor(actor).filter(pk__in=ids)  # type: ignore[attr-defined]
        for row_id, name in rows.values_list("pk", known.field):
            found[(kind, row_id)] = link(change_url(known.model, row_id), name or hex24(row_id))
    return found


def may_somewhere(actor: Actor, verb: Verb) -> bool:
    """In the organization, or in one integration that is shared."""
    return actor.may(verb) or any(actor.may(verb, integration_id=shared) for shared in actor.shares)
