"""A customer's person, and calls on their behalf."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from apps.accounts.models import EndUser
from tests.api import Api


class Crm:
    """Calls below one connector, as an end user."""

    def __init__(self, person: Any, *, user: str) -> None:
        self.api, self.user = Api(person), user

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200, **query: str) -> Any:
        asked = urlencode({"userId": self.user, **query}, quote_via=quote)
        answer = self.api.send(method, f"/v1/connector{path}?{asked}", body)
        assert answer.status_code == status, answer.content
        return answer.json()

    def get(self, path: str, **options: Any) -> Any:
        return self.call("get", path, **options)

    def post(self, path: str, body: Any, **options: Any) -> Any:
        return self.call("post", path, body, **options)

    def put(self, path: str, body: Any, **options: Any) -> Any:
        return self.call("put", path, body, **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self.call("delete", path, **options)


@pytest.fixture
def ann(organization):
    return EndUser.objects.create(organization=organization, external_id="ann+1@customer.example", name="Ann")


@pytest.fixture
def crm(owner, ann):
    """A connector named crm, and the calls of its owner on Ann's behalf."""
    calls = Crm(owner, user=ann.external_id)
    calls.id = calls.post("", {"name": "crm"})["id"]
    return calls
