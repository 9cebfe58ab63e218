"""Documents are stored as they are written; what is used is not deleted; secrets do not come back."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.connections.models import Connection
from apps.connections.secrets import unseal
from apps.flows.models import Flow
from apps.schedules.models import Schedule
from tests.api import codes_of
from tests.contracts.world import HTTP_CONNECTION, HTTP_EXPORT

pytestmark = pytest.mark.django_db


def test_a_replace_erases_what_is_left_out(api, world):
    address = f"/flows/{world.ids['flow']}"
    assert "pageGenerators" in api.get(address).json()
    answer = api.put(address, {"name": "Bare"})
    assert answer.status_code == 200
    told = {"_id", "_userId", "name", "disabled", "createdAt", "lastModified", "resolvedAt"}
    assert set(api.get(address).json()) == told


def test_members_nobody_knows_are_kept(api, world):
    document = {**HTTP_EXPORT, "_connectionId": world.ids["connection"], "assistantMetadata": {"v": [1, None]}}
    assert api.post("/exports", document).json()["assistantMetadata"] == {"v": [1, None]}


def test_what_the_server_writes_cannot_be_written(api, world):
    before = api.get(f"/flows/{world.ids['flow']}").json()
    api.put(f"/flows/{world.ids['flow']}", {**before, "_id": "0" * 24, "createdAt": "2001-01-01T00:00:00.000Z"})
    after = api.get(f"/flows/{world.ids['flow']}").json()
    assert after == {**before, "lastModified": after["lastModified"]}


@pytest.mark.parametrize(
    ("kind", "user"), [("connection", "export"), ("export", "flow"), ("import", "flow"), ("integration", "flow")]
)
def test_what_is_used_is_not_deleted_and_its_users_are_named(api, world, kind, user):
    answer = api.delete(f"/{kind}s/{world.ids[kind]}")
    assert answer.status_code == 422
    assert codes_of(answer) == ["has_dependents"]
    assert world.ids[user] in answer.json()["errors"][0]["message"]
    assert api.get(f"/{kind}s/{world.ids[kind]}").status_code == 200
    listed = api.get(f"/{kind}s/{world.ids[kind]}/dependencies").json()
    assert world.ids[user] in [entry["id"] for entry in listed[f"{user}s"]]


def test_a_schedule_follows_each_save_of_its_flow(api, world):
    address = f"/flows/{world.ids['flow']}"
    assert not Schedule.objects.exists()
    api.patch(address, [{"op": "replace", "path": "/schedule", "value": "? 0 2 ? * *"}])
    api.patch(address, [{"op": "replace", "path": "/pageGenerators/0/schedule", "value": "? 30 3 ? * *"}])
    assert set(Schedule.objects.values_list("expression", "dst", "enabled")) == {
        ("? 0 2 ? * *", "contract", True),
        ("? 30 3 ? * *", "contract", True),
    }
    api.patch(address, [{"op": "replace", "path": "/disabled", "value": True}])
    assert not Schedule.objects.filter(enabled=True).exists()
    api.patch(address, [{"op": "remove", "path": "/schedule"}])
    assert [schedule.generator for schedule in Schedule.objects.all()] == [world.ids["export"]]
    assert api.delete(address).status_code == 204
    assert not Schedule.objects.exists()


def test_a_disabled_flow_does_not_run(api, world):
    api.patch(f"/flows/{world.ids['flow']}", [{"op": "replace", "path": "/disabled", "value": True}])
    answer = api.post(f"/flows/{world.ids['flow']}/run", {})
    assert answer.status_code == 422
    assert codes_of(answer) == ["invalid_flow"]


@pytest.mark.parametrize("path", ["/pageGenerators", "/_integrationId", "/_id", "/routers/0/branches/0/inputFilter"])
def test_a_patch_of_a_flow_reaches_listed_paths_only(api, world, path):
    answer = api.patch(f"/flows/{world.ids['flow']}", [{"op": "replace", "path": path, "value": "x"}])
    assert answer.status_code == 422
    assert codes_of(answer) == ["invalid_patch_path"]


def test_a_patched_document_obeys_the_rules_of_a_written_one(api, world):
    answer = api.patch(f"/flows/{world.ids['flow']}", [{"op": "replace", "path": "/schedule", "value": "now"}])
    assert answer.status_code == 422


def test_secrets_read_back_masked_and_a_mask_written_back_changes_nothing(api, world):
    def stored():
        row = Connection.objects.get(name="Shop")
        whole = unseal(row.document, bytes(row.secret), type=row.type, connection_id=row.id)
        return whole["http"]["auth"]["token"]["token"]

    address = f"/connections/{world.ids['connection']}"
    shown = api.get(address).json()
    assert shown["http"]["auth"]["token"]["token"] == "******"
    assert b"s3cr3t" not in bytes(Connection.objects.get(name="Shop").secret)
    assert api.put(address, shown).status_code == 200
    assert stored() == "s3cr3t"
    api.patch(address, [{"op": "replace", "path": "/http/auth/token/token", "value": "n3w"}])
    assert stored() == "n3w"
    assert b"n3w" not in api.get(f"{address}/audit").content
    masked = {**HTTP_CONNECTION, "http": {**HTTP_CONNECTION["http"], "auth": shown["http"]["auth"]}}
    assert api.post("/connections", masked).status_code == 422


def test_a_listeners_secrets_are_masked_too(api):
    webhook = {"verify": "hmac", "key": "s3cr3t", "algorithm": "sha256", "encoding": "hex", "header": "X-Sig"}
    row = api.post("/exports", {"name": "w", "type": "webhook", "webhook": webhook}).json()
    assert row["webhook"]["key"] == "******"
    assert row["adaptorType"] == "WebhookExport"
    assert api.put(f"/exports/{row['_id']}", row).status_code == 200


def test_the_content_of_a_script_is_shown_by_id_only(api, world):
    assert "content" not in api.get("/scripts").json()[0]
    assert api.get(f"/scripts/{world.ids['script']}").json()["content"].startswith("function")


def test_swapping_a_connection_reaches_all_steps_of_a_flow(api, world):
    answer = api.put(
        f"/flows/{world.ids['flow']}/replaceConnection",
        {"_connectionId": world.ids["connection"], "_newConnectionId": world.ids["spare"]},
    )
    assert answer.status_code == 200
    for kind in ("export", "lookup", "import"):
        path = f"/{'import' if kind == 'import' else 'export'}s/{world.ids[kind]}"
        assert api.get(path).json()["_connectionId"] == world.ids["spare"]
    unknown = {"_connectionId": world.ids["connection"], "_newConnectionId": "0" * 24}
    assert api.put(f"/flows/{world.ids['flow']}/replaceConnection", unknown).status_code == 422


def test_every_change_is_in_the_log_with_old_and_new_value(api, world, owner):
    api.patch(f"/flows/{world.ids['flow']}", [{"op": "replace", "path": "/name", "value": "New name"}])
    newest = api.get(f"/flows/{world.ids['flow']}/audit").json()[0]
    assert newest["event"] == "update"
    assert newest["byUser"]["email"] == owner.user.email
    assert newest["fieldChanges"] == [{"fieldPath": "name", "oldValue": "Orders to ERP", "newValue": "New name"}]


def test_saving_what_is_stored_already_is_no_change(api, world):
    document = api.get(f"/flows/{world.ids['flow']}").json()
    api.put(f"/flows/{world.ids['flow']}", document)
    assert [entry["event"] for entry in api.get(f"/flows/{world.ids['flow']}/audit").json()] == ["create"]
    assert Flow.objects.get(name="Orders to ERP").revision == 2


@pytest.mark.parametrize("resource", ["flows", "exports", "imports", "scripts", "connections", "integrations"])
def test_a_list_of_many_costs_the_queries_of_a_list_of_few(api, world, resource, django_assert_num_queries):
    def make(count):
        singular = resource.removesuffix("s")
        document = {k: v for k, v in api.get(f"/{resource}/{world.ids[singular]}").json().items() if k != "_id"}
        if resource == "connections":
            document = HTTP_CONNECTION
        for number in range(count):
            assert api.post(f"/{resource}", {**document, "name": f"n{number}"}).status_code == 201

    api.get(f"/{resource}")
    with CaptureQueriesContext(connection) as few:
        before = len(api.get(f"/{resource}").json())
    queries = len(few)
    make(20)
    with django_assert_num_queries(queries):
        assert len(api.get(f"/{resource}").json()) == before + 20
