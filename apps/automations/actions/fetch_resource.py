"""`fetchResource`: the first entity that meets the conditions."""

from typing import Any

from apps.automations.actions import fetching
from apps.automations.actions.registry import ActionKind, Args
from apps.automations.running.turn import Turn
from apps.catalog.queries import entity_document, matching_entities

SCHEMA: dict[str, Any] = {"type": "object", "properties": fetching.COMMON}


def run(turn: Turn, args: Args) -> Any:
    conditions = turn.action.prepared(turn.env)
    found = matching_entities(turn.organization_id, conditions=conditions, scope=turn.scope, limit=1)
    if not found:
        return fetching.nothing_found(turn, args)
    turn.say(f"Found {found[0].natural_id}.")
    return entity_document(found[0])


KIND = ActionKind(name="fetchResource", run=run, schema=SCHEMA, reads=True, raw=fetching.RAW, prepare=fetching.prepare)
