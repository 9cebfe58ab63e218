"""The execute family of the Interactor contract over a real socket: requests and answers hold to their schemas."""

import json

import pytest
from jsonschema import Draft202012Validator

from tests.connections.making import make_action, make_connector, make_end_user
from tests.contracts.operations import contract
from tests.contracts.test_walk import Caller

BASE = "/{apiVersion}"
ACTION = f"{BASE}/connector/{{connectorId}}/action/{{actionId}}"
DATATYPE = f"{BASE}/connector/{{connectorId}}/datatype/{{datatypeId}}"
FIELDS = {"type": "object", "properties": {"summary": {"type": "string", "x-datatype": "choices"}}}


def hold(value, schema, *, what):
    whole = {**schema, "components": contract("interactor")["components"]}
    errors = [error.message[:200] for error in Draft202012Validator(whole).iter_errors(value)]
    assert not errors, f"{what}: {errors}"


@pytest.fixture
def world(organization):
    connector = make_connector(organization)
    action = make_action(connector, "event.create.simple", {"output": "made"}, variables=FIELDS)
    make_action(connector, "choices", {"output": {"values": ["a", "b"]}}, kind="datatype")
    make_end_user(organization, "test@interactor.com")
    return {"{apiVersion}": "v1", "{connectorId}": "crm", "{actionId}": "event.create.simple", "id": str(action.id)}


def calls(world):
    summary = {"summary": "test"}
    named = {"@type": "action", "connector": "crm", "connectorVersion": "1.0.0", "action": "event.create.simple"}
    yield f"{BASE}/execute", {**named, "actionVersion": "1.0.0", "input": summary}, "made"
    yield f"{ACTION}/execute", summary, {"input": summary, "output": "made"}
    yield f"{DATATYPE}/execute", {"input": {}}, {"input": {}, "output": {"values": ["a", "b"]}}
    step = [{"name": "summary", "value": "test"}]
    asked = {"step": step, "targetField": "summary"}
    yield f"{ACTION}/refreshVariables", asked, {"input": summary, "output": {"values": ["a", "b"]}}
    yield f"{BASE}/test/logic", {"table": "ActionVersion", "id": world["id"], "data": summary, "source": []}, "made"


def address(path, world):
    for name, value in {**world, "{datatypeId}": "choices"}.items():
        path = path.replace(name, value)
    return f"{path}?userId=test@interactor.com"


def test_each_execute_holds_to_the_contract(served, owner, world):
    caller, walked = Caller(served, owner), 0
    for path, body, expected in calls(world):
        described = contract("interactor")["paths"][path]["post"]
        hold(body, described["requestBody"]["content"]["application/json"]["schema"], what=f"{path} request")
        status, text = caller("POST", address(path, world), body)
        assert status == 200, (path, text)
        hold(
            json.loads(text),
            described["responses"]["200"]["content"]["application/json"]["schema"],
            what=f"{path} answer",
        )
        assert json.loads(text) == expected
        walked += 1
    assert walked == 5


def test_monitors_run_strangers_find_nothing_and_errors_have_their_form(served, owner, monitor, stranger, world):
    form = {"type": "object", "required": ["error"], "additionalProperties": False}
    form["properties"] = {"error": {"type": "string"}}
    for path, body, _ in calls(world):
        assert Caller(served, monitor)("POST", address(path, world), body)[0] == 200
        status, text = Caller(served, stranger)("POST", address(path, world), body)
        assert status == 404, path
        hold(json.loads(text), form, what=path)
        nobody = Caller(served, owner)
        del nobody.headers["Authorization"]
        assert nobody("POST", address(path, world), body)[0] == 401
