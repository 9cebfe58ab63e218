"""`onHook`: somebody calls the automation's own address, `/hooks/…`. One an automation.

The address and its secrets stay as long as the automation has this trigger; `/v1/automations/{id}/hook` shows and sets
them. `security`, `challenge` and `id` say how a call is proved, answered and known again: `apps.inbound.declared` has
their members. The answer is 202 at once, or with `respond: sync` the outputs, in the same call. The run sees the body
as `data`, and `event`: method, headers, query.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from apps.automations.models import Automation, Type
from apps.automations.runs import KIND as RUN
from apps.automations.triggers.registry import Document, TriggerKind
from apps.inbound import direct, receiving
from apps.inbound.declared import read_inlet

CONFIG = ("respond", "security", "challenge", "id")
OBJECT: dict[str, Any] = {"type": ["object", "null"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "respond": {"enum": ["sync", "accepted", None]},
        "security": OBJECT,
        "challenge": OBJECT,
        "id": OBJECT,
    },
}


def config_of(document: Document) -> dict[str, Any]:
    return {name: document[name] for name in CONFIG if document.get(name) is not None}


def check(document: Document, at: str, organization_id: uuid.UUID) -> None:
    read_inlet(config_of(document), at=at)


def sync(automation: Automation, documents: Sequence[Document]) -> None:
    """One that is switched off keeps its address, at which nothing is taken meanwhile."""
    for document in documents:
        direct.set_hook(
            organization_id=automation.organization_id, target_kind=RUN, target_id=automation.id,
            config=config_of(document),
        )  # fmt: skip
    if not documents and automation.is_active:
        drop(automation)
    receiving.forget_addresses()


def drop(automation: Automation) -> None:
    direct.drop_hook(target_kind=RUN, target_id=automation.id)


KIND = TriggerKind(
    name="onHook", schema=SCHEMA, types=frozenset({Type.AUTOMATION}), sync=sync, drop=drop, check=check, most=1
)
