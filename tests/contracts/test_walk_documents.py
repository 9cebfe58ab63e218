"""Every documented member of what is stored is sent to the real server, read back, and written anew.

What no document can say or no answer hold stands in a table with its reason, and is wrong there once it has a value.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.conftest import make_person
from tests.contracts import celigo_connections, celigo_exports, celigo_flows, celigo_imports
from tests.contracts.caller import Caller
from tests.contracts.fields import Field, fields_of, seen_in
from tests.contracts.life import live
from tests.contracts.operations import contract, hold, resolve
from tests.contracts.world import World

CELIGO = "celigo"
# What the server alone says: of every resource, and of what happens to it.
COMPUTED = {
    "_id", "_userId", "createdAt", "lastModified", "lastExecutedAt", "resolvedAt", "offline", "queues", "size",
    "sizeInMB", "numFlows", "numError", "numRegisteredConnections", "numOfflineConnections", "lastErrorAt",
    "_registeredConnectionIds", "asynchronous",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    documents: list[Callable[[World], dict[str, Any]]]
    excused: dict[Field, str] = field(default_factory=dict)


KINDS = {
    "connections": Kind(celigo_connections.DOCUMENTS, celigo_connections.EXCUSED),
    "exports": Kind(celigo_exports.DOCUMENTS, celigo_exports.EXCUSED),
    "imports": Kind(celigo_imports.DOCUMENTS, celigo_imports.EXCUSED),
    "scripts": Kind(celigo_flows.SCRIPTS, celigo_flows.SCRIPTS_EXCUSED),
    "lookupcaches": Kind(celigo_flows.LOOKUP_CACHES),
    "flows": Kind(celigo_flows.FLOWS, celigo_flows.FLOWS_EXCUSED),
    "integrations": Kind(celigo_flows.INTEGRATIONS, celigo_flows.INTEGRATIONS_EXCUSED),
}


@pytest.fixture
def walker(organization):
    """Nobody of the cast, whose module may share this database."""
    return make_person(organization=organization, role="owner", email="walker@acme.example")


@pytest.mark.parametrize("collection", KINDS)
def test_every_documented_member_is_written_and_read_back(served, walker, system, collection):
    caller, world, kind = Caller(served, walker), live(walker, system), KINDS[collection]
    posted = contract(CELIGO)["paths"][f"/{collection}"]["post"]
    asked = posted["requestBody"]["content"]["application/json"]["schema"]
    answered = resolve(CELIGO, posted["responses"]["201"])["content"]["application/json"]["schema"]
    sent: set[Field] = set()
    seen: set[Field] = set()
    for make in kind.documents:
        document = make(world)
        hold(CELIGO, document, asked, what=f"{collection} {make.__name__}")
        sent |= seen_in(CELIGO, document, asked)
        for shown in write(caller, collection, document):
            hold(CELIGO, shown, answered, what=f"{collection} {make.__name__} answer")
            seen |= seen_in(CELIGO, shown, answered)
    for row in get(caller, f"/v1/{collection}"):  # and those that have a life behind them
        shown = get(caller, f"/v1/{collection}/{row['_id']}")
        hold(CELIGO, shown, answered, what=f"{collection} of the world")
        seen |= seen_in(CELIGO, shown, answered)
    wanted = fields_of(CELIGO, asked) | fields_of(CELIGO, answered)
    assert kind.excused.keys() <= wanted - sent - seen, "excused, and yet it has a value"
    assert fields_of(CELIGO, asked) - sent - kind.excused.keys() == set(), "documented members that were never sent"
    assert fields_of(CELIGO, answered) - seen - kind.excused.keys() == set(), "documented members that were null"


def write(caller: Caller, collection: str, document: dict[str, Any]) -> list[Any]:
    """Made, read, replaced by the same and read again: what was written stands there each time, and no more."""
    expected = json.loads(json.dumps(document).replace("s3cr3t", "******"))
    made = call(caller, "POST", f"/v1/{collection}", document, status=201)
    address = f"/v1/{collection}/{made['_id']}"
    answers = [made, get(caller, address), call(caller, "PUT", address, document), get(caller, address)]
    for shown in answers:
        assert {name: value for name, value in shown.items() if name not in COMPUTED} == expected, collection
    return answers


def get(caller: Caller, address: str) -> Any:
    return call(caller, "GET", address)


def call(caller: Caller, method: str, address: str, body: Any = None, *, status: int = 200) -> Any:
    found, text = caller(method, address, body)
    assert found == status, f"{method} {address}: {found} {text[:2000]!r}"
    return json.loads(text)
