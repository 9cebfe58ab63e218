"""Every built operation of the Rely conventions over a real socket: requests and answers hold to the contract.

What is written is read back, what is deleted is gone, lists are walked forth and back by their cursors, and every
member that the contract documents of an answer was seen with a value in it.
"""

import json
from typing import Any

import pytest

from tests.api import Api
from tests.conftest import make_person
from tests.contracts.caller import Caller
from tests.contracts.operations import Routed, described, hold, resolve
from tests.contracts.rely_parts import (
    RELY,
    World,
    answer_shape,
    body_of,
    build_world,
    fields_of,
    is_paged,
    mine,
    part_of,
    parts,
    seen_in,
)

PLAIN = {"$ref": "#/components/schemas/PlainError"}
UNKNOWN = ("unknown", "Not Good", "0" * 24, "%", "\0", "٣" * 36, "x" * 3000, "..", "a/b")


@pytest.fixture
def walker(organization):
    """Nobody of the cast, whose module may share this database."""
    return make_person(organization=organization, role="owner", email="walker@acme.example")


def test_every_operation_holds_to_the_contract(served, walker):
    caller, world = Caller(served, walker), build_world(walker)
    wanted: set[tuple[str, str]] = set()
    seen: set[tuple[str, str]] = set()
    for operation in sorted(mine(), key=lambda o: (o.method == "DELETE", o.method != "GET", o.path)):
        shape, part = answer_shape(operation), part_of(operation)
        assert part is not None
        wanted |= fields_of(shape, name=operation.path)
        for query in [{}, *part.queries.get(operation.triple[1:], [])]:
            if operation.method != "GET":
                world = build_world(walker)
            for answer in walk(caller, operation, world, query):
                seen |= seen_in(answer, shape, name=operation.path)
    excused = {member for part in parts() for member in part.excused}
    assert wanted, "nothing was walked"
    assert wanted - seen - excused == set(), "documented members of answers that were null throughout"


def walk(caller: Caller, operation: Routed, world: World, query: dict[str, str]) -> list[Any]:
    what = f"{operation.method} {operation.path}"
    body, told, part = body_of(operation, world), described(operation), part_of(operation)
    if "requestBody" in told:
        hold(RELY, body, told["requestBody"]["content"]["application/json"]["schema"], what=f"{what} request")
    answers = [call(caller, operation, world, query, body)]
    if is_paged(operation):
        answers += walk_pages(caller, operation, world, query, len(answers[0]["items"]))
    if operation.method in ("POST", "PUT") and "dry_run" not in query:
        read_back(caller, operation, world, body, answers[0])
    gone = operation.method == "DELETE" and any(o.method == "GET" and o.path == operation.path for o in mine())
    if gone:
        status, text = caller("GET", world.address(operation))
        assert status == 404, what
        hold(RELY, json.loads(text), PLAIN, what=f"{what} gone")
    assert part is not None
    return answers


def call(caller: Caller, operation: Routed, world: World, query: dict[str, str], body: Any = None) -> Any:
    what = f"{operation.method} {world.address(operation, query)}"
    status, text = caller(operation.method, world.address(operation, query), body)
    assert status == 200, f"{what}: {status} {text[:500]!r}"
    answer = json.loads(text)
    hold(RELY, answer, answer_shape(operation), what=f"{what} answer")
    return answer


def walk_pages(caller: Caller, operation: Routed, world: World, query: dict[str, str], count: int) -> list[Any]:
    """One by one to the end and back again: the same items, each once."""
    forth: list[Any] = []
    cursor: dict[str, str] = {}
    while not forth or forth[-1]["next_page"] is not None:
        forth.append(call(caller, operation, world, {**query, "size": "1", **cursor}))
        cursor = {"cursor": forth[-1]["next_page"] or ""}
    assert len(forth) == count >= 2, "a list needs two rows at least in its world"
    back = [forth[-1]]
    while back[-1]["previous_page"] is not None:
        back.append(call(caller, operation, world, {**query, "size": "1", "cursor": back[-1]["previous_page"]}))
    assert [page["items"] for page in back] == [page["items"] for page in reversed(forth)]
    for page in forth:
        for name in ("current_page", "current_page_backwards"):
            again = call(caller, operation, world, {**query, "size": "1", "cursor": page[name]})
            assert again["items"] == page["items"], name
    return forth


def read_back(caller: Caller, operation: Routed, world: World, body: Any, answer: Any) -> None:
    part, key, path = part_of(operation), operation.triple[1:], world.address(operation)
    assert part is not None
    find = part.reads_back.get(key, lambda world, answer: path if key[0] == "PUT" else f"{path}/{answer['id']}")
    if find is None:
        return
    status, text = caller("GET", find(world, answer))
    assert status == 200, (key, text)
    shown = json.loads(text)
    written = {name: value for name, value in (body or {}).items() if name in shown and name not in part.unread}
    assert {name: shown.get(name) for name in written} == written, key


@pytest.mark.django_db
@pytest.mark.parametrize("operation", mine(), ids=lambda o: f"{o.method} {o.path}")
def test_what_is_unknown_is_404_in_the_contracts_error_form(rely_cast, operation):
    """But for a PUT, which makes it where its id is one."""
    if "{" not in operation.path or operation.method == "PUT":
        return
    body = body_of(operation, rely_cast.world) if operation.method == "POST" else None
    for text in UNKNOWN:
        part = part_of(operation)
        resource = part.ids.get(operation.triple[1:], operation.path.split("/")[3])
        world = World(rely_cast.owner, {**rely_cast.world.ids, resource: text})
        answer = Api(rely_cast.owner).send(operation.method.lower(), world.address(operation), body)
        assert answer.status_code == 404, (text, answer.content)
        hold(RELY, answer.json(), PLAIN, what=f"{operation.method} {operation.path}")


@pytest.mark.django_db
@pytest.mark.parametrize("operation", [o for o in mine() if o.method == "PUT"], ids=lambda o: o.path)
def test_an_upsert_makes_what_is_not_there_and_refuses_another_id(rely_cast, operation):
    api, part = Api(rely_cast.owner), part_of(operation)
    resource = part.ids.get(operation.triple[1:], operation.path.split("/")[3])
    world = World(rely_cast.owner, {**rely_cast.world.ids, resource: "made.by-put_1"})
    body, address = body_of(operation, world), world.address(operation)
    assert api.get(address).status_code == 404
    refused = api.put(address, {**body, "id": "another"})
    assert refused.status_code == 400
    hold(RELY, refused.json(), PLAIN, what=operation.path)
    assert api.get(address).status_code == 404
    made = api.put(address, {**body, "id": "made.by-put_1"})
    assert (made.status_code, made.json()["id"]) == (200, "made.by-put_1"), made.content


def test_every_built_operation_is_walked():
    from tests.contracts.rely_parts import documented_here

    lacking = [o.triple[1:] for o in documented_here() if part_of(o) is None]
    assert not lacking, "add these to a part of tests/contracts"
    bodiless = [o.triple[1:] for o in mine() if "requestBody" in described(o) and o.triple[1:] not in part_of(o).bodies]
    assert not bodiless, "add a good body of these to their part"


@pytest.mark.django_db
def test_the_published_schema_tells_what_the_contract_does(client):
    headers = {"Accept": "application/vnd.oai.openapi+json"}
    published = json.loads(client.get("/api/schema/rely/", headers=headers).content)
    for operation in mine():
        wanted = described(operation)
        found = published["paths"][operation.path][operation.method.lower()]
        answered = found["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
        assert top_members(None, answer_shape(operation)) <= top_members(published, answered), operation
        if "requestBody" in wanted:
            asked = wanted["requestBody"]["content"]["application/json"]["schema"]
            taken = found["requestBody"]["content"]["application/json"]["schema"]
            assert top_members(None, asked) <= top_members(published, taken), operation
        named = {resolve(RELY, one)["name"] for one in wanted.get("parameters", [])}
        assert named <= {one["name"] for one in found.get("parameters", [])}, operation


def top_members(document: dict[str, Any] | None, part: dict[str, Any]) -> set[str]:
    """Of the contract (None) or of a published document."""
    while "$ref" in part:
        *_, group, name = part["$ref"].split("/")
        part = resolve(RELY, part) if document is None else document["components"][group][name]
    inner = (top_members(document, one) for one in part.get("allOf", []))
    return set(part.get("properties", {})).union(*inner)
