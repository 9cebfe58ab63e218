"""From what is to be written and what is there to what will be there: no database, so a preview is the real thing.

The surprise: a rule owns the fields it has changed. A person's write may repeat them or leave them out, no more.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from apps.catalog import checks
from apps.catalog.models import Blueprint, Entity
from apps.core.errors import ValidationError, ValidationErrors

MANUAL = "Manual"


class _Keep(enum.Enum):
    KEEP = "keep"


KEEP: Final = _Keep.KEEP  # not said: under merge as it was, else the default
Kept = _Keep


@dataclass(frozen=True)
class EntityWrite:
    """One entity to be. Members that are KEEP or None are not said.

    `source` is "<blueprintId>.<entityId>" of the entity it comes from, `origin` the id of the automation that writes
    ("" for a person): both are added to `sources`. `sources` itself replaces them; left out, they stay.
    """

    id: str
    blueprint_id: str | None = None
    title: str | None = None
    description: str | Kept | None = KEEP
    is_active: bool | Kept = KEEP
    is_hidden: bool | Kept = KEEP
    properties: Mapping[str, Any] | None = None
    relations: Mapping[str, Any] | None = None
    sources: Sequence[str] | None = None
    source: str | None = None
    origin: str = ""


@dataclass
class Draft:
    """`change` is "create", "update" or None; `new_source` whether `source` feeds the entity from now on."""

    row: Entity
    change: str | None
    new_source: bool = False
    changed: list[str] = field(default_factory=list)  # paths such as `properties.readme`


def draft(write: EntityWrite, *, row: Entity, is_new: bool, blueprint: Blueprint, merge: bool, by_hand: bool) -> Draft:
    """Changes `row` in memory. Raises ValidationErrors naming every wrong member."""
    require_types(write)
    before = {} if is_new else fields_of(row)
    owned = {} if is_new else dict(row.field_sources)
    after = fields_after(write, before=before, merge=merge and not is_new, owned=owned if by_hand else {})
    changed = [path for path in {**before, **after} if not same(before.get(path, KEEP), after.get(path, KEEP))]
    errors = [theirs(path, owned[path]) for path in changed if by_hand and path in owned]
    place(row, after)
    old_sources = [] if is_new else row.sources
    row.sources = sources_after(write, old_sources)
    errors += checks.collected(
        checks.check_title(row.title),
        checks.check_properties(row.properties, blueprint.schema),
        checks.check_relations(row.relations),
        checks.check_sources(row.sources),
        checks.check_keepable(description=row.description, properties=row.properties, relations=row.relations),
    )
    if errors:
        raise ValidationErrors(errors)
    gone = [path for path in before if path not in after]
    row.field_sources = {path: origin for path, origin in owned.items() if path not in gone}
    if write.origin:
        row.field_sources |= {path: write.origin for path in changed if path in after and path not in FLAGS}
    if row.sources != old_sources:
        changed.append("sources")
    new_source = write.source is not None and write.source not in old_sources
    change = "create" if is_new else "update" if changed else None
    return Draft(row=row, change=change, new_source=new_source, changed=changed)


FLAGS = ("isActive", "isHidden")
SCALARS = (str, bool, int, type(None))
DEFAULTS: dict[str, Any] = {"description": None, "isActive": True, "isHidden": False}


def require_types(write: EntityWrite) -> None:
    """What comes out of a template is of any type. Raises ValidationErrors."""
    errors = [
        checks.wrong(name, "must be an object")
        for name, value in (("properties", write.properties), ("relations", write.relations))
        if value is not None and not isinstance(value, Mapping)
    ]
    for name, flag in (("isActive", write.is_active), ("isHidden", write.is_hidden)):
        if flag is not KEEP and not isinstance(flag, bool):
            errors.append(checks.wrong(name, "must be true or false"))
    if isinstance(write.description, list | dict | bool):
        errors.append(checks.wrong("description", "must be a text"))
    if errors:
        raise ValidationErrors(errors)


def fields_of(row: Entity) -> dict[str, Any]:
    """Flat, by path: what may have a source of its own."""
    return {
        "title": row.title,
        "description": row.description,
        "isActive": row.is_active,
        "isHidden": row.is_hidden,
        **{f"properties.{name}": value for name, value in row.properties.items()},
        **{f"relations.{name}": value for name, value in row.relations.items()},
    }


def sources_of_fields(row: Entity) -> dict[str, str]:
    """{path: an automation's id, or "Manual"} of every field."""
    return {path: row.field_sources.get(path, MANUAL) for path in fields_of(row) if path not in FLAGS}


def fields_after(
    write: EntityWrite, *, before: dict[str, Any], merge: bool, owned: Mapping[str, str]
) -> dict[str, Any]:
    kept = {path: value for path, value in before.items() if merge or path in owned}
    said: dict[str, Any] = {"title": as_text(write.title) if write.title is not None else before.get("title", "")}
    for name, value in (
        ("description", as_text(write.description)),
        ("isActive", write.is_active),
        ("isHidden", write.is_hidden),
    ):
        if value is not KEEP:
            said[name] = value
    said |= {f"properties.{name}": value for name, value in (write.properties or {}).items()}
    said |= {f"relations.{name}": related(value) for name, value in (write.relations or {}).items()}
    return {**DEFAULTS, **kept, **said}


def related(relation: Any) -> Any:
    """Native templates make numbers of ids that are digits: they are texts again here."""
    if not isinstance(relation, Mapping) or "value" not in relation:
        return relation
    value = relation["value"]
    return {**relation, "value": [as_text(item) for item in value] if isinstance(value, list) else as_text(value)}


def as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def place(row: Entity, after: Mapping[str, Any]) -> None:
    row.title, row.description = after["title"], after["description"]
    row.is_active, row.is_hidden = after["isActive"], after["isHidden"]
    row.properties = inner(after, "properties.")
    row.relations = inner(after, "relations.")


def inner(after: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {path.removeprefix(prefix): value for path, value in after.items() if path.startswith(prefix)}


def sources_after(write: EntityWrite, old: list[str]) -> list[str]:
    """Each once. What is no text stays as it is: the checks say so."""
    given = old if write.sources is None else write.sources
    new = list(dict.fromkeys(given)) if all(isinstance(text, str) for text in given) else list(given)
    new += [text for text in (write.source, write.origin) if text and text not in new]
    return new


def same(left: Any, right: Any) -> bool:
    """As JSON: true is not 1, and the order of members says nothing."""
    if left is KEEP or right is KEEP:
        return left is right
    if type(left) is type(right) and isinstance(left, SCALARS):
        return bool(left == right)
    try:
        return orjson.dumps(left, option=orjson.OPT_SORT_KEYS) == orjson.dumps(right, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):  # what JSON has not: the checks say so
        return False


def theirs(path: str, origin: str) -> ValidationError:
    return checks.wrong(path, f'belongs to the automation {origin}; only fields whose source is "{MANUAL}" are edited')
