"""`fetchFieldsFromResources`: one list a field, over all entities that meet the conditions."""

from typing import Any

from apps.automations.actions import fetching
from apps.automations.actions.registry import ActionKind, Args
from apps.automations.running.turn import Turn
from apps.catalog.queries import each_matching, entity_document
from apps.core.errors import DomainError
from apps.engine.paths import MISSING, PathError, compile_getter

MOST = 10_000  # entities; what is fetched is kept with the step
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["fields"],
    "properties": {**fetching.COMMON, "fields": {"type": "array", "minItems": 1, "items": {"type": "string"}}},
}


def run(turn: Turn, args: Args) -> Any:
    """{field: [value of the first entity, of the second, …]}; null where an entity has none."""
    getters = {field: getter(field) for field in args["fields"]}
    lists: dict[str, list[Any]] = {field: [] for field in getters}
    count = 0
    conditions = turn.action.prepared(turn.env)
    for entity in each_matching(turn.organization_id, conditions=conditions, scope=turn.scope):
        count += 1
        if count > MOST:
            raise DomainError(f"More than {MOST:,} entities meet the conditions.")
        document = entity_document(entity)
        for field, get in getters.items():
            value = get(document)
            lists[field].append(None if value is MISSING else value)
    if not count:
        return fetching.nothing_found(turn, args)
    turn.say(f"Found {count:,}.")
    return lists


def getter(field: str) -> Any:
    try:
        return compile_getter(field, "slash")
    except PathError as error:
        raise DomainError(f"fields: {field!r} is no path: {error.reason}") from None


KIND = ActionKind(
    name="fetchFieldsFromResources", run=run, schema=SCHEMA, reads=True, raw=fetching.RAW, prepare=fetching.prepare
)
