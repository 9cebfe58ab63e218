"""A person with no role sees the integrations shared with them, what stands in them and what their flows use."""

import pytest

from apps.accounts.models import ApiKey, Membership
from apps.core.ids import parse_id
from apps.integrations.models import Share
from tests.api import Api
from tests.conftest import make_person
from tests.contracts.world import build_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(owner):
    return build_world(owner)


def guest(organization, world, role):
    person = make_person(organization=organization, role="", email="guest@acme.example")
    ApiKey.objects.filter(user=person.user).update(role="owner")
    Share.objects.create(
        organization=organization,
        integration_id=parse_id(world.ids["integration"]),
        membership=Membership.objects.get(user=person.user),
        role=role,
    )
    return Api(person, prefix="/v1")


def ids(answer):
    return {row["_id"] for row in answer.json()}


def test_a_share_reaches_the_folder_and_what_its_flows_use(organization, owner, world):
    Api(owner, prefix="/v1").post("/integrations", {"name": "Another"})
    api = guest(organization, world, "manage")
    assert ids(api.get("/integrations")) == {world.ids["integration"]}
    assert ids(api.get("/flows")) == {world.ids["flow"]}
    assert ids(api.get("/exports")) == {world.ids["export"], world.ids["lookup"]}
    assert ids(api.get("/imports")) == {world.ids["import"]}
    assert ids(api.get("/connections")) == {world.ids["connection"]}
    assert api.get(f"/connections/{world.ids['connection']}").status_code == 200
    for resource, name in (("exports", "export"), ("imports", "import")):
        assert api.get(f"/{resource}/{world.ids[name]}").status_code == 200
        assert api.delete(f"/{resource}/{world.ids[name]}").status_code == 403
    assert ids(api.get("/scripts")) == set()
    assert api.get(f"/connections/{world.ids['spare']}").status_code == 404


def test_who_manages_a_share_edits_there_and_nowhere_else(organization, world):
    api = guest(organization, world, "manage")
    inside = {"name": "New", "_integrationId": world.ids["integration"]}
    assert api.post("/flows", inside).status_code == 201
    assert api.post("/flows", {"name": "New"}).status_code == 403
    assert api.post("/integrations", {"name": "New"}).status_code == 403
    moved_out = {key: value for key, value in api.get(f"/flows/{world.ids['flow']}").json().items() if key[0] != "_"}
    assert api.put(f"/flows/{world.ids['flow']}", moved_out).status_code == 403


def test_who_monitors_a_share_runs_and_reads(organization, world):
    api = guest(organization, world, "monitor")
    assert api.post(f"/flows/{world.ids['flow']}/run").status_code == 201
    assert len(api.get(f"/jobs?_flowId={world.ids['flow']}").json()) == 2
    assert api.patch(f"/flows/{world.ids['flow']}", [{"op": "remove", "path": "/name"}]).status_code == 403
    assert api.get("/connections").status_code == 403
    assert api.get(f"/connections/{world.ids['connection']}").status_code == 403


def test_the_log_shows_what_became_of_the_folder_only(organization, owner, world):
    entries = guest(organization, world, "monitor").get("/audit").json()["audit"]
    assert {entry["resourceType"] for entry in entries} <= {"integration", "flow", "execution"}
    assert entries


def test_somebody_without_any_share_finds_nothing(organization, world):
    api = Api(make_person(organization=organization, role="", email="nobody@acme.example"), prefix="/v1")
    for name in ("flows", "exports", "connections", "integrations", "audit"):
        assert api.get(f"/{name}").status_code == 403
