"""Whatever is sent to the Rely addresses, it is refused or taken: never a 500; what is taken holds to the contract and
reads back."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import Api
from tests.contracts.operations import hold
from tests.contracts.rely_parts import RELY, answer_shape, body_of, mine, part_of
from tests.contracts.test_fuzz import VALUES, places, replaced

pytestmark = pytest.mark.django_db
WRITES = [operation for operation in mine() if operation.triple[1:] in part_of(operation).bodies]
READS = [operation for operation in mine() if operation.method == "GET"]
ERROR = {"anyOf": [{"$ref": "#/components/schemas/PlainError"}, {"$ref": "#/components/schemas/HTTPValidationError"}]}
PARAMETERS = ["cursor", "size", "ignored", "origin_id", "patch", "dry_run", "trigger", "type"]
ENOUGH = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def judged(answer, operation):
    what = f"{operation.method} {operation.path}"
    assert answer.status_code in (200, 400, 404, 409, 422), (what, answer.content)
    hold(RELY, answer.json(), answer_shape(operation) if answer.status_code == 200 else ERROR, what=what)
    return answer.status_code == 200


@pytest.mark.parametrize("operation", WRITES, ids=lambda o: f"{o.method} {o.path}")
@ENOUGH
@given(data=st.data())
def test_no_body_breaks_a_write(rely_cast, operation, data):
    api, world = Api(rely_cast.owner), rely_cast.world
    document = body_of(operation, world)
    for _ in range(data.draw(st.integers(1, 2))):
        if data.draw(st.booleans()):
            document = {**document, data.draw(st.sampled_from(["id", "data", "args", "extra"])): data.draw(VALUES)}
        else:
            document = replaced(document, data.draw(st.sampled_from(places(document))), data.draw(VALUES))
        if not isinstance(document, dict):
            break
    answer = api.send(operation.method.lower(), world.address(operation), document)
    if judged(answer, operation) and operation.method == "PUT":
        assert api.get(world.address(operation)).json() == answer.json()


@pytest.mark.parametrize("operation", READS, ids=lambda o: o.path)
@ENOUGH
@given(text=st.text(max_size=12), values=st.dictionaries(st.sampled_from(PARAMETERS), st.text(max_size=8), max_size=3))
def test_no_text_in_an_address_breaks_a_read(rely_cast, operation, text, values):
    path = operation.path.replace("{id_}", quote(text, safe=""))
    query = "&".join(f"{name}={quote(value)}" for name, value in values.items())
    status = Api(rely_cast.owner).get(f"{path}?{query}").status_code
    assert status in (200, 301, 400, 404, 422), path
