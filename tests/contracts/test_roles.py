"""Who may call what, for every routed operation of the Celigo conventions, as the URL map lists them.

No key is 401; another organization finds nothing; a monitor reads, runs, retries and resolves; the owner does it all.
"""

import pytest

from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS
from apps.wire.gaps import all_gaps
from tests.contracts.calls import BODIES, IN_THE_WAY, MONITOR_MAY, MONITOR_MAY_NOT_READ, OPEN, QUERIES
from tests.contracts.operations import Routed, contract, routed

pytestmark = pytest.mark.django_db

OPERATIONS = sorted(
    (operation for operation in routed() if operation.dialect == "celigo" and operation.triple[2].startswith("/v1/")),
    key=lambda operation: (operation.path, operation.method),
)
DOCUMENTED = contract("celigo")["paths"]
MINE = [o for o in OPERATIONS if o.method.lower() in DOCUMENTED.get(o.path.removeprefix("/v1"), ())]


def send(client, operation: Routed, world, person=None):
    key = (operation.method, operation.triple[2])
    query = QUERIES.get(operation.triple[2], lambda world: "")(world)
    body = BODIES[key](world) if operation.method != "GET" else None
    headers = person.headers if person else {}
    call = getattr(client, operation.method.lower())
    if operation.method == "GET":
        return call(world.address(operation.path) + query, headers=headers)
    return call(world.address(operation.path), data=body, content_type="application/json", headers=headers)


def success_of(operation: Routed) -> int:
    path = operation.path.removeprefix("/v1")
    return contract("celigo")["paths"][path][operation.method.lower()]["x-success-code"]


def monitor_may(operation: Routed) -> bool:
    if operation.method != "GET":
        return (operation.method, operation.triple[2]) in MONITOR_MAY
    return not operation.triple[2].startswith(MONITOR_MAY_NOT_READ)


@pytest.mark.parametrize("operation", MINE, ids=lambda o: f"{o.method} {o.path}")
def test_each_role_may_do_what_its_row_says(client, operation, cast):
    world, owner = cast.world, cast.owner
    nobody = send(client, operation, world)
    if operation.triple[1:] in OPEN:
        assert nobody.status_code == success_of(operation)
        return
    assert nobody.status_code == 401
    assert nobody.json()["errors"][0]["code"] == "unauthorized"

    foreign = send(client, operation, world, cast.stranger)
    if "{" in operation.path:
        assert foreign.status_code == 404, foreign.content
    elif operation.method == "GET" and operation.path not in ("/v1/audit", "/v1/tokenInfo"):
        assert foreign.json() == []

    watching = send(client, operation, world, cast.monitor)
    if not monitor_may(operation):
        assert watching.status_code == 403, watching.content
    elif operation.method == "GET":
        assert watching.status_code == 200, watching.content
    else:
        assert watching.status_code == success_of(operation), watching.content
        return  # it is done: an owner may do what a monitor may

    if operation.method == "DELETE":
        resources = {"flow": FLOWS, "export": EXPORTS, "lookup": EXPORTS, "import": IMPORTS}
        for kind in IN_THE_WAY.get(operation.triple[2], ()):
            row = resources[kind].readable(owner.actor).find(world.ids[kind])
            resources[kind].delete(actor=owner.actor, row=row)
    done = send(client, operation, world, owner)
    assert done.status_code == success_of(operation), done.content


@pytest.mark.parametrize("gap", sorted(set(all_gaps())), ids=lambda gap: " ".join(gap[1:]))
def test_a_gap_answers_501_to_a_key_and_401_to_nobody(client, gap, cast):
    dialect, method, path = gap
    address = path.replace("{", "").replace("}", "")
    assert getattr(client, method.lower())(address).status_code == 401
    answer = getattr(client, method.lower())(address, headers=cast.owner.headers)
    assert answer.status_code == 501
    shapes = {"celigo": "errors", "interactor": "error", "rely": "detail", "giosg": "detail"}
    assert shapes[dialect] in answer.json()


def test_every_built_operation_of_the_contract_is_walked():
    assert len(MINE) > 60
    lacking = [o.triple[1:] for o in MINE if o.method != "GET" and o.triple[1:] not in BODIES]
    assert not lacking, "add a good call of these to tests/contracts/calls.py"
