"""The schema that is published of the Interactor conventions tells clients what the contract does: every member of
bodies and answers, and every parameter that a query must have."""

import json
from typing import Any

import pytest

from tests.contracts.operations import contract, described, plain, resolve
from tests.contracts.parts import mine

pytestmark = pytest.mark.django_db
MINE = mine()


@pytest.fixture(scope="module")
def published(django_db_setup, django_db_blocker) -> dict[str, Any]:
    from django.test import Client

    headers = {"Accept": "application/vnd.oai.openapi+json"}
    with django_db_blocker.unblock():
        return json.loads(Client().get("/api/schema/interactor/", headers=headers).content)


def members(document: dict[str, Any], part: dict[str, Any]) -> set[str]:
    """The members of an object, or of a list's items; those that the server sets by itself are not asked for."""
    while "$ref" in part:
        part = document["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]]
    if "items" in part:
        return members(document, part["items"])
    return {name for name, inner in part.get("properties", {}).items() if not inner.get("x-server-managed")}


@pytest.mark.parametrize("operation", MINE, ids=lambda o: f"{o.method} {o.path}")
def test_the_published_schema_tells_what_the_contract_does(published, operation):
    wanted, whole = described(operation), contract("interactor")
    found = next(
        operations[operation.method.lower()]
        for path, operations in published["paths"].items()
        if plain(path) == operation.triple[2]
    )
    content = resolve("interactor", wanted["responses"]["200"])["content"]["application/json"]["schema"]
    answered = found["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
    assert members(whole, content) <= members(published, answered)
    assert ("items" in content) == ("items" in answered)
    if "requestBody" in wanted:
        written = found["requestBody"]["content"]["application/json"]["schema"]
        asked = wanted["requestBody"]["content"]["application/json"]["schema"]
        assert members(whole, asked) <= members(published, written)
    parameters = [resolve("interactor", part) for part in wanted.get("parameters", [])]
    needed = {part["name"] for part in parameters if part["in"] == "query" and part.get("required")} - {"redact"}
    told = {part["name"] for part in found.get("parameters", []) if part["in"] == "query" and part.get("required")}
    assert needed <= told
