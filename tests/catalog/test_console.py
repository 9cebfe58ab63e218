"""The verbs of the catalogue's pages: through services, for those who may."""

import json

import pytest

from apps.accounts.console.names import address_of, list_url
from apps.catalog.models import Blueprint, Entity, Suggestion
from apps.catalog.suggestions import offer
from tests.console.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(owner):
    return signed_in(owner)


@pytest.fixture
def suggestion(save):
    source = save("repo", "github.v1.repository").entity
    data = {"id": "repo.service", "blueprintId": "service", "title": "Repo", "properties": {"stars": 2}}
    return offer(origin_id="rule", source=source, data=data).suggestion


def do(client, row, name):
    return client.post(address_of(row).replace("/change/", f"/do/{name}/"), follow=True).content.decode()


def page(client, row):
    return client.get(address_of(row)).content.decode()


def store(client, model, document, row=None):
    address = address_of(row).replace("/change/", "/edit/") if row else list_url(model) + "add/"
    revision = row.updated_at.isoformat() if row else ""
    return client.post(address, {"document": json.dumps(document), "revision": revision}, follow=True)


def test_a_suggestion_is_ignored_heeded_applied_and_set_to_apply_by_itself(console, suggestion):
    assert "properties.stars" in page(console, suggestion)
    assert "It is ignored" in do(console, suggestion, "ignore")
    assert "That cannot be done here" in do(console, suggestion, "apply")
    assert "It is open again." in do(console, suggestion, "heed")
    assert "Repo is made as suggested." in do(console, suggestion, "apply")
    assert "Repo is as suggested already." in do(console, suggestion, "apply")
    assert "written at once" in do(console, suggestion, "automate")
    suggestion.refresh_from_db()
    assert (suggestion.auto_apply, suggestion.state) == (True, "applied")
    assert "waits for a person" in do(console, suggestion, "ask")
    assert "The suggestion is deleted." in do(console, suggestion, "delete")


def test_what_cannot_be_applied_says_why_on_its_page(console, suggestion):
    Suggestion.objects.update(data={**suggestion.data, "properties": {"stars": "many"}})
    shown = page(console, suggestion)
    assert "It cannot be applied: properties.stars" in shown
    assert "properties.stars" in do(console, suggestion, "apply")
    assert not Entity.objects.filter(natural_id="repo.service").exists()


def test_a_monitor_looks_and_does_nothing(monitor, suggestion):
    watching = signed_in(monitor)
    shown = page(watching, suggestion)
    assert "What applying would change" in shown and "/do/apply/" not in shown
    do(watching, suggestion, "apply")
    assert not Entity.objects.filter(natural_id="repo.service").exists()


def test_an_entity_is_edited_and_a_rules_field_only_once_it_is_taken_over(console, save):
    entity = save("payments", origin="rule", properties={"readme": "rule"}, merge=True).entity
    document = {"id": "payments", "blueprintId": "service", "title": "Payments", "properties": {"readme": "mine"}}
    refused = store(console, Entity, document, entity)
    assert "belongs to the automation rule" in refused.content.decode()
    taken = {**document, "fieldSources": {"properties.readme": "Manual"}}
    assert "Entity Payments is saved." in store(console, Entity, taken, entity).content.decode()
    entity.refresh_from_db()
    assert entity.properties == {"readme": "mine"}


def test_a_blueprint_is_made_and_its_schema_asked_of_its_entities(console, save):
    made = store(console, Blueprint, {"id": "team", "title": "Team"})
    assert "Blueprint Team is saved." in made.content.decode()
    team = Blueprint.objects.get(natural_id="team")
    save("red", "team", properties={"size": "ten"})
    schema = {"properties": {"size": {"type": "integer"}}}
    refused = store(console, Blueprint, {"id": "team", "title": "Team", "schemaProperties": schema}, team)
    assert "the entity red breaks it" in refused.content.decode()
    assert "describes 1 entities" in do(console, team, "delete")
    assert "is no member of this" in store(console, Blueprint, {"id": "x", "title": "X", "a": 1}).content.decode()
