"""Signed-in clients of the cast, and rows to look at."""

import pytest
from django.test import Client

from tests.console.furniture import furnish
from tests.flows.pipeline.conftest import Workshop


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person.user)
    return client


@pytest.fixture
def rows(organization, owner):
    return furnish(organization, user=owner.user)


@pytest.fixture
def console(owner):
    return signed_in(owner)


@pytest.fixture
def visit(console):
    """The text of a console page, which must be there."""

    def get(address: str) -> str:
        response = console.get(address)
        assert response.status_code == 200, (address, response.status_code)
        return response.content.decode()

    return get


@pytest.fixture
def workshop(transactional_db, owner, system):
    return Workshop(owner, system)
