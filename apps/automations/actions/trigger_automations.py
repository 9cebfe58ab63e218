"""`triggerAutomations`: runs other automations on every entity that meets the conditions.

Each entity counts as just updated for them: their own trigger conditions still decide. Entities are taken in batches,
each committed with the id of its last, so ten thousand are no transaction of ten thousand.
"""

import hashlib
import uuid
from typing import Any

from apps.automations.actions.registry import ActionKind, Again, Args
from apps.automations.models import Automation, Type
from apps.automations.running.conditions import Bind, compile_bind
from apps.automations.running.turn import Turn
from apps.automations.runs import start_runs
from apps.automations.shapes import CONDITIONS
from apps.automations.triggers.cascading import runs_over
from apps.automations.triggers.programs import programs_of
from apps.catalog.queries import matching_entities
from apps.core.ids import hex24
from apps.engine.conditions.rely import listed as separated

BATCH = 100
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["automationIds"],
    "properties": {
        "automationIds": {"type": "array", "items": {"type": "string"}},
        "entities": {"type": "object", "properties": {"conditions": CONDITIONS}},
    },
}


def prepare(args: Args, at: str) -> Bind:
    entities = args.get("entities") or {}
    return compile_bind(entities.get("conditions"), f"{at}.entities.conditions", dialect="slash")


def run(turn: Turn, args: Args) -> Any:
    """{entities: how many met the conditions, runs: how many were started}."""
    state = turn.state or {"entities": 0, "runs": 0, "after": None}
    slugs = [slug for text in args["automationIds"] for slug in separated(text)]  # shipped rules have both spellings
    rows = Automation.objects.filter(organization_id=turn.organization_id, slug__in=slugs)
    listed = list(rows.filter(is_active=True, type=Type.AUTOMATION).order_by("order", "slug"))
    entities = matching_entities(
        turn.organization_id,
        conditions=turn.action.prepared(turn.env),
        scope=turn.scope,
        limit=BATCH,
        after=uuid.UUID(state["after"]) if state["after"] else None,
    )
    place = hashlib.sha256(f"{turn.path}\0{turn.iteration}".encode()).hexdigest()[:12]
    wanted = runs_over(
        entities, programs_of(listed), env=turn.env, depth=turn.depth + 1, triggered_by="automation",
        parent=turn.execution, cause=f"child:{hex24(turn.execution.id)}:{place}",
    )  # fmt: skip
    start_runs(wanted)
    told = {"entities": state["entities"] + len(entities), "runs": state["runs"] + len(wanted)}
    if len(entities) == BATCH:
        raise Again({**told, "after": str(entities[-1].id)})
    missing = sorted(set(slugs) - {one.slug for one in listed})
    absent = f" Not there, or switched off: {', '.join(missing)}." if missing else ""
    turn.say(f"Started {told['runs']:,} runs on {told['entities']:,} entities.{absent}")
    return told


KIND = ActionKind(name="triggerAutomations", run=run, schema=SCHEMA, raw=frozenset({"entities"}), prepare=prepare)
