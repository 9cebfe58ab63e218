"""Whatever is sent, it is refused or taken: never a 500, and what is taken can be read and listed."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import Api
from tests.contracts.calls import flow_document
from tests.contracts.world import HTTP_CONNECTION, HTTP_EXPORT, HTTP_IMPORT

pytestmark = pytest.mark.django_db

TRICKY = ["", " ", "{{", "{{{a}}", "$.a[*].b", "? * * * * *", "0" * 24, "******", "UTC"]
MEMBERS = ["type", "rules", "generate", "extract", "_scriptId", "method", "name", "a"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(TRICKY),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=3)),
    max_leaves=6,
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "replace", "remove", "move", 5]), "path": st.text(max_size=12).map("/".__add__)},
    optional={"value": VALUES},
)
PARAMETERS = [
    "limit",
    "after",
    "include",
    "exclude",
    "from",
    "to",
    "offset",
    "_flowId",
    "type",
    "type_in",
    "status",
    "createdAt_gte",
    "numError_lte",
    "numExport_gte",
    "retriable",
    "occurredAt_gte",
    "before",
    "_resourceId",
]
MOMENTS = ["0" * 24, "1e9", "-1", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += places(child, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    key, *rest = path
    if isinstance(value, list):
        return [replaced(child, tuple(rest), new) if i == key else child for i, child in enumerate(value)]
    return {k: replaced(child, tuple(rest), new) if k == key else child for k, child in value.items()}


def numbers_as_floats(answer: Any) -> Any:
    """PostgreSQL writes 9.2e18 as an integer: the same number of JSON, which knows no others."""
    return json.loads(answer.content, parse_int=float)


EXTRA = [
    "schedule", "timezone", "transform", "filter", "inputFilter", "mappings", "mapping", "lookups", "delta", "webhook",
    "hooks", "rdbms", "file", "pageProcessors", "routers", "aliases", "_integrationId", "_runNextFlowIds", "settings",
    "flowGroupings", "traceKeyTemplate", "responseTransform", "debugDate", "ping", "_flowGroupingId", "sampleData",
]  # fmt: skip


ALARM = {
    "name": "a", "kind": "execution_failed", "enabled": True, "urgent": False, "threshold": 1, "window": 60,
    "minimum": 1, "groupBy": "none", "period": 60, "tellRecovery": True, "scope": {"_flowId": None},
    "quietHours": {"from": "22:00", "until": "07:00", "timezone": "UTC", "days": ["mon"]},
    "channels": [{"_id": "m", "type": "email", "to": ["a@b.example"]}, {"type": "slack", "url": "https://a.example/x"}],
}  # fmt: skip


def documents(world: Any) -> dict[str, Any]:
    via = {"_connectionId": world.ids["connection"]}
    return {
        "connections": HTTP_CONNECTION,
        "exports": {**HTTP_EXPORT, **via},
        "imports": {**HTTP_IMPORT, **via},
        "scripts": {"name": "s", "content": ""},
        "flows": flow_document(world),
        "lookupcaches": {"name": "c"},
        "integrations": {"name": "i", "flowGroupings": [{"name": "g"}], "settings": {}},
        "alarms": ALARM,
    }


@pytest.mark.parametrize(
    "resource", ["connections", "exports", "imports", "scripts", "flows", "integrations", "lookupcaches", "alarms"]
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_document_breaks_a_save(cast, resource, data):
    api = Api(cast.owner)
    document = documents(cast.world)[resource]
    for _ in range(data.draw(st.integers(1, 2))):
        if data.draw(st.booleans()):
            document = {**document, data.draw(st.sampled_from(EXTRA)): data.draw(VALUES)}
        else:
            document = replaced(document, data.draw(st.sampled_from(places(document)[1:] or [()])), data.draw(VALUES))
    answer = api.post(f"/v1/{resource}", document)
    assert answer.status_code in (201, 400, 422), answer.content
    if answer.status_code == 201:
        row = answer.json()
        assert numbers_as_floats(api.get(f"/v1/{resource}/{row['_id']}")) == numbers_as_floats(answer)
        assert api.put(f"/v1/{resource}/{row['_id']}", row).status_code == 200
    else:
        assert all(error["code"] and error["message"] for error in answer.json()["errors"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(VALUES, st.lists(OPERATIONS, max_size=3)))
def test_no_patch_breaks_a_flow(cast, body):
    answer = Api(cast.owner).patch(f"/v1/flows/{cast.world.ids['flow']}", body)
    assert answer.status_code in (204, 400, 422), answer.content


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=40))
def test_no_bytes_break_a_call(cast, body):
    assert Api(cast.owner).post("/v1/flows", body).status_code in (400, 422)


@pytest.mark.parametrize(
    "identifier", ["x", "0" * 23, "0" * 25, "g" * 24, "%00", "%F0%9F%98%80", "..%2f", "-" * 36, "٣" * 24]
)
@pytest.mark.parametrize(
    "path", ["flows/{}", "flows/{}/run", "flows/{}/{}/errors", "jobs/{}/family", "exports/{}/audit"]
)
def test_an_id_that_cannot_be_read_is_an_unknown_one(cast, path, identifier):
    address = "/v1/" + path.replace("{}", identifier)
    call = Api(cast.owner).post if path.endswith("run") else Api(cast.owner).get
    assert call(address).status_code == 404


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(PARAMETERS),
    value=st.one_of(st.text(max_size=10), st.sampled_from(MOMENTS)),
    path=st.sampled_from(["/v1/flows", "/v1/audit", "/v1/jobs", "steps"]),
)  # fmt: skip
def test_no_query_breaks_a_list(cast, name, value, path):
    world = cast.world
    address = path if path != "steps" else f"/v1/flows/{world.ids['flow']}/{world.ids['import']}/errors"
    api = Api(cast.owner)
    answer = api.client.get(address, {"_flowId": world.ids["flow"], name: value}, headers=api.headers)
    assert answer.status_code in (200, 400), answer.content
