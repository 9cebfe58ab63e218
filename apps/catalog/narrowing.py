"""From rendered conditions to a database query that finds at least what they hold for; the engine tests the rest.

The surprise: a narrowing may only ever let too much through. What would depend on how a database compares JSON is left
to the engine, and so is every operator that is not worth an index.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import Exact

from apps.catalog.links import SOURCES
from apps.catalog.models import EntityLink
from apps.engine.conditions.rely import Condition, listed
from apps.engine.mapping.convert import to_string

COLUMNS = {"id": "natural_id", "blueprintId": "blueprint__natural_id", "title": "title"}
SPELLED = ("true", "false", "null", "nan", "infinity")  # what a value of another kind may read as
NOTHING = Q(pk__in=[])


def narrowed(condition: Condition, value: Any) -> Q | None:
    """None where nothing can be said."""
    if condition.get is None:
        return None
    field = condition.field.strip("/")
    if "*" in field:
        return None
    if field in COLUMNS:
        narrow = BY_COLUMN.get(condition.operator)
        return narrow(COLUMNS[field], value) if narrow else None
    if field == SOURCES and condition.operator == "contains":
        return linked(SOURCES, Q(value__in=texts(value)))
    parts = field.split("/")
    if len(parts) == 3 and parts[0] == "relations" and parts[2] == "value":
        look_up = BY_RELATION.get(condition.operator)
        return look_up(f"relations/{parts[1]}", value) if look_up else None
    if len(parts) == 2 and parts[0] == "properties" and condition.operator == "eq":
        return property_is(parts[1], value)
    return None


def texts(value: Any) -> list[str]:
    """As the engine compares them: scalars as text, of a list each."""
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [] if value is None or isinstance(value, dict) else [to_string(value)]


def column_equals(column: str, value: Any) -> Q:
    return Q(**{f"{column}__in": texts(value)}) if not isinstance(value, list) else NOTHING


def column_in(column: str, value: Any) -> Q:
    return Q(**{f"{column}__in": texts(listed(value))})


BY_COLUMN: dict[str, Callable[[str, Any], Q | None]] = {
    "eq": column_equals,
    "in": column_in,
    "neq": lambda column, value: ~column_equals(column, value),
    "notIn": lambda column, value: ~column_in(column, value),
}


def linked(name: str, which: Q) -> Q:
    return Q(Exists(EntityLink.objects.filter(which, entity=OuterRef("pk"), name=name)))


def relation_equals(name: str, value: Any) -> Q | None:
    """Null and lists are for the engine."""
    return (
        None if value is None or isinstance(value, list | dict) else linked(name, Q(many=False, value__in=texts(value)))
    )


def relation_contains(name: str, value: Any) -> Q:
    """A member of a list; of one id any part, since that is a text."""
    wanted = texts(value)
    parts = Q()
    for text in wanted:
        parts |= Q(many=False, value__contains=text)
    return linked(name, Q(many=True, value__in=wanted) | parts) if wanted else NOTHING


def relation_in(name: str, value: Any) -> Q:
    return linked(name, Q(value__in=texts(listed(value))))


BY_RELATION: dict[str, Callable[[str, Any], Q | None]] = {
    "eq": relation_equals,
    "contains": relation_contains,
    "in": relation_in,
}


def property_is(name: str, value: Any) -> Q | None:
    """Of texts that no number or truth value is spelled like: those equal texts alone."""
    if not isinstance(value, str) or not value[:1].isalpha() or value.lower() in SPELLED or name.isdigit():
        return None
    return Q(Exact(KeyTextTransform(name, F("properties")), Value(value)))


def all_narrowed(rendered: Iterable[tuple[Condition, Any]]) -> list[Q]:
    return [found for condition, value in rendered if (found := narrowed(condition, value)) is not None]
