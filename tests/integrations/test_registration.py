"""Registering lists a connection under an integration; it changes no step, and repeats are harmless."""

import pytest

from tests.api import Api, codes_of, fields_of
from tests.contracts.world import build_world

pytestmark = pytest.mark.django_db


def test_connections_are_registered_and_unregistered(owner):
    world, api = build_world(owner), Api(owner, prefix="/v1")
    folder = f"/integrations/{world.ids['integration']}/connections"
    for _ in range(2):
        assert api.put(f"{folder}/register", [world.ids["connection"], world.ids["spare"]]).status_code == 200
    assert {row["_id"] for row in api.get(folder).json()} == {world.ids["connection"], world.ids["spare"]}
    for _ in range(2):
        assert api.delete(f"{folder}/{world.ids['connection']}/register").status_code == 204
    assert [row["_id"] for row in api.get(folder).json()] == [world.ids["spare"]]
    assert api.get(f"/exports/{world.ids['export']}").json()["_connectionId"] == world.ids["connection"]


@pytest.mark.parametrize("body", [{}, [], [5], "x"])
def test_the_body_is_a_list_of_ids(owner, body):
    world, api = build_world(owner), Api(owner, prefix="/v1")
    answer = api.put(f"/integrations/{world.ids['integration']}/connections/register", body)
    assert answer.status_code == 400
    assert codes_of(answer) == ["invalid_body"]


def test_one_unknown_id_registers_none(owner):
    world, api = build_world(owner), Api(owner, prefix="/v1")
    folder = f"/integrations/{world.ids['integration']}/connections"
    answer = api.put(f"{folder}/register", [world.ids["spare"], "0" * 24])
    assert (answer.status_code, fields_of(answer)) == (422, ["[1]"])
    assert world.ids["spare"] not in api.get(folder).content.decode()
