"""A catalogue of services and what feeds them, and somebody who listens to what happens in it."""

import pytest

from apps.catalog.blueprints import save_blueprint
from apps.catalog.services import save_entity
from apps.events import consumers
from apps.events.consumers import EventConsumer
from apps.events.models import Event

SERVICE = {
    "type": "object",
    "properties": {
        "readme": {"type": "string"},
        "stars": {"type": "integer", "minimum": 0},
        "labels": {"type": "array", "items": {"type": "string"}},
    },
}


class Heard:
    """What listeners were told since one last asked: (type, entity's id)."""

    def __init__(self, organization):
        self.organization = organization
        self.after = None

    def events(self):
        rows = Event.objects.filter(organization=self.organization, type__startswith="entity.").order_by("id")
        found = list(rows.filter(id__gt=self.after) if self.after else rows)
        self.after = found[-1].id if found else self.after
        return found

    def __call__(self):
        return [(event.type.removeprefix("entity."), event.data["data"]["id"]) for event in self.events()]


@pytest.fixture
def heard(organization, monkeypatch):
    monkeypatch.setattr(consumers, "_consumers", {})
    consumers.register(EventConsumer(name="test", deliver=lambda event: None, prefixes=("entity.",)))
    return Heard(organization)


@pytest.fixture
def blueprints(owner):
    """`service`, whose properties have a schema, and `github.v1.repository`, whose may be anything."""
    repository = save_blueprint(actor=owner.actor, id="github.v1.repository", fields={"title": "Repository"})
    service = save_blueprint(actor=owner.actor, id="service", fields={"title": "Service", "schema": SERVICE})
    return {"repository": repository, "service": service}


@pytest.fixture
def save(organization, blueprints):
    """Writes an entity as the system does, or as somebody."""

    def save_one(id, blueprint_id="service", *, actor=None, merge=False, **members):
        return save_entity(
            organization_id=organization.id, actor=actor, id=id, blueprint_id=blueprint_id, merge=merge,
            **{"title": id.title(), **members},
        )  # fmt: skip

    return save_one
