"""Every built operation of the Celigo conventions over a real socket: requests and answers hold to the contract.

What is written is read back; a list of operations that could not be reached would be empty, so it fails.
"""

import json

import pytest

from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS
from apps.wire.viewsets import ResourceViewSet
from tests.contracts.caller import Caller
from tests.contracts.calls import BODIES, IN_THE_WAY, QUERIES
from tests.contracts.operations import contract, hold, resolve
from tests.contracts.test_roles import MINE, success_of
from tests.contracts.world import World, build_world

COMPUTED = {"_id", "createdAt", "lastModified", "lastExecutedAt", "offline", "disabled", "size", "sizeInMB"}


def documented(operation):
    return contract("celigo")["paths"][operation.path.removeprefix("/v1")][operation.method.lower()]


def test_every_operation_holds_to_the_contract(served, owner):
    caller = Caller(served, owner)
    walked, world = 0, build_world(owner)
    for operation in sorted(MINE, key=lambda o: (o.method == "DELETE", o.method != "GET", o.path)):
        if operation.method != "GET":
            world = build_world(owner)
        if operation.method == "DELETE":
            clear_the_way(world, operation)
        walk(caller, operation, world)
        walked += 1
    assert walked == len(MINE) > 60


def clear_the_way(world: World, operation) -> None:
    resources = {"flow": FLOWS, "export": EXPORTS, "lookup": EXPORTS, "import": IMPORTS}
    for kind in IN_THE_WAY.get(operation.triple[2], ()):
        row = resources[kind].readable(world.actor).find(world.ids[kind])
        resources[kind].delete(actor=world.actor, row=row)


def walk(caller: Caller, operation, world: World) -> None:
    what = f"{operation.method} {operation.path}"
    address = world.address(operation.path) + QUERIES.get(operation.triple[2], lambda world: "")(world)
    body = BODIES[operation.method, operation.triple[2]](world) if operation.method != "GET" else None
    described = documented(operation)
    wanted = described.get("requestBody")
    if wanted and body is not None:
        hold("celigo", body, wanted["content"]["application/json"]["schema"], what=f"{what} request")
    status, text = caller(operation.method, address, body)
    assert status == success_of(operation), f"{what}: {status} {text[:500]!r}"
    content = resolve("celigo", described["responses"][str(status)]).get("content", {})
    if "application/json" in content:
        hold("celigo", json.loads(text), content["application/json"]["schema"], what=f"{what} answer")
    elif status == 204:
        assert text == b"", what
    if operation.action in ("create", "replace") and issubclass(operation.view.cls, ResourceViewSet):
        read_back(caller, operation, body, json.loads(text))
    if operation.action == "destroy":
        assert caller("GET", address)[0] == 404, what


def read_back(caller: Caller, operation, written, answered) -> None:
    collection = "/".join(operation.path.split("/")[:3])
    status, text = caller("GET", f"{collection}/{answered['_id']}")
    assert status == 200
    shown = json.loads(text)
    assert shown == answered
    expected = json.loads(json.dumps(written).replace("s3cr3t", "******"))
    assert {key: value for key, value in shown.items() if key not in COMPUTED} == expected


@pytest.mark.django_db
def test_bad_calls_are_answered_in_the_contracts_error_form(client, owner):
    envelope = {"$ref": "#/components/schemas/ErrorEnvelope"}
    for method, path, body in (
        ("get", "/v1/flows/000000000000000000000000", None),
        ("get", "/v1/jobs", None),
        ("get", "/v1/nothing", None),
        ("post", "/v1/flows", {}),
        ("post", "/v1/flows", "{"),
    ):
        headers = owner.headers
        kwargs = {"data": body, "content_type": "application/json"} if body is not None else {}
        answer = getattr(client, method)(path, headers=headers, **kwargs)
        assert 400 <= answer.status_code < 500
        hold("celigo", answer.json(), envelope, what=f"{method} {path}")
