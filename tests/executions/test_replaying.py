"""POST /v1/executions/{id}/replay of connector actions: on the version they ran on, or on another one."""

import pytest

from apps.connectors import services
from apps.executions.differences import compare_lists, compare_values
from apps.executions.models import Execution, Step
from tests.api import Api
from tests.connections.making import make_action, make_connector
from tests.connections.target import serving

pytestmark = pytest.mark.django_db(transaction=True)


def program(**more):
    body = {"name": "{{ steps.found.body.name }}", **more}
    return {
        "steps": [
            {"name": "found", "request": {"method": "GET", "url": "/people/{{ input.data.id }}"}},
            {"name": "made", "request": {"method": "POST", "url": "/leads", "body": body, "effect": "write"}},
        ],
        "output": {"lead": "{{ steps.made.body.id }}", "name": "{{ steps.found.body.name }}"},
    }


def answer(seen):
    return (200, {}, {"name": "Ada"}) if seen.method == "GET" else (201, {}, {"id": "lead-7"})


@pytest.fixture
def target():
    with serving(answer) as found:
        yield found


@pytest.fixture
def crm(organization, target):
    return make_connector(organization, base_url=target.url)


@pytest.fixture
def action(crm):
    return make_action(crm, "lead.create", program(), variables={"type": "object", "required": ["id"]})


@pytest.fixture
def api(owner):
    return Api(owner)


def execute(api, **body):
    named = {"@type": "action", "connector": "crm", "connectorVersion": "1.0.0", "action": "lead.create"}
    done = api.post("/v1/execute", {**named, "input": {"id": 5}, **body})
    return done, done.headers.get("Junction-Execution", "")


def replay(api, execution_id, **body):
    return api.post(f"/v1/executions/{execution_id}/replay", body)


def test_an_action_replayed_on_its_own_version_is_the_same(api, action, target):
    done, execution_id = execute(api)
    assert done.json() == {"lead": "lead-7", "name": "Ada"}
    replayed = replay(api, execution_id)
    assert replayed.status_code == 201, replayed.content
    told = replayed.json()
    assert told["same"] and told["requests"]["unchanged"] == 2
    assert told["against"] == {"connectorVersion": "1.0.0", "actionVersion": "1.0.0"}
    assert len(target.seen) == 2
    row = Execution.objects.get(kind="replay")
    assert row.hex_id == told["_executionId"]
    assert (row.kind, row.mode, row.state, row.target_id) == ("replay", "replay", "succeeded", action.id)
    assert not Step.objects.filter(execution=row).exists()


def test_another_version_of_the_action_shows_what_would_change(api, action, target):
    _, execution_id = execute(api)
    newer = program(source="web")
    newer["output"]["extra"] = 1
    services.create_component_version(
        component=action.component, version="2", logic={"execute": newer}, schema=action.schema
    )
    told = replay(api, execution_id, actionVersion="2.0.0").json()
    assert not told["same"]
    (changed,) = told["requests"]["changed"]
    assert (changed["method"], changed["unrecorded"]) == ("POST", True)
    assert changed["fields"] == [{"fieldPath": "body.source", "newValue": "web"}]
    unsent = {"$planned": f"answer of POST {target.url}/leads → id"}
    assert told["output"] == [
        {"fieldPath": "output.lead", "oldValue": "lead-7", "newValue": unsent},
        {"fieldPath": "output.extra", "newValue": 1},
    ]
    assert len(target.seen) == 2


def test_another_version_of_the_connector_shows_what_would_change(api, action, crm, target):
    _, execution_id = execute(api)
    version = services.create_version(connector=crm, name="2.0.0", base_url=f"{target.url}/v2", logic={})
    services.publish_version(version=version)
    told = replay(api, execution_id, version="2.0.0").json()
    assert told["against"]["connectorVersion"] == "2.0.0"
    assert told["requests"]["numChanged"] == 1 and told["requests"]["numRemoved"] == 1
    assert told["requests"]["changed"][0]["fields"] == [
        {"fieldPath": "url", "oldValue": f"{target.url}/people/5", "newValue": f"{target.url}/v2/people/5"}
    ]
    assert "holds no (further) answer" in told["reason"][0]["newValue"]
    assert len(target.seen) == 2


def test_a_refused_action_is_refused_again(api, action, target):
    target.answer = lambda seen: (200, {}, {"name": "Ada"}) if seen.method == "GET" else (422, {}, {"message": "no"})
    _, _ = execute(api)
    row = Execution.objects.get()
    assert row.state == "failed"
    assert replay(api, row.hex_id).json()["same"]


def test_what_there_is_not_is_refused_by_its_name(api, action):
    _, execution_id = execute(api)
    for body, field in (({"version": "9"}, "connectorVersion"), ({"actionVersion": "9"}, "actionVersion")):
        refused = replay(api, execution_id, **body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (404, field)
    refused = replay(api, execution_id, document="current")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "document")
    assert replay(api, "5ac7a363b3ace77b5ac7a363").status_code == 404


def test_values_differ_leaf_by_leaf():
    old, new = {"a": 1, "b": [1, {"c": 2}], "d": None}, {"a": True, "b": [1, {"c": 3}, 4], "e": None}
    assert list(compare_values(old, new)) == [
        {"fieldPath": "a", "oldValue": 1, "newValue": True},
        {"fieldPath": "b[1].c", "oldValue": 2, "newValue": 3},
        {"fieldPath": "b[2]", "newValue": 4},
        {"fieldPath": "d", "oldValue": None},
        {"fieldPath": "e", "newValue": None},
    ]
    assert compare_lists([1, 1, 2], [2, 1, 3]) == {"added": [3], "removed": [1]}
