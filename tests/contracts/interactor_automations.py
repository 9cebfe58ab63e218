"""Automations have one call in the Interactor contract: a version of them is run, now."""

import re

from apps.automations import services
from tests.contracts.parts import Part, World

EXECUTE = "/v1/automation/{}/version/{}/execute"
DOCUMENT = {
    "id": "greet",
    "title": "Greet",
    "type": "selfServiceAction",
    "triggers": [{"type": "manual", "inputSchema": {"type": "object", "required": ["name"]}}],
    "outputs": {"greeting": "Hello {{ args.name }}"},
}


def furnish(world: World) -> None:
    row = services.upsert_automation(actor=world.actor, document=DOCUMENT)
    world.ids |= {"automationId": str(row.id), "automationVersionId": str(row.version_id)}


PART = Part(
    furnish=furnish,
    paths=re.compile(re.escape(EXECUTE)),
    bodies={("POST", EXECUTE): lambda world: {"input": {"name": "Ada"}}},
    reads_back={("POST", EXECUTE): None},
    monitor_may=frozenset({("POST", EXECUTE)}),
)
