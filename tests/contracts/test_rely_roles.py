"""Who may call what of the Rely conventions: no key is 401, another organization finds and changes nothing of ours, a
monitor reads, the owner does it all."""

import pytest

from tests.api import Api
from tests.contracts.operations import hold
from tests.contracts.rely_parts import RELY, body_of, is_paged, mine, part_of

pytestmark = pytest.mark.django_db
PLAIN = {"$ref": "#/components/schemas/PlainError"}


@pytest.mark.parametrize("operation", mine(), ids=lambda o: f"{o.method} {o.path}")
def test_each_role_may_do_what_its_row_says(operation, rely_cast):
    world, method, part = rely_cast.world, operation.method.lower(), part_of(operation)
    address = world.address(operation)
    body = body_of(operation, world) if method != "get" else None
    what = f"{operation.method} {operation.path}"

    nobody = Api().send(method, address, body)
    assert nobody.status_code == 401
    hold(RELY, nobody.json(), PLAIN, what=what)

    ours = Api(rely_cast.owner).get(address) if "{" in operation.path else None
    foreign = Api(rely_cast.stranger).send(method, address, body)
    if "{" in operation.path and method != "put":
        assert foreign.status_code == 404, foreign.content
        hold(RELY, foreign.json(), PLAIN, what=what)
    elif is_paged(operation):
        assert foreign.json()["items"] == []
    else:  # ids are an organization's own: what is written elsewhere under ours is another row, or names what is not
        assert foreign.status_code in (200, 400, 404, 422), foreign.content
    if ours is not None and ours.status_code == 200:
        assert Api(rely_cast.owner).get(address).json() == ours.json()

    watching = Api(rely_cast.monitor).send(method, address, body)
    if method == "get" or operation.triple[1:] in part.monitor_may:
        assert watching.status_code == 200, watching.content
        if method != "get":
            return  # it is done: an owner may do what a monitor may
    else:
        assert watching.status_code == 403, watching.content
        hold(RELY, watching.json(), PLAIN, what=what)

    done = Api(rely_cast.owner).send(method, address, body)
    assert done.status_code == 200, done.content
