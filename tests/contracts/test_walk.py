"""Every built operation of the Celigo conventions over a real socket: requests and answers hold to the contract.

Every member that it documents of these requests, answers and queries was sent or seen with a value in it. What is
stored, and reads back as it was written, is `test_walk_documents`' matter.
"""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS
from tests.api import Api
from tests.conftest import make_person
from tests.contracts.caller import Caller
from tests.contracts.calls import BODIES, IN_THE_WAY, QUERIES
from tests.contracts.celigo_variants import EXCUSED, MORE, STANDING_IN
from tests.contracts.fields import Field, fields_of, seen_in
from tests.contracts.life import live
from tests.contracts.operations import Routed, contract, hold, resolve
from tests.contracts.test_roles import MINE, success_of
from tests.contracts.test_walk_documents import KINDS
from tests.contracts.world import World, build_world

CELIGO = "celigo"
UNKNOWN = ("0" * 24, "not known", "\0", "٣" * 24, "x" * 3000)
ENVELOPE = {"$ref": "#/components/schemas/ErrorEnvelope"}


@pytest.fixture
def walker(organization):
    """Nobody of the cast, whose module may share this database."""
    return make_person(organization=organization, role="owner", email="walker@acme.example")


class Tally:
    """What was sent, asked and seen so far."""

    def __init__(self) -> None:
        self.wanted: set[Field] = set()
        self.found: set[Field] = set()

    def add(self, part: dict[str, Any], value: Any, *, name: str) -> None:
        self.wanted |= fields_of(CELIGO, part, name=name)
        self.found |= seen_in(CELIGO, value, part, name=name)

    def ask(self, operation: Routed, address: str) -> None:
        parameters = [resolve(CELIGO, one) for one in documented(operation).get("parameters", [])]
        named = {one["name"] for one in parameters if one["in"] == "query"}
        self.wanted |= {(f"query of {operation.path}", name) for name in named}
        sent = {part.partition("=")[0] for part in address.partition("?")[2].split("&")}
        self.found |= {(f"query of {operation.path}", name) for name in named & sent}


def documented(operation: Routed) -> dict[str, Any]:
    return contract(CELIGO)["paths"][operation.path.removeprefix("/v1")][operation.method.lower()]


def fields_of_documents() -> set[Field]:
    """The members of what is stored, which another test walks."""
    found: set[Field] = set()
    for collection in KINDS:
        posted = contract(CELIGO)["paths"][f"/{collection}"]["post"]
        for holder in (posted["requestBody"], resolve(CELIGO, posted["responses"]["201"])):
            found |= fields_of(CELIGO, holder["content"]["application/json"]["schema"])
    return found


def test_every_operation_holds_to_the_contract(served, walker, system):
    caller, tally, world, walked = Caller(served, walker), Tally(), live(walker, system), 0
    for operation in sorted(MINE, key=lambda o: (o.action == "destroy", o.method != "GET", o.path)):
        if operation.action == "destroy":
            world = build_world(walker)
            clear_the_way(world, operation)
        walk(caller, operation, world, tally)
        walked += 1
    assert walked == len(MINE) > 60
    missing = tally.wanted - tally.found - fields_of_documents()
    assert EXCUSED.keys() <= missing, "excused, and yet it has a value"
    assert missing - EXCUSED.keys() == set(), "documented members and parameters that had no value throughout"


def clear_the_way(world: World, operation: Routed) -> None:
    resources = {"flow": FLOWS, "export": EXPORTS, "lookup": EXPORTS, "import": IMPORTS}
    for kind in IN_THE_WAY.get(operation.triple[2], ()):
        row = resources[kind].readable(world.actor).find(world.ids[kind])
        resources[kind].delete(actor=world.actor, row=row)


def walk(caller: Caller, operation: Routed, world: World, tally: Tally) -> None:
    """The good call, and its variants one after the other."""
    key = operation.triple[1:]
    own = {name: world.ids[other] for name, other in STANDING_IN.get(key, {}).items()}
    world = World(world.actor, {**world.ids, **own})
    first = BODIES[key](world) if operation.method != "GET" else None
    answers = [call(caller, operation, world.address(operation.path) + query_of(operation, world), first, tally)]
    if operation.action == "destroy":
        assert caller("GET", world.address(operation.path))[0] == 404, key
    for variant in MORE.get(key, ()):
        body = variant.body(world, answers) if variant.body else first
        answers.append(call(caller, operation, variant.address(world, operation.path), body, tally))


def query_of(operation: Routed, world: World) -> str:
    return QUERIES.get(operation.triple[2], lambda world: "")(world)


def call(caller: Caller, operation: Routed, address: str, body: Any, tally: Tally) -> Any:
    what, told = f"{operation.method} {operation.path}", documented(operation)
    tally.ask(operation, address)
    asked = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if asked and body is not None:
        hold(CELIGO, body, asked, what=f"{what} request")
        tally.add(asked, body, name=f"{what} request")
    status, text = caller(operation.method, address, body)
    assert status == success_of(operation), f"{what}: {status} {text[:500]!r}"
    content = resolve(CELIGO, told["responses"][str(status)]).get("content", {})
    if "application/json" not in content:
        assert status != 204 or text == b"", what
        return json.loads(text) if text else None
    answer = json.loads(text)
    hold(CELIGO, answer, content["application/json"]["schema"], what=f"{what} answer")
    tally.add(content["application/json"]["schema"], answer, name=what)
    return answer


@pytest.mark.django_db
@pytest.mark.parametrize("operation", [o for o in MINE if "{" in o.path], ids=lambda o: f"{o.method} {o.path}")
def test_what_is_unknown_is_404_in_the_contracts_error_form(cast, operation):
    api, body = Api(cast.owner), None
    if operation.method != "GET":
        body = BODIES[operation.triple[1:]](cast.world)
    for name in re.findall(r"{(\w+)}", operation.path):
        for text in UNKNOWN if name != "token" else ():  # a wrong one is no login
            path = operation.path.replace(f"{{{name}}}", quote(text, safe=""))
            answer = api.send(operation.method.lower(), cast.world.address(path), body)
            assert answer.status_code == 404, (name, text, answer.content)
            hold(CELIGO, answer.json(), ENVELOPE, what=f"{operation.method} {operation.path}")


@pytest.mark.django_db
def test_bad_calls_are_answered_in_the_contracts_error_form(client, walker):
    for method, path, body in (
        ("get", "/v1/flows/000000000000000000000000", None),
        ("get", "/v1/jobs", None),
        ("get", "/v1/nothing", None),
        ("post", "/v1/flows", {}),
        ("post", "/v1/flows", "{"),
    ):
        headers = walker.headers
        kwargs = {"data": body, "content_type": "application/json"} if body is not None else {}
        answer = getattr(client, method)(path, headers=headers, **kwargs)
        assert 400 <= answer.status_code < 500
        hold(CELIGO, answer.json(), ENVELOPE, what=f"{method} {path}")
