"""Entities, suggestions and blueprints."""

import re

from apps.catalog.blueprints import save_blueprint
from apps.catalog.models import Blueprint, Entity, Suggestion
from apps.catalog.services import save_entity
from apps.catalog.suggestions import save_suggestion
from apps.core import clock
from tests.contracts.rely_parts import Part, World

ENTITY, SUGGESTION = "/api/v1/entities/{}", "/api/v1/suggestions/{}"
SCHEMA = {"type": "object", "properties": {"stars": {"type": "integer"}, "labels": {"type": "array"}}}


def furnish(world: World) -> None:
    for model in (Suggestion, Entity, Blueprint):
        model.objects.filter(organization=world.organization).delete()
    relations = {"owner": {"title": "Owner", "value": "service", "array": False}}
    fields = {
        "title": "Service", "description": "What we run", "icon": "gear", "schema": SCHEMA,
        "options": {"showInSideBar": True}, "relations": relations,
    }  # fmt: skip
    save_blueprint(actor=world.actor, id="service", fields=fields)
    for name in ("repo", "payments", "billing"):
        save_entity(
            organization_id=world.organization.id, actor=world.actor, id=name, blueprint_id="service", title=name,
            description="Somebody's", properties={"stars": 1}, relations={"owner": {"value": "repo"}},
            sources=["service.repo"],
        )  # fmt: skip
    for number in (1, 2):
        document = {"id": f"suggested-{number}", "blueprintId": "service", "title": "Suggested"}
        save_suggestion(
            actor=world.actor,
            id=f"suggestion-{number}",
            fields={
                "title": "A better one", "description": "Why not", "origin_id": "rule", "source_id": "repo",
                "source_context": {"id": "repo"}, "target_id": f"suggested-{number}", "data": document,
                "target_context": {"id": f"suggested-{number}"}, "target_id_override": "billing",
                "last_applied_at": clock.now(),
            },
        )  # fmt: skip
    world.ids |= {"entities": "payments", "suggestions": "suggestion-1", "blueprints": "service"}


def entity(id: str) -> dict[str, object]:
    return {
        "id": id,
        "blueprintId": "service",
        "title": "Another",
        "description": "Told",
        "isActive": False,
        "isHidden": True,
        "properties": {"stars": 5, "labels": ["a"], "free": {"deep": [1, None]}},
        "relations": {"owner": {"value": ["repo", "billing"]}, "none": {"value": None}},
        "sources": ["service.repo"],
    }


def suggestion(**members: object) -> dict[str, object]:
    return {
        "title": "Make it so",
        "description": "Because",
        "originType": "automation",
        "originId": "rule",
        "sourceType": "entity",
        "sourceId": "repo",
        "sourceContext": {"a": 1},
        "targetType": "entity",
        "targetId": "wished",
        "targetContext": {"b": 2},
        "targetIdOverride": "payments",
        "data": {"blueprintId": "service", "title": "Wished", "properties": {"stars": 7}},
        "ignored": True,
        "autoApply": True,
        "lastAppliedAt": "2026-01-02T03:04:05.000Z",
        **members,
    }


PART = Part(
    furnish=furnish,
    paths=re.compile(r"/api/v1/(entities|suggestions|blueprints)(/{}(/apply)?)?"),
    bodies={
        ("POST", "/api/v1/entities"): lambda world: entity("another"),
        ("PUT", ENTITY): lambda world: entity(world.ids["entities"]),
        ("POST", "/api/v1/suggestions"): lambda world: suggestion(id="wish"),
        ("PUT", SUGGESTION): lambda world: suggestion(),
        ("POST", SUGGESTION + "/apply"): lambda world: {"targetIdOverride": "payments"},
    },
    queries={
        ("GET", "/api/v1/suggestions"): [{"ignored": "false"}, {"origin_id": "rule"}],
        ("PUT", ENTITY): [{"patch": "true"}],
        ("POST", SUGGESTION + "/apply"): [{"dry_run": "true"}],
    },
    reads_back={("POST", SUGGESTION + "/apply"): lambda world, answer: f"/api/v1/entities/{answer['newState']['id']}"},
    unread=frozenset({"targetIdOverride"}),
)
