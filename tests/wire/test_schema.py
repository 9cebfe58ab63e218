"""One OpenAPI document a dialect, made from the views."""

import json

import pytest
from openapi_spec_validator import validate

from apps.wire.dialects import Dialect
from tests.contracts.operations import plain, routed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_schema_is_valid_and_lists_what_is_routed(client, dialect):
    answer = client.get(f"/api/schema/{dialect}/", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    schema = json.loads(answer.content)
    validate(schema)
    listed = {(method.upper(), plain(path)) for path, operations in schema["paths"].items() for method in operations}
    assert listed == {(o.method, plain(o.path)) for o in routed() if o.dialect == dialect}


def test_operations_tell_their_failures(client):
    answer = client.get("/api/schema/celigo/", headers={"Accept": "application/vnd.oai.openapi+json"})
    flows = json.loads(answer.content)["paths"]["/v1/flows/{_id}"]
    assert {"200", "400", "401", "403", "404", "422", "429"} <= set(flows["put"]["responses"])
    assert {"204", "404"} <= set(flows["delete"]["responses"])
    assert "200" not in flows["delete"]["responses"]


def test_the_schema_can_be_browsed_without_another_host(client):
    page = client.get("/api/schema/celigo/browse/").content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert "cdn" not in page.lower()
