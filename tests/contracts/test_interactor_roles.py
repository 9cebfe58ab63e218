"""Who may call what of the Interactor conventions: no key is 401, another organization finds nothing, a monitor reads
and runs, the owner does it all."""

import re

import pytest

from tests.api import Api
from tests.contracts.operations import Routed, described
from tests.contracts.parts import body_of, documented_here, mine, part_of, parts, required_query

pytestmark = pytest.mark.django_db
MINE = mine()
# The execute family has a walk of its own.
ELSEWHERE = re.compile(r"/v1/(execute|test)|.*/(execute|refreshVariables)")


def monitor_may(operation: Routed) -> bool:
    if operation.method != "GET":
        return any(operation.triple[1:] in part.monitor_may for part in parts())
    return not any(operation.triple[2] in part.monitor_may_not_read for part in parts())


@pytest.mark.parametrize("operation", MINE, ids=lambda o: f"{o.method} {o.path}")
def test_each_role_may_do_what_its_row_says(operation, cast):
    world, method = cast.interactor, operation.method.lower()
    address = world.address(operation)
    body = body_of(operation, world) if method != "get" else None

    nobody = Api().send(method, address, body)
    assert nobody.status_code == 401
    assert "error" in nobody.json()

    foreign = Api(cast.stranger).send(method, address, body)
    if "{" in operation.path or "userId" in required_query(operation):
        assert foreign.status_code == 404, foreign.content
    elif method == "get":
        assert not any(text in foreign.content.decode() for text in world.ids.values() if len(text) > 20)

    watching = Api(cast.monitor).send(method, address, body)
    if not monitor_may(operation):
        assert watching.status_code == 403, watching.content
    else:
        assert watching.status_code == 200, watching.content
        if method != "get":
            return  # it is done: an owner may do what a monitor may

    done = Api(cast.owner).send(method, address, body)
    assert done.status_code == 200, done.content


def test_every_built_operation_is_walked():
    lacking = [o.triple[1:] for o in documented_here() if part_of(o) is None and not ELSEWHERE.match(o.path)]
    assert not lacking, "add these to a part of tests/contracts"
    bodiless = [o.triple[1:] for o in MINE if "requestBody" in described(o) and o.triple[1:] not in part_of(o).bodies]
    assert not bodiless, "add a good body of these to their part"


def test_an_update_may_be_sent_as_patch():
    assert {(o.path) for o in MINE if o.method == "PUT"} <= patched()


def patched() -> set[str]:
    from tests.contracts.operations import routed

    return {o.path for o in routed() if o.dialect == "interactor" and o.method == "PATCH"}
