"""Every built operation of the Interactor conventions over a real socket: requests and answers hold to the contract.

What is written is read back, what is deleted is gone, and every member that the contract documents of an answer was
seen with a value in it.
"""

import json
from typing import Any

import pytest

from tests.api import Api
from tests.conftest import make_person
from tests.contracts.caller import Caller
from tests.contracts.operations import Routed, described, hold, resolve
from tests.contracts.parts import World, body_of, build_world, fields_of, mine, part_of, seen_in
from tests.contracts.shapes import EXCUSED

UNKNOWN = ("not/known", "no@one.example", "9.9.9", "\0", "0" * 24, "834b068c-xxxx", "%", "٣" * 36, "x" * 3000)
ERROR = {"$ref": "#/components/schemas/Error"}


@pytest.fixture
def walker(organization):
    """Nobody of the cast, whose module may share this database."""
    return make_person(organization=organization, role="owner", email="walker@acme.example")


def test_every_operation_holds_to_the_contract(served, walker):
    caller = Caller(served, walker)
    world, wanted, seen = build_world(walker), set(), set()
    for operation in sorted(mine(), key=lambda o: (o.method == "DELETE", o.method != "GET", o.path)):
        if operation.method != "GET":
            walker.organization.refresh_from_db()
            world = fresh_world(walker)
        shape, answer = walk(caller, operation, world)
        wanted |= fields_of(shape, name=operation.path)
        seen |= seen_in(answer, shape, name=operation.path)
    assert wanted, "nothing was walked"
    assert wanted - seen - EXCUSED == set(), "documented members of answers that were null throughout"


def fresh_world(owner: Any) -> World:
    from apps.accounts.models import EndUser
    from apps.connectors.models import Connector

    EndUser.objects.filter(organization=owner.organization).delete()  # with their credentials, which hold connectors
    Connector.objects.filter(organization=owner.organization).delete()
    return build_world(owner)


def walk(caller: Caller, operation: Routed, world: World) -> tuple[dict[str, Any], Any]:
    what = f"{operation.method} {operation.path}"
    address, body, told = world.address(operation), body_of(operation, world), described(operation)
    if "requestBody" in told:
        hold("interactor", body, told["requestBody"]["content"]["application/json"]["schema"], what=f"{what} request")
    status, text = caller(operation.method, address, body)
    assert status == 200, f"{what}: {status} {text[:500]!r}"
    answer = json.loads(text)
    shape = resolve("interactor", told["responses"]["200"])["content"]["application/json"]["schema"]
    hold("interactor", answer, shape, what=f"{what} answer")
    if operation.method in ("POST", "PUT"):
        read_back(caller, operation, world, body, answer)
    if operation.method == "DELETE" and any(o.method == "GET" and o.path == operation.path for o in mine()):
        assert caller("GET", address)[0] == 404, what
    return shape, answer


def read_back(caller: Caller, operation: Routed, world: World, body: Any, answer: Any) -> None:
    part, key, path = part_of(operation), operation.triple[1:], world.address(operation).partition("?")[0]
    assert part is not None
    find = part.reads_back.get(key, lambda world, answer: path if key[0] == "PUT" else f"{path}/{answer['id']}")
    if find is None:
        return
    status, text = caller("GET", find(world, answer))
    assert status == 200, (key, text)
    shown = json.loads(text)
    written = {name: value for name, value in (body or {}).items() if name not in part.unread}
    assert {name: shown.get(name) for name in written} == written, key


@pytest.mark.django_db
@pytest.mark.parametrize("operation", mine(), ids=lambda o: f"{o.method} {o.path}")
def test_what_is_unknown_is_404_in_the_contracts_error_form(cast, operation):
    if "{" not in operation.path:
        return
    body = body_of(operation, cast.interactor) if operation.method in ("POST", "PUT") else None
    known = dict(cast.interactor.ids)
    parameters = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    part = part_of(operation)
    made = part.elsewhere.get(operation.triple[1:], {}) if part else {}
    for name in parameters:
        for text in () if name in made else UNKNOWN:
            world = World(cast.owner, {**known, name: text})
            answer = Api(cast.owner).send(operation.method.lower(), world.address(operation), body)
            assert answer.status_code in (404, 501), (name, text, answer.content)
            hold("interactor", answer.json(), ERROR, what=f"{operation.method} {operation.path}")
