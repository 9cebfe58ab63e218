"""Flows of the kinds that people and events start, with every documented action; and their runs."""

import re
from typing import Any

from apps.automations.models import Automation
from apps.automations.services import run_by_hand, upsert_automation
from apps.executions.models import TERMINAL, Execution
from apps.work import drain
from apps.work.models import Lane
from tests.contracts.rely_parts import Part, World

FLOW, RUN = "/api/v1/flows/{}", "/api/v1/flow-runs/{}"
BY_ID = {"field": "id", "expression": False, "operator": "eq", "value": "{{ args.name }}"}
TAG = {"key": "team", "value": "core"}
LOOK = {
    "type": "fetchResource", "id": "found", "title": "Look it up", "description": "By its id.",
    "conditions": [{"field": "args.name", "expression": False, "operator": "neq", "value": None}],
    "args": {"resourceType": "entity", "conditions": [BY_ID], "stopFlowIfNotFound": False},
}  # fmt: skip
WRITE = {
    "type": "upsertResource", "id": "written", "title": "Write it", "description": "Into the catalog.",
    "conditions": [],
    "args": {
        "resourceType": "entity",
        "createSuggestion": False,
        "data": {
            "id": "{{ data.id }}-copy", "blueprintId": "service", "title": "{{ data.title }}", "description": "A copy",
            "properties": {"stars": 2}, "relations": {"owner": {"value": "repo"}},
        },
    },
}  # fmt: skip
FIELDS = {
    "type": "fetchFieldsFromResources", "id": "titles",
    "args": {"resourceType": "entity", "fields": ["title"], "conditions": [BY_ID], "stopFlowIfNotFound": False},
}  # fmt: skip
BY_SOURCE = {
    "type": "fetchEntitiesBySource", "id": "fed",
    "args": {
        "sourceBlueprintId": "service", "targetBlueprintId": "service", "entityIds": ["repo"],
        "stopFlowIfNotFound": False,
    },
}  # fmt: skip
CASCADE = {
    "type": "triggerAutomations", "id": "others",
    "args": {"automationIds": ["other"], "entities": {"conditions": [{**BY_ID, "value": "repo"}]}},
}  # fmt: skip
EVENT = {
    "type": "onEvent", "event": {"resource": "entity", "action": ["create", "update"]},
    "conditions": [{"field": "data.title", "expression": False, "operator": "eq", "value": "never"}],
}  # fmt: skip
MANUAL = {
    "type": "manual",
    "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}},
    "conditions": [],
}


def by_hand(id: str, **members: Any) -> dict[str, Any]:
    return {
        "id": id,
        "title": "Grow",
        "description": "Makes it larger",
        "icon": "gear",
        "isActive": True,
        "needsApproval": False,
        "order": 3,
        "type": "selfServiceAction",
        "arguments": {"by": 2},
        "secrets": {"token": "s3cr3t"},
        "triggers": [MANUAL],
        "actions": [LOOK],
        "outputs": {"title": "{{ actions.found.output.title }}"},
        "tags": [TAG],
        **members,
    }


def by_event(id: str, **members: Any) -> dict[str, Any]:
    actions = [WRITE, FIELDS, BY_SOURCE, CASCADE]
    arguments = {"sourceBlueprintId": "service", "targetBlueprintId": "service"}
    document = by_hand(id, type="automation", triggers=[EVENT], actions=actions, arguments=arguments, outputs={})
    return {**document, **members}


def furnish(world: World) -> None:
    """Two that people start, one of which has run twice; and two that events do."""
    ours = Automation.objects.filter(organization=world.organization)
    ours.update(version=None)
    ours.delete()
    Execution.objects.filter(organization=world.organization, kind="automation").delete()
    for document in (by_hand("grow"), by_hand("shrink"), by_event("follow"), by_event("other")):
        upsert_automation(actor=world.actor, document=document)
    grow = ours.select_related("version").get(slug="grow")
    for number in (1, 2):
        execution = run_by_hand(
            actor=world.actor, automation=grow, args={"name": "payments"}, slug=f"run-{number}", tags=[TAG]
        )
        while Execution.objects.filter(pk=execution.pk).exclude(state__in=TERMINAL).exists():
            assert drain.drain(Lane.FLOWS), "the run does not end"
    world.ids |= {"flows": "grow", "flow-runs": "run-1"}


PART = Part(
    furnish=furnish,
    paths=re.compile(r"/api/v1/(flows|flow-runs)(/{})?"),
    bodies={
        ("POST", "/api/v1/flows"): lambda world: by_event("another"),
        ("PUT", FLOW): lambda world: by_event(world.ids["flows"], needsApproval=True, isActive=False, order=None),
        ("POST", "/api/v1/flow-runs"): lambda world: {
            "id": "another-run", "flowId": "grow", "flowType": "selfServiceAction", "args": {"name": "payments"},
            "tags": [TAG],
        },
    },
    queries={
        ("GET", "/api/v1/flows"): [{"type": "selfServiceAction"}, {"type": "automation"}],
        ("POST", "/api/v1/flows"): [{"trigger": "true"}],
        ("PUT", FLOW): [{"trigger": "true"}],
    },
    unread=frozenset({"secrets"}),
    monitor_may=frozenset({("POST", "/api/v1/flow-runs")}),
)  # fmt: skip
