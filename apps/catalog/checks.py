"""What every written catalogue row must obey. Errors name members as the Rely API spells them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from apps.catalog.models import ID_LENGTH, SOURCE_LENGTH
from apps.core.errors import ValidationError
from apps.engine import schemas

ID = re.compile(r"[a-z0-9_.-]+")
ID_PATTERN = r"^([a-z0-9_.-]+)$"
MAX_TITLE = 500
MAX_BYTES = 1024 * 1024  # of one row's JSON
MAX_RELATED = 10_000


def check_id(text: Any, *, field: str = "id") -> Iterator[ValidationError]:
    if not isinstance(text, str) or not ID.fullmatch(text):
        yield wrong(field, f'string does not match regex "{ID_PATTERN}"')
    elif len(text) > ID_LENGTH:
        yield wrong(field, f"has at most {ID_LENGTH} characters")


def check_title(text: Any) -> Iterator[ValidationError]:
    if not isinstance(text, str):
        yield wrong("title", "must be a text")
    elif not text.strip():
        yield wrong("title", "must not be blank")
    elif len(text) > MAX_TITLE:
        yield wrong("title", f"has at most {MAX_TITLE} characters")


def check_properties(properties: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """A property that is null counts as one that is not there: rules write null for what a source does not say."""
    if not isinstance(properties, Mapping):
        yield wrong("properties", "must be an object")
        return
    said = {name: value for name, value in properties.items() if value is not None}
    for path, message in schemas.check(schema, said):
        yield wrong(f"properties.{path}" if path else "properties", message)


def check_relations(relations: Any) -> Iterator[ValidationError]:
    if not isinstance(relations, Mapping):
        yield wrong("relations", "must be an object")
        return
    for name, relation in relations.items():
        at = f"relations.{name}"
        if len(str(name)) > ID_LENGTH:
            yield wrong("relations", f"a name has at most {ID_LENGTH} characters")
        elif not isinstance(relation, Mapping) or "value" not in relation:
            yield wrong(at, 'must be an object with a member "value"')
        else:
            yield from _check_related(relation["value"], f"{at}.value")


def _check_related(value: Any, at: str) -> Iterator[ValidationError]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    if len(items) > MAX_RELATED:
        yield wrong(at, f"holds at most {MAX_RELATED} ids")
    elif not all(isinstance(item, str) and len(item) <= ID_LENGTH for item in items):
        yield wrong(at, "must be an entity's id, a list of ids, or null")


def check_sources(sources: Any) -> Iterator[ValidationError]:
    if not isinstance(sources, list) or len(sources) > MAX_RELATED:
        yield wrong("sources", "must be a list")
    elif not all(isinstance(item, str) and 0 < len(item) <= SOURCE_LENGTH for item in sources):
        yield wrong("sources", 'must hold texts such as "<blueprintId>.<entityId>"')


def check_keepable(**members: Any) -> Iterator[ValidationError]:
    """What a database's JSON cannot hold may come out of a template."""
    for field, value in members.items():
        try:
            text = orjson.dumps(value)
        except (TypeError, ValueError) as error:
            yield wrong(field, f"cannot be kept: {str(error)[:200]}")
            continue
        if b"\\u0000" in text and "\0" in _texts(value):
            yield wrong(field, "holds a NUL character, which cannot be stored")
        if len(text) > MAX_BYTES:
            yield wrong(field, f"is larger than {MAX_BYTES} bytes")


def _texts(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "".join(str(key) + _texts(inner) for key, inner in value.items())
    return "".join(map(_texts, value)) if isinstance(value, list) else ""


def check_schema(schema: Any, *, field: str) -> Iterator[ValidationError]:
    try:
        schemas.check_schema(schema)
    except schemas.SchemaError as error:
        yield wrong(field, str(error))


def wrong(field: str, message: str, *, code: str = "") -> ValidationError:
    return ValidationError(f"{field}: {message}", field=field, code=code)


def collected(*checks: Iterable[ValidationError]) -> list[ValidationError]:
    return [error for check in checks for error in check]
