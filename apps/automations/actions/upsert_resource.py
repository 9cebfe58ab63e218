"""`upsertResource`: creates or updates an entity from the run's own, or suggests to (`rely_giosg.md`, execution 8).

Properties and relations are merged into what is there: several upserts of one target, one a link, are normal.
"""

from typing import Any

from apps.automations.actions.registry import ActionKind, Args
from apps.automations.running.turn import Turn
from apps.catalog import services, suggestions
from apps.catalog.documents import entity_document
from apps.catalog.models import Entity
from apps.core.errors import DomainError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "resourceType": {"enum": ["entity"]},
        "createSuggestion": {"type": "boolean"},
        "data": {
            "type": "object",
            "required": ["id", "blueprintId"],
            "properties": {
                "id": {"type": ["string", "integer"]},
                "blueprintId": {"type": "string"},
                "title": {"type": ["string", "number", "null"]},
                "description": {"type": ["string", "number", "null"]},
                "properties": {"type": ["object", "null"]},
                "relations": {"type": ["object", "null"], "additionalProperties": {"type": "object"}},
            },
        },
    },
}
MEMBERS = ("id", "blueprintId", "title", "description", "properties", "relations")
WRITTEN = {"create": "Created", "update": "Updated", None: "Nothing to change in"}
SUGGESTED = {"create": "Suggested", "refresh": "Suggested anew", None: "Had suggested the same before:"}


def run(turn: Turn, args: Args) -> Any:
    data = {name: args["data"][name] for name in MEMBERS if name in args["data"]}
    data["id"] = str(data["id"])
    if data.get("title") is not None:
        data["title"] = str(data["title"])
    source = source_of(turn, data["id"])
    if args.get("createSuggestion") is True and not is_fed(turn, data["id"], source):
        return suggest(turn, data, source)
    members = {"description": data["description"]} if "description" in data else {}
    saved = services.save_entity(
        organization_id=turn.organization_id,
        actor=None,
        id=data["id"],
        blueprint_id=data["blueprintId"],
        title=data.get("title"),
        properties=data.get("properties"),
        relations=data.get("relations"),
        source=source,
        origin=turn.run.automation_slug,
        merge=True,
        depth=turn.depth,
        **members,
    )
    turn.say(f"{WRITTEN[saved.change]} {data['id']}.")
    return entity_document(saved.entity)


def source_of(turn: Turn, target_id: str) -> str | None:
    """The entity that the run is about, as `sources` name one; a rule that changes just that one has no source."""
    data = turn.scope.get("data")
    named = isinstance(data, dict) and isinstance(data.get("id"), str) and isinstance(data.get("blueprintId"), str)
    if data is None or not named or data["id"] == target_id:
        return None
    return f"{data['blueprintId']}.{data['id']}"


def is_fed(turn: Turn, target_id: str, source: str | None) -> bool:
    target = Entity.objects.of(turn.organization_id).among([target_id]).first()
    return target is not None and source in target.sources


def suggest(turn: Turn, data: dict[str, Any], source: str | None) -> Any:
    entity_id = turn.scope["data"]["id"] if source else None
    found = Entity.objects.of(turn.organization_id).among([entity_id]).shown().first() if entity_id else None
    if found is None:
        raise DomainError("createSuggestion needs a stored entity that the run is about.")
    offered = suggestions.offer(origin_id=turn.run.automation_slug, source=found, data=data, depth=turn.depth)
    turn.say(f"{SUGGESTED[offered.change]} {data['id']}.")
    if offered.applied is not None and offered.applied.new_state is not None:
        return offered.applied.new_state
    return {**data, "suggestionId": offered.suggestion.natural_id}


KIND = ActionKind(
    name="upsertResource",
    run=run,
    schema=SCHEMA,
    blueprints=lambda args: [(args.get("data") or {}).get("blueprintId")] if isinstance(args.get("data"), dict) else [],
)
