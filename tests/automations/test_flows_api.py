"""/api/v1/flows and /api/v1/flow-runs as a client of the Rely API meets them; /v1/automations beside them."""

import json

import pytest

from apps.automations.models import AutomationVersion
from apps.catalog.blueprints import save_blueprint
from apps.catalog.models import Entity
from apps.catalog.services import EntityWrite, save_entities
from tests.api import Api
from tests.automations.conftest import on, when
from tests.conftest import SHARED

pytestmark = pytest.mark.django_db(transaction=True)
SERVICE = {
    "id": "service-to-team", "title": "A team a service", "type": "automation",
    "description": "d", "icon": "i", "isActive": False, "needsApproval": True, "order": 3,
    "arguments": {"sourceBlueprintId": "service", "targetBlueprintId": "team"}, "secrets": {"token": "shh"},
    "triggers": [on("create", "update", conditions=[when("data.blueprintId", "eq", "service")])],
    "actions": [{
        "type": "upsertResource", "id": "team", "title": "t", "description": "x", "conditions": [],
        "args": {"data": {"id": "{{ data.id }}.team", "title": "{{ data.title }}", "blueprintId": "team"}},
    }],
    "outputs": {"team": "{{ actions.team.output.id }}"}, "tags": [{"key": "owner", "value": "me"}],
}  # fmt: skip
ACTIVE = {**SERVICE, "isActive": True, "needsApproval": False}
SIZE = {"required": ["size"], "properties": {"size": {"type": "integer"}}}
RESIZE = {
    "id": "resize", "title": "Resize", "type": "selfServiceAction", "outputs": {"size": "{{ args.size * 2 }}"},
    "triggers": [{"type": "manual", "inputSchema": SIZE}],
}  # fmt: skip


@pytest.fixture
def api(owner):
    for id in ("service", "team"):
        save_blueprint(actor=owner.actor, id=id, fields={"title": id})
    return Api(owner, prefix="/api/v1/")


@pytest.fixture
def services(organization):
    def make(*ids):
        writes = [EntityWrite(id=id, blueprint_id="service", title=id.title()) for id in ids]
        save_entities(organization_id=organization.id, actor=None, writes=writes)

    return make


def problems(answer):
    assert answer.status_code == 422, answer.content
    return [(one["loc"], one["type"]) for one in answer.json()["detail"]]


def test_what_is_written_is_read_back_and_secrets_are_masked(api):
    made = api.post("flows", SERVICE)
    assert made.status_code == 200, made.content
    read = api.get("flows/service-to-team").json()
    assert read == made.json()
    assert {name: read[name] for name in SERVICE} == {**SERVICE, "secrets": {"token": "******"}}
    assert isinstance(read["createdBy"], int) and read["updatedBy"] == read["createdBy"]
    taken = api.post("flows", SERVICE)
    assert taken.status_code == 409 and "service-to-team" in taken.json()["detail"]
    assert api.delete("flows/service-to-team").status_code == 200
    gone = api.get("flows/service-to-team")
    assert (gone.status_code, gone.json()) == (404, {"detail": "Flow with id service-to-team not found"})


def test_an_upsert_creates_or_replaces_all_of_it_and_every_save_is_a_version(api, owner):
    assert api.put("flows/service-to-team", SERVICE).status_code == 200
    least = {name: SERVICE[name] for name in ("id", "title", "type")}
    replaced = api.put("flows/service-to-team", least).json()
    assert replaced["isActive"] is True and replaced["needsApproval"] is False
    assert replaced["actions"] == [] and replaced["description"] is None and replaced["order"] is None
    api.put("flows/service-to-team", SERVICE)
    listed = Api(owner, prefix="/v1/").get("automations/service-to-team/versions").json()
    assert [one["number"] for one in listed] == [1, 2, 3]
    assert [one["isCurrent"] for one in listed] == [False, False, True]
    assert listed[1]["document"]["actions"] == [] and listed[2]["document"]["order"] == 3
    one = Api(owner, prefix="/v1/").get(f"automations/service-to-team/versions/{listed[0]['_id']}").json()
    assert one == listed[0]


def test_a_masked_secret_that_is_written_back_stays_what_it_was(api, shop):
    api.put("flows/service-to-team", SERVICE)
    read = api.get("flows/service-to-team").json()
    assert api.put("flows/service-to-team", {name: read[name] for name in SERVICE}).status_code == 200
    from apps.automations import secrets

    newest = AutomationVersion.objects.order_by("-number").first()
    assert secrets.opened(newest) == {"token": "shh"}
    assert problems(api.post("flows", {**SERVICE, "id": "other", "secrets": {"x": "******"}})) == [
        (["body", "secrets", "x"], "value_error")
    ]


@pytest.mark.parametrize(
    ("change", "loc", "type"),
    [
        ({"id": "Not An Id"}, ["body", "id"], "value_error.str.regex"),
        ({"title": None}, ["body", "title"], "type_error.none.not_allowed"),
        ({"type": "cron"}, ["body", "type"], "type_error.enum"),
        ({"isActive": "yes"}, ["body", "isActive"], "type_error.bool"),
        ({"triggers": [{"type": "onEvent"}]}, ["body", "triggers", 0, "event"], "value_error.missing"),
        ({"triggers": [{"type": "onMoon"}]}, ["body", "triggers", 0, "type"], "value_error"),
        ({"triggers": [{"type": "manual", "inputSchema": {"type": "x"}}], "type": "selfServiceAction",
              "isActive": True},
         ["body", "triggers", 0, "inputSchema", "type"], "value_error"),
        ({"triggers": [on("create", conditions=[{"field": "x"}])]},
         ["body", "triggers", 0, "conditions", 0, "operator"], "value_error.missing"),
        ({"triggers": [on("create", conditions=[when("x", "is", 1)])]},
         ["body", "triggers", 0, "conditions", 0, "operator"], "type_error.enum"),
        ({"triggers": [on("create", conditions=[when("x", "eq", "{{ 1 +")])]},
         ["body", "triggers", 0, "conditions", 0, "value"], "value_error"),
        ({"actions": [{"type": "explode"}]}, ["body", "actions", 0, "type"], "value_error"),
        ({"actions": [{"type": "upsertResource"}]}, ["body", "actions", 0, "args", "data"], "value_error.missing"),
        ({"actions": [{"type": "upsertResource", "args": {"data": {"id": "{{ data.id }}"}}}]},
         ["body", "actions", 0, "args", "data", "blueprintId"], "value_error.missing"),
        ({"actions": [{"type": "fetchFieldsFromResources", "args": {"fields": "title"}}]},
         ["body", "actions", 0, "args", "fields"], "value_error"),
        ({"actions": [{"type": "fetchResource", "id": "x"}, {"type": "fetchResource", "id": "x"}]},
         ["body", "actions", 1, "id"], "value_error"),
        ({"outputs": {"x": "{% if %}"}}, ["body", "outputs", "x"], "value_error"),
        ({"type": "selfServiceAction"}, ["body", "triggers", 0, "type"], "value_error"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(api, change, loc, type):
    assert (loc, type) in problems(api.post("flows", {**SERVICE, **change}))


def test_a_template_may_stand_where_another_type_is_wanted(api):
    action = {"type": "fetchFieldsFromResources", "args": {"fields": "{{ arguments.fields }}"}}
    assert api.post("flows", {**SERVICE, "actions": [action]}).status_code == 200


def test_an_unknown_blueprint_is_told_in_the_vendors_words(api):
    refused = api.post("flows", {**SERVICE, "arguments": {"sourceBlueprintId": "moon"}})
    assert (refused.status_code, refused.json()) == (
        400, {"detail": "Automation error: Blueprint with id moon not found"},
    )  # fmt: skip


def test_an_upsert_whose_body_has_another_id_is_refused(api):
    assert api.put("flows/other", SERVICE).status_code == 400
    assert problems(api.put("flows/service-to-team", {"title": "x", "type": "automation"}))[0][0] == ["body", "id"]


def test_pages_stay_whole_while_flows_come_and_go(api):
    for number in range(5):
        api.post("flows", {**RESIZE, "id": f"f{number}"})
    first = api.get("flows?size=2").json()
    assert first["total"] == 5 and [one["id"] for one in first["items"]] == ["f0", "f1"]
    api.delete("flows/f1")
    api.delete("flows/f2")
    api.post("flows", {**SERVICE, "id": "f5"})
    second = api.get(f"flows?size=2&cursor={first['next_page']}").json()
    third = api.get(f"flows?size=2&cursor={second['next_page']}").json()
    assert [one["id"] for one in second["items"] + third["items"]] == ["f3", "f4", "f5"]
    assert third["next_page"] is None
    kept = api.get("flows?type=automation").json()
    assert [one["id"] for one in kept["items"]] == ["f5"]
    assert problems(api.get("flows?type=cron")) == [(["query", "type"], "type_error.enum")]
    assert api.get("flows?cursor=x").status_code == 400


def test_trigger_runs_the_saved_flow_over_what_stands_there_already(api, services, shop):
    services("web", "api")
    api.post("flows", ACTIVE)
    shop.work()
    assert not shop.runs, "without it, nothing runs before the next event"
    api.put("flows/service-to-team?trigger=true", ACTIVE)
    shop.work()
    assert set(Entity.objects.filter(blueprint__natural_id="team").values_list("natural_id", flat=True)) == {
        "web.team", "api.team",
    }  # fmt: skip
    assert len(shop.runs) == 2
    assert problems(api.put("flows/service-to-team?trigger=maybe", ACTIVE)) == [
        (["query", "trigger"], "type_error.bool")
    ]


def test_a_self_service_action_is_run_and_read(api, shop):
    api.post("flows", RESIZE)
    body = {"id": "run-1", "flowId": "resize", "args": {"size": 4}, "tags": [{"key": "a", "value": "b"}]}
    made = api.post("flow-runs", body)
    assert made.status_code == 200, made.content
    assert made.json()["phase"] == "pending"
    shop.work()
    run = api.get("flow-runs/run-1").json()
    assert {name: run[name] for name in ("id", "flowId", "args", "tags")} == body
    assert (run["flowType"], run["phase"], run["outputs"]) == ("selfServiceAction", "succeeded", {"size": 8})
    assert run["startTime"] and run["endTime"] and run["logs"][-1]["level"] == "info"
    assert api.get("flow-runs").json()["items"] == [run]


def test_a_run_that_cannot_be_is_refused(api, shop):
    api.post("flows", RESIZE)
    api.post("flows", ACTIVE)
    assert problems(api.post("flow-runs", {"flowId": "resize"})) == [(["body", "args", "size"], "value_error.missing")]
    assert api.post("flow-runs", {"flowId": "nothing"}).status_code == 404
    assert api.post("flow-runs", {"flowId": "service-to-team"}).status_code == 400
    assert api.post("flow-runs", {"id": "a", "flowId": "resize", "args": {"size": 1}}).status_code == 200
    twice = api.post("flow-runs", {"id": "a", "flowId": "resize", "args": {"size": 1}})
    assert (twice.status_code, twice.json()["detail"]) == (400, "Automation error: Flow run with id a already exists")
    assert len(shop.runs) == 1
    assert api.get("flow-runs/b").status_code == 404


def test_a_run_tells_its_actions_and_its_log(api, services, shop):
    api.post("flows", ACTIVE)
    services("web")
    shop.work()
    [run] = api.get("flow-runs").json()["items"]
    assert run["phase"] == "succeeded" and run["outputs"] == {"team": "web.team"}
    [action] = run["actions"]
    assert (action["id"], action["phase"]) == ("team", "succeeded")
    assert run["logs"][0]["message"] == "Created web.team." and run["logs"][0]["action"] == "team"


def test_an_approval_is_given_through_the_run(api, owner, shop, monitor):
    api.post("flows", {**RESIZE, "needsApproval": True})
    asker = Api(monitor, prefix="/api/v1/")
    assert asker.post("flow-runs", {"id": "r", "flowId": "resize", "args": {"size": 1}}).status_code == 200
    shop.work()
    assert api.get("flow-runs/r").json()["phase"] == "waitingApproval"
    assert asker.post("flow-runs/r/approve").status_code == 403
    assert api.post("flow-runs/r/approve").status_code == 200
    assert api.post("flow-runs/r/reject").status_code == 409
    shop.work()
    run = api.get("flow-runs/r").json()
    assert run["phase"] == "succeeded" and isinstance(run["reviewedBy"], int) and run["reviewedAt"]


def test_strangers_see_nothing_and_monitors_change_nothing(api, monitor, stranger):
    api.post("flows", SERVICE)
    looking, outside = Api(monitor, prefix="/api/v1/"), Api(stranger, prefix="/api/v1/")
    assert looking.get("flows/service-to-team").status_code == 200
    assert looking.put("flows/service-to-team", SERVICE).status_code == 403
    assert looking.delete("flows/service-to-team").status_code == 403
    assert outside.get("flows").json()["items"] == []
    assert outside.get("flows/service-to-team").status_code == 404
    assert Api(stranger, prefix="/v1/").get("automations/service-to-team").status_code == 404


def test_lists_cost_the_same_however_long(api, services, shop, django_assert_max_num_queries):
    api.post("flows", ACTIVE)
    services(*(f"s{number}" for number in range(12)))
    shop.work()
    with django_assert_max_num_queries(9):
        assert len(api.get("flow-runs").json()["items"]) == 12


def test_what_junction_adds_is_written_under_v1_and_survives_a_rely_client(api, owner):
    own = Api(owner, prefix="/v1/")
    made = own.post("automations", {**SERVICE, "concurrencyKey": "{{ data.id }}"})
    assert made.status_code == 201, made.content
    assert "concurrencyKey" not in api.get("flows/service-to-team").json()
    assert api.put("flows/service-to-team", SERVICE).status_code == 200
    read = own.get("automations/service-to-team").json()
    assert read["concurrencyKey"] == "{{ data.id }}" and read["version"] == 2
    assert own.put(f"automations/{read['_id']}", SERVICE).json().get("concurrencyKey") is None
    assert [one["id"] for one in own.get("automations").json()] == ["service-to-team"]
    assert own.delete("automations/service-to-team").status_code == 204


def test_every_shipped_automation_reads_back_as_it_was_written(api, owner):
    documents = [
        document
        for name in ("github", "gitlab", "pagerduty")
        for document in json.loads((SHARED / "samples" / "rely" / f"{name}.json").read_text())
    ]
    named = {id for document in documents for id in document["arguments"].values()} - {"service", "team"}
    for id in sorted(named):
        save_blueprint(actor=owner.actor, id=id, fields={"title": id})
    for document in documents:
        shown = api.post("flows", document).json()
        assert {name: shown[name] for name in document} == document


@pytest.mark.parametrize("type", ["scorecard", "reference"])
def test_scorecards_and_references_are_kept_and_never_run(api, services, shop, type):
    made = api.post("flows", {**ACTIVE, "type": type})
    assert made.status_code == 200 and made.json()["type"] == type
    services("web")
    shop.work()
    assert shop.runs == []
    assert api.post("flow-runs", {"flowId": "service-to-team"}).status_code == 400
