"""Runs on entities that stand there already, as if each had just been written: cascades, and `trigger=true`."""

from collections.abc import Iterable, Sequence
from typing import Any

from apps.automations.running.compiled import Trigger
from apps.automations.running.rendering import RenderError
from apps.automations.runs import NewRun
from apps.automations.triggers import on_event
from apps.automations.triggers.programs import UNREADABLE, Programs, holds
from apps.catalog.models import Entity
from apps.catalog.queries import entity_document
from apps.core.errors import DomainError
from apps.core.ids import hex24
from apps.engine.templates import RenderEnv
from apps.executions.models import Execution

PRETENDED = ("update", "create")  # the first of these that a trigger listens to


def runs_over(
    entities: Iterable[Entity],
    programs: Programs,
    *,
    env: RenderEnv,
    cause: str,
    depth: int,
    triggered_by: str,
    parent: Execution | None = None,
) -> list[NewRun]:
    """One for each entity and automation of which a trigger holds; `cause` is theirs with both ids added."""
    found = []
    for entity in entities:
        document = entity_document(entity)
        for automation, program in programs:
            common: dict[str, Any] = {
                "automation": automation,
                "version_id": automation.version_id,
                "cause": f"{cause}:{hex24(entity.id)}:{hex24(automation.id)}",
                "triggered_by": triggered_by,
                "depth": depth,
                "parent": parent,
            }
            if isinstance(program, DomainError):
                found.append(NewRun(program=UNREADABLE, data=document, fault=program.message, **common))
                continue
            for trigger in program.triggers:
                values = values_for(trigger, document)
                if values is None:
                    continue
                try:
                    if not holds(trigger, program, values, env):
                        continue
                    found.append(NewRun(program=program, **values, **common))
                except RenderError as error:
                    found.append(NewRun(program=program, fault=error.message, **values, **common))
                break
    return found


def values_for(trigger: Trigger, document: dict[str, Any]) -> dict[str, Any] | None:
    """None for a trigger that no write of this entity would have been."""
    if trigger.kind is not on_event.KIND:
        return None
    actions: Sequence[str] = trigger.document["event"]["action"]
    action = next((word for word in PRETENDED if word in actions), None)
    if action is None:
        return None
    told = {"type": f"entity.{action}", "resource": "entity", "action": action, "blueprintId": document["blueprintId"]}
    return {"data": document, "event": told, "args": None}
