"""Connectors and their versions over the API: defaults, names, partial updates, publishing, what may not change."""

import pytest

from apps.accounts.models import EndUser
from apps.audit.models import AuditEntry
from apps.connectors import services
from apps.connectors.library.install import install_library
from apps.connectors.models import Connector
from tests.api import Api
from tests.connectors.api.conftest import Crm


def test_an_empty_body_makes_a_connector_with_the_documents_defaults(crm):
    shown = crm.get(f"/{crm.post('', {})['id']}")
    wanted = {"type": "0", "sharing": "none", "platformId": "interactor", "displayOrder": 100, "enabled": True}
    assert {name: shown[name] for name in wanted} == wanted
    assert shown["defaultVersionId"] is None
    assert shown["createdBy"] == shown["updatedBy"] == "Ann"
    assert shown["name"].startswith("connector-")


def test_an_id_of_ones_own_is_kept_in_either_spelling_and_taken_once(crm):
    chosen = "339453cd-f297-4cda-ae2b-379f2026b3b5"
    assert crm.post("", {"id": chosen, "name": "chosen"}) == {"id": chosen}
    assert crm.get(f"/{chosen}")["name"] == "chosen"
    assert "taken" in crm.post("", {"id": chosen, "name": "other"}, status=409)["error"]
    assert "id" in crm.post("", {"id": "me@example.com"}, status=422)["error"]


@pytest.mark.parametrize("name", ["a@b.example", "1.0.0", "email.draft.create", "with space", "a+b", "100%", "ünï"])
def test_a_connector_is_found_by_whatever_it_is_called(crm, name):
    made = crm.post("", {"name": name})
    from urllib.parse import quote

    assert crm.get(f"/{quote(name)}")["id"] == made["id"]


def test_a_name_is_taken_once_also_by_renaming(crm):
    other = crm.post("", {"name": "other"})["id"]
    assert "crm exists already" in crm.post("", {"name": "crm"}, status=409)["error"]
    assert "crm exists already" in crm.put(f"/{other}", {"name": "crm"}, status=409)["error"]
    assert crm.get(f"/{other}")["name"] == "other"


def test_what_was_read_may_be_written_back_whole(crm):
    crm.post("/crm/version", {"name": "1.0.0"})
    for path in ("/crm", "/crm/version/1.0.0"):
        shown = crm.get(path)
        assert crm.put(path, shown) == ""
        again = crm.get(path)
        assert {**again, "updatedAt": None} == {**shown, "updatedAt": None}


def test_an_update_changes_only_what_it_names_by_put_and_patch(crm):
    crm.put("/crm", {"icon": "data:,x", "displayOrder": 3})
    crm.call("patch", "/crm", {"enabled": False})
    shown = crm.get("/crm")
    assert (shown["icon"], shown["displayOrder"], shown["enabled"], shown["name"]) == ("data:,x", 3, False, "crm")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 5}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"enabled": "yes"}, "enabled"),
        ({"displayOrder": 2**40}, "displayOrder"),
        ({"displayOrder": "1"}, "displayOrder"),
        ({"type": 0}, "type"),
        ({"defaultVersionId": "9.9.9"}, "defaultVersionId"),
        ({"icon": ["x"]}, "icon"),
    ],
)
def test_a_wrong_member_is_named(crm, body, field):
    assert field in crm.put("/crm", body, status=422)["error"]


def test_bodies_and_queries_that_cannot_be_read_are_400(crm, owner):
    assert "object" in crm.put("/crm", [1], status=400)["error"]
    assert "Malformed" in crm.put("/crm", b"{", status=400)["error"]
    assert "userId" in Api(owner).post("/v1/connector", {}).json()["error"]
    assert Api(owner).post("/v1/connector", {}).status_code == 400
    assert Api(owner).post("/v1/connector/crm/publish").status_code == 400


def test_an_unknown_user_is_404_and_nothing_is_made(owner, crm):
    for user in ("nobody@x.example", "834b068c-0000", "\0", "x" * 400):
        status = Api(owner).post(f"/v1/connector?userId={user}", {"name": "never"}).status_code
        assert status in (400, 404)
    assert not Connector.objects.filter(name="never").exists()


def test_a_user_is_known_by_their_uuid_and_by_a_raw_plus(owner, ann, crm):
    for user in (str(ann.id), "ann+1@customer.example", "ann%2B1%40customer.example"):
        made = Api(owner).post(f"/v1/connector?userId={user}", {}).json()
        assert crm.get(f"/{made['id']}")["createdBy"] == "Ann"


def test_the_first_version_is_the_default_until_another_is_published(crm):
    first = crm.post("/crm/version", {})["id"]
    second = crm.post("/crm/version", {"name": "2"})["id"]
    assert crm.get("/crm")["defaultVersionId"] == first
    assert crm.get("/crm/version/1")["id"] == first
    crm.put("/crm/version/2", {"published": True})
    assert crm.get("/crm")["defaultVersionId"] == second
    third = crm.post("/crm/version", {"published": True})["id"]
    assert crm.get("/crm")["defaultVersionId"] == second
    crm.put("/crm", {"defaultVersionId": third})
    assert crm.get("/crm")["defaultVersionId"] == third
    assert crm.get(f"/crm/version/{third}")["name"] == "3.0.0"
    crm.delete(f"/crm/version/{third}")
    assert crm.get("/crm")["defaultVersionId"] == second


def test_publishing_needs_a_version_and_may_be_repeated(crm):
    assert "no version" in crm.post("/crm/publish", {}, status=422, contributor_id="c@x.example")["error"]
    crm.post("/crm/version", {"name": "1.0.0"})
    for _ in range(2):
        assert crm.post("/crm/publish", {}, contributor_id="c@x.example") == ""
    assert crm.get("/crm/version/1.0.0")["published"] is True
    row = Connector.objects.get(name="crm")
    assert (row.published_by, row.published_at is not None) == ("c@x.example", True)


def test_a_published_version_stays_as_it_is(crm):
    written = {"name": "1.0.0", "logic": {"error": {"output": "no"}}, "setting": {"baseUrl": "https://a.example"}}
    crm.post("/crm/version", {**written, "published": True})
    shown = crm.get("/crm/version/1.0.0")
    changes = [{"logic": {}}, {"setting": {}}, {"label": {"en": "x"}}, {"name": "1.0.1"}, {"published": False}]
    for change in changes:
        assert "is published" in crm.put("/crm/version/1.0.0", change, status=409)["error"]
    assert crm.put("/crm/version/1.0.0", {**shown, "published": True}) == ""
    assert {**crm.get("/crm/version/1.0.0"), "updatedAt": 0} == {**shown, "updatedAt": 0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"logic": {"execute": {"output": 1}}}, "logic.execute"),
        ({"logic": {"auth": {"steps": [{"reqest": {}}]}}}, "logic.auth.steps[0]"),
        ({"logic": {"error": {"output": "{{ a."}}}, "logic.error.output"),
        ({"logic": []}, "logic"),
        ({"setting": {"baseUrl": 5}}, "setting.baseUrl"),
        ({"label": {"en": 5}}, "label.en"),
        ({"defaultConnectorSecurityId": "none"}, "defaultConnectorSecurityId"),
    ],
)
def test_a_version_that_cannot_run_is_refused_by_its_member(crm, body, field):
    assert field in crm.post("/crm/version", body, status=422)["error"]
    assert crm.get("/crm/version") == []


def test_two_spellings_of_a_versions_name_are_one(crm):
    crm.post("/crm/version", {"name": "2"})
    assert crm.get("/crm/version/2.0.0")["name"] == "2"
    assert "has a version" in crm.post("/crm/version", {"name": "2.0.0"}, status=409)["error"]


def test_a_connector_in_use_is_not_deleted(crm, organization):
    from apps.connections.models import Connection

    connector = Connector.objects.get(name="crm")
    used = Connection.objects.create(organization=organization, name="Ann's crm", type="http", connector=connector)
    assert "connection Ann's crm" in crm.delete("/crm", status=409)["error"]
    used.delete()
    assert crm.delete("/crm") == ""
    crm.get("/crm", status=404)


def test_the_library_is_read_by_all_and_changed_by_nobody(crm):
    install_library()
    assert crm.get("/github")["sharing"] == "all"
    assert {row["name"] for row in crm.get("")} >= {"github", "crm"}
    assert crm.get("/github/version/1.0.0")["setting"] == {"baseUrl": "https://api.github.com"}
    for call in (
        lambda: crm.put("/github", {"name": "mine"}, status=403),
        lambda: crm.delete("/github", status=403),
        lambda: crm.post("/github/version", {}, status=403),
        lambda: crm.post("/github/action", {"name": "x"}, status=403),
        lambda: crm.delete("/github/action/create_issue", status=403),
    ):
        assert "library" in call()["error"]


def test_the_hook_address_is_the_public_one_and_each_connectors_own(crm, settings):
    settings.PUBLIC_URL = "https://junction.example"
    token = Connector.objects.get(name="crm").hook_token
    assert crm.get("/crm/webhookSetting") == f"https://junction.example/hooks/{token}"
    crm.post("", {"name": "other"})
    assert crm.get("/other/webhookSetting") != crm.get("/crm/webhookSetting")


def test_the_hook_address_of_a_library_connector_is_each_organizations_own(crm, stranger):
    install_library()
    EndUser.objects.create(organization=stranger.organization, external_id=crm.user)
    other = Crm(stranger, user=crm.user)
    addresses = [calls.get("/github/webhookSetting") for calls in (crm, other, crm)]
    assert addresses[0] == addresses[2] != addresses[1]
    assert Connector.objects.get(name="github").hook_token not in "".join(addresses)


def test_changes_are_in_the_audit_log(crm):
    crm.put("/crm", {"name": "renamed"})
    entry = AuditEntry.objects.filter(resource_type="connector", event="update").get()
    assert entry.changes == [{"fieldPath": "name", "oldValue": "crm", "newValue": "renamed"}]


def test_a_list_of_ten_thousand_costs_the_queries_of_one(crm, owner, django_assert_max_num_queries):
    organization = owner.organization
    Connector.objects.bulk_create(
        [Connector(organization=organization, name=f"c{n}", document={"type": "1"}) for n in range(10_000)],
        batch_size=2000,
    )
    with django_assert_max_num_queries(4):  # the key, its last use, the list
        assert len(crm.get("")) == 10_001
    page = crm.api.get("/v1/connector?limit=2")
    assert [row["name"] for row in page.json()] == ["crm", "c0"]
    following = page["Link"].split(">")[0].split("/v1/")[1]
    assert [row["name"] for row in crm.api.get(f"/v1/{following}").json()] == ["c1", "c2"]


def test_an_upgrade_by_services_keeps_the_default_of_a_published_version(organization):
    connector = services.create_connector(organization_id=organization.id, name="plain")
    first = services.publish_version(version=services.create_version(connector=connector))
    services.publish_version(version=services.create_version(connector=connector))
    connector.refresh_from_db()
    assert connector.default_version == first
