"""/v1/blueprints and /v1/entities: writing the catalogue in the Celigo conventions."""

import pytest

from apps.catalog.models import Blueprint, Entity
from tests.api import Api, codes_of, fields_of

pytestmark = pytest.mark.django_db
TEAM = {
    "id": "team", "title": "Team", "description": "People", "icon": "people", "isActive": False,
    "schemaProperties": {"type": "object", "properties": {"size": {"type": "integer"}}},
    "options": {"showInSideBar": True},
    "relations": {"parent": {"title": "Parent", "value": "team", "array": False}},
}  # fmt: skip
PAYMENTS = {
    "id": "payments", "blueprintId": "service", "title": "Payments", "description": "Money", "isActive": False,
    "isHidden": True, "properties": {"stars": 3}, "relations": {"owner": {"value": "ada"}}, "sources": ["a.b"],
}  # fmt: skip


@pytest.fixture
def api(owner, blueprints):
    return Api(owner, prefix="/v1/")


def written(shown, document):
    return {name: shown.get(name) for name in document}


def test_a_blueprint_is_made_read_replaced_and_deleted(api):
    made = api.post("blueprints", TEAM)
    assert made.status_code == 201
    shown = api.get(f"blueprints/{made.json()['_id']}").json()
    assert shown == made.json() == api.get("blueprints/team").json()
    assert written(shown, TEAM) == TEAM
    replaced = api.put("blueprints/team", {"id": "team", "title": "Teams"})
    assert replaced.status_code == 200
    assert (replaced.json()["title"], replaced.json()["schemaProperties"], replaced.json()["isActive"]) == (
        "Teams", {}, True,
    )  # fmt: skip
    assert api.delete("blueprints/team").status_code == 204
    assert api.get("blueprints/team").status_code == 404


def test_a_blueprint_that_cannot_be_is_refused_by_name(api):
    for document, fields in (
        ({}, ["id", "title"]),
        ({**TEAM, "id": "Not Good", "relations": {}}, ["id"]),
        ({**TEAM, "schemaProperties": {"type": "no such"}}, ["schemaProperties"]),
        ({**TEAM, "schemaProperties": {"$ref": "https://x.example/s"}}, ["schemaProperties"]),
        ({**TEAM, "schemaProperties": []}, ["schemaProperties"]),
        ({**TEAM, "relations": {"a": {"value": "nobody"}, "b": 5}}, ["relations.b", "relations.a.value"]),
    ):
        answer = api.post("blueprints", document)
        assert (answer.status_code, fields_of(answer)) == (422, fields), document
    assert api.post("blueprints", {**TEAM, "id": "service", "relations": {}}).status_code == 409
    assert fields_of(api.put("blueprints/service", TEAM)) == ["id"]
    assert api.post("blueprints", []).status_code == 400


def test_a_new_schema_is_asked_of_the_entities_there_are(api, save):
    save("payments", properties={"stars": 3})
    document = api.get("blueprints/service").json()
    stricter = {**document, "schemaProperties": {"properties": {"stars": {"maximum": 2}}}}
    answer = api.put("blueprints/service", stricter)
    assert answer.status_code == 422
    assert "the entity payments breaks it" in answer.json()["errors"][0]["message"]
    assert Blueprint.objects.get(natural_id="service").schema == document["schemaProperties"]
    assert api.put("blueprints/service", {**stricter, "schemaProperties": {}}).status_code == 200
    assert codes_of(api.delete("blueprints/service")) == ["has_dependents"]


def test_an_entity_is_made_listed_replaced_and_deleted(api, save):
    made = api.post("entities", PAYMENTS)
    assert made.status_code == 201
    shown = api.get(f"entities/{made.json()['_id']}").json()
    assert shown == made.json() == api.get("entities/payments").json()
    assert written(shown, PAYMENTS) == PAYMENTS
    assert shown["fieldSources"]["properties.stars"] == "Manual"
    save("repo", "github.v1.repository")
    assert [row["id"] for row in api.get("entities").json()] == ["payments", "repo"]
    assert [row["id"] for row in api.get("entities?blueprintId=service").json()] == ["payments"]
    replaced = api.put("entities/payments", {"id": "payments", "blueprintId": "service", "title": "P"}).json()
    assert (replaced["title"], replaced["properties"], replaced["sources"]) == ("P", {}, ["a.b"])
    assert api.post("entities", PAYMENTS).status_code == 409
    assert fields_of(api.put("entities/payments", {**PAYMENTS, "id": "other"})) == ["id"]
    assert api.delete("entities/payments").status_code == 204
    assert api.delete("entities/payments").status_code == 404


def test_an_entity_obeys_its_blueprint(api):
    answer = api.post("entities", {**PAYMENTS, "properties": {"stars": "many"}, "relations": {"owner": {}}})
    assert (answer.status_code, fields_of(answer)) == (422, ["properties.stars", "relations.owner"])
    unknown = api.post("entities", {**PAYMENTS, "blueprintId": "nobody"})
    assert (unknown.status_code, fields_of(unknown)) == (400, ["blueprintId"])


def test_a_rules_field_is_edited_once_it_is_taken_over(api, save):
    save("payments", origin="rule", properties={"readme": "rule"}, merge=True)
    document = api.get("entities/payments").json()
    assert document["fieldSources"]["properties.readme"] == "rule"
    mine = {**document, "properties": {"readme": "mine"}}
    assert fields_of(api.put("entities/payments", mine)) == ["properties.readme"]
    sources = {**document["fieldSources"], "properties.readme": "Manual"}
    taken = api.put("entities/payments", {**mine, "fieldSources": sources}).json()
    assert (taken["properties"]["readme"], taken["fieldSources"]["properties.readme"]) == ("mine", "Manual")
    given = api.put("entities/payments", {**mine, "fieldSources": {"properties.readme": "rule"}})
    assert fields_of(given) == ["fieldSources.properties.readme"]
    # A refused edit has taken nothing over.
    save("payments", origin="rule", properties={"readme": "rule"}, merge=True)
    bad = {**mine, "fieldSources": {"properties.readme": "Manual"}, "properties": {"readme": 5}}
    assert api.put("entities/payments", bad).status_code == 422
    assert Entity.objects.get(natural_id="payments").field_sources["properties.readme"] == "rule"


def test_others_find_nothing_and_a_monitor_writes_nothing(api, stranger, monitor, save):
    save("payments")
    theirs, watching = Api(stranger, prefix="/v1/"), Api(monitor, prefix="/v1/")
    for path in ("blueprints", "entities"):
        assert theirs.get(path).json() == []
        assert len(watching.get(path).json()) > 0
    id = api.get("entities/payments").json()["_id"]
    for path in ("entities/payments", f"entities/{id}", "blueprints/service"):
        for method in ("get", "put", "delete"):
            assert theirs.send(method, path, PAYMENTS if method == "put" else None).status_code == 404
    assert theirs.post("blueprints", {**TEAM, "relations": {"a": {"value": "service"}}}).status_code == 422
    assert watching.post("entities", PAYMENTS).status_code == 403
    assert watching.put("entities/payments", PAYMENTS).status_code == 403
    assert watching.delete("blueprints/service").status_code == 403
