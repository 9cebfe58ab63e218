"""Which documented members of requests and answers have been seen with a value in them, as (schema, member).

The surprise: a member of an object without a name of its own is told by where it stands, as in `Connection.queues`.
"""

from collections.abc import Iterator
from typing import Any

from tests.contracts.operations import resolve

Field = tuple[str, str]  # schema, member


def fields_of(dialect: str, part: dict[str, Any], *, name: str = "") -> set[Field]:
    """Every documented member of a request or an answer; what is free-form has none."""
    return {(shape, member) for shape, member, _ in walk_members(dialect, part, [], name=name)}


def seen_in(dialect: str, value: Any, part: dict[str, Any], *, name: str = "") -> set[Field]:
    """Those that are not null in this one."""
    return {(shape, member) for shape, member, found in walk_members(dialect, part, [value], name=name) if found}


def walk_members(
    dialect: str, part: dict[str, Any], values: list[Any], *, name: str, above: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str, bool]]:
    """What is put together of several schemas, or is one of several, has the members of all.

    A schema that stands in itself is followed as deep as there are values.
    """
    if "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[1]
        if name in above and not values:
            return
        above |= {name}
    part = resolve(dialect, part)
    for alternative in (*part.get("allOf", ()), *part.get("oneOf", ()), *part.get("anyOf", ())):
        yield from walk_members(dialect, alternative, values, name=name, above=above)
    if "items" in part:
        inner = [item for value in values if isinstance(value, list) for item in value]
        yield from walk_members(dialect, part["items"], inner, name=name, above=above)
    if isinstance(part.get("additionalProperties"), dict):
        known = part.get("properties", {})
        inner = [item for value in values if isinstance(value, dict) for key, item in value.items() if key not in known]
        yield from walk_members(dialect, part["additionalProperties"], inner, name=f"{name}.*", above=above)
    for member, inner_part in part.get("properties", {}).items():
        present = [found for value in values if isinstance(value, dict) and (found := value.get(member)) is not None]
        yield name, member, bool(present)
        yield from walk_members(dialect, inner_part, present, name=f"{name}.{member}", above=above)
