"""Whatever is sent to the connectors' addresses, it is refused or taken: never a 500; what is taken reads back."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import Api
from tests.contracts.interactor_connectors import COMPONENTS, SECURITY, connector_body, version_body
from tests.contracts.test_fuzz import VALUES, places, replaced

pytestmark = pytest.mark.django_db

DOCUMENTS: dict[str, Any] = {
    "": connector_body("fuzzed"),
    "version": version_body("9.0.0"),
    "security": SECURITY,
    **{kind: {**body, "name": "fuzzed"} for kind, body in COMPONENTS.items()},
}
EXTRA = ["id", "published", "triggerId", "eventId", "tag", "type", "config", "label", "schema", "logic", "version"]
HOOKS = ["execute", "trigger", "create", "route", "auth", "error", "steps", "output", "variables", "properties", "$ref"]
PROGRAMS = st.recursive(VALUES, lambda inner: st.dictionaries(st.sampled_from(HOOKS), inner, max_size=3), max_leaves=4)
ENOUGH = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("kind", sorted(DOCUMENTS))
@ENOUGH
@given(data=st.data())
def test_no_body_breaks_a_write(cast, kind, data):
    api, world = Api(cast.owner), cast.interactor
    document = DOCUMENTS[kind]
    for _ in range(data.draw(st.integers(1, 2))):
        if data.draw(st.booleans()):
            document = {**document, data.draw(st.sampled_from(EXTRA)): data.draw(PROGRAMS)}
        else:
            document = replaced(document, data.draw(st.sampled_from(places(document)[1:])), data.draw(PROGRAMS))
    collection = f"/v1/connector/{world.ids['connectorUuid']}/{kind}" if kind else "/v1/connector"
    answer = api.post(f"{collection}?userId={world.ids['userUuid']}", document)
    assert answer.status_code in (200, 400, 409, 422), answer.content
    if answer.status_code != 200:
        assert answer.json()["error"]
        return
    address = f"{collection}/{answer.json()['id']}"
    shown = api.get(address).json()
    changed = api.put(f"{address}?userId={world.ids['userUuid']}&version=1.0.0", shown)
    assert changed.status_code == 200, changed.content
    again = api.get(address).json()
    assert {**again, "updatedAt": 0} == {**shown, "updatedAt": 0}
    assert api.delete(f"{address}?userId={world.ids['userUuid']}").status_code == 200


@ENOUGH
@given(text=st.text(max_size=12), other=st.text(max_size=12))
def test_no_text_in_an_address_breaks_a_read(cast, text, other):
    for kind in ("action", "version"):
        address = f"/v1/connector/{quote(text, safe='')}/{kind}/{quote(other, safe='')}"
        status = Api(cast.owner).get(address).status_code
        assert status in (200, 301, 404), address
        named = f"/v1/connector/{cast.interactor.ids['connectorUuid']}/{kind}?userId={quote(text)}&limit={quote(other)}"
        assert Api(cast.owner).get(named).status_code in (200, 400, 404)


@ENOUGH
@given(wish=st.text(max_size=60))
def test_no_version_breaks_an_update(cast, wish):
    ids = cast.interactor.ids
    for kind, text in (("action", ids["actionRow"]), ("variable", ids["variableRow"])):
        address = f"/v1/connector/{ids['connectorUuid']}/{kind}/{text}"
        answer = Api(cast.owner).put(f"{address}?userId={ids['userUuid']}&version={quote(wish)}", {})
        assert answer.status_code in (200, 400, 409, 422), answer.content
