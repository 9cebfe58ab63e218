"""What the fetches have in common: conditions over stored entities, and what happens when nothing is found."""

from typing import Any

from apps.automations.actions.registry import NOTHING, Args, Stop
from apps.automations.running.conditions import Bind, compile_bind
from apps.automations.running.turn import Turn
from apps.automations.shapes import CONDITIONS

COMMON: dict[str, Any] = {
    "resourceType": {"enum": ["entity"]},
    "conditions": CONDITIONS,
    "stopFlowIfNotFound": {"type": ["boolean", "null"]},
}
RAW = frozenset({"conditions"})  # compiled once, rendered by the conditions themselves


def prepare(args: Args, at: str) -> Bind:
    return compile_bind(args.get("conditions"), f"{at}.conditions", dialect="slash")


def nothing_found(turn: Turn, args: Args) -> Any:
    if args.get("stopFlowIfNotFound") is True:
        return Stop(f"{turn.action.id or turn.action.kind.name} found nothing.")
    return NOTHING
