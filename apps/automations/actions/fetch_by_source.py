"""`fetchEntitiesBySource`: the catalogue's entities that those of a plugin feed."""

from typing import Any

from apps.automations.actions import fetching
from apps.automations.actions.registry import ActionKind, Args
from apps.automations.running.turn import Turn
from apps.catalog.queries import entities_by_source
from apps.engine.conditions.rely import listed

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["sourceBlueprintId", "targetBlueprintId", "entityIds"],
    "properties": {
        "sourceBlueprintId": {"type": "string"},
        "targetBlueprintId": {"type": "string"},
        "entityIds": {"type": ["array", "string", "integer", "null"]},
        "stopFlowIfNotFound": fetching.COMMON["stopFlowIfNotFound"],
    },
}


def run(turn: Turn, args: Args) -> Any:
    """{ids: [natural ids]}. `entityIds` is a list, or text as `in` takes it."""
    ids = [str(one) for one in listed(args["entityIds"]) if one is not None]
    found = entities_by_source(
        turn.organization_id,
        source_blueprint_id=args["sourceBlueprintId"],
        target_blueprint_id=args["targetBlueprintId"],
        entity_ids=ids,
    )
    if not found:
        return fetching.nothing_found(turn, args)
    turn.say(f"Found {len(found):,}.")
    return {"ids": [entity.natural_id for entity in found]}


KIND = ActionKind(
    name="fetchEntitiesBySource",
    run=run,
    schema=SCHEMA,
    reads=True,
    blueprints=lambda args: [args.get("sourceBlueprintId"), args.get("targetBlueprintId")],
)
