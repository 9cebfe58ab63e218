"""`onInteraction`: somebody has submitted an interaction.

It hears Junction's own event `interaction.submitted`, whose data is what was sent, `interaction` and `collection` the
ids of what it was sent from. Nothing of this version writes that event: the automation is kept, and its page says so.
"""

from typing import Any

from apps.automations.models import Automation, Type
from apps.automations.triggers.registry import Document, TriggerKind
from apps.events.models import Event

SUBMITTED = "interaction.submitted"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"interactionId": {"type": ["string", "null"], "minLength": 1}},
}


def events(document: Document) -> list[str]:
    return [SUBMITTED]


def accepts(automation: Automation, document: Document, event: Event) -> bool:
    wanted = document.get("interactionId")
    return wanted is None or wanted == event.data.get("interaction")


KIND = TriggerKind(
    name="onInteraction", schema=SCHEMA, types=frozenset({Type.AUTOMATION}), events=events, accepts=accepts,
    advice="This version of Junction has no interactions: the trigger onInteraction starts nothing yet.",
)  # fmt: skip
