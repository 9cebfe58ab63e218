"""Members that stand in no document: counted, or told of what has happened, when a resource is read."""

import pytest

from apps.connections.access import open_row
from apps.connections.marks import mark_offline
from apps.connections.models import Connection
from apps.core.ids import hex24, new_id, parse_id
from apps.executions.models import Execution, RecordError
from apps.flows.models import Page
from tests.api import codes_of, fields_of

pytestmark = pytest.mark.django_db


def test_a_folder_counts_what_stands_in_it_and_what_waits(api, world):
    address = f"/integrations/{world.ids['integration']}"
    shown = api.get(address).json()
    assert shown["_registeredConnectionIds"] == [world.ids["connection"]]
    assert (shown["numFlows"], shown["numRegisteredConnections"], shown["numOfflineConnections"]) == (1, 1, 0)
    assert shown["numError"] == 1 and shown["lastErrorAt"]
    row = Connection.objects.get(pk=parse_id(world.ids["connection"]))
    mark_offline(open_row(row), reason="nobody is there")
    RecordError.objects.all().delete()
    (shown,) = api.get("/integrations").json()
    assert (shown["numOfflineConnections"], shown["numError"], "lastErrorAt" in shown) == (1, 0, False)


def test_a_connection_tells_how_many_pages_stand_before_it_and_in_whose_queue(api, world):
    lender, borrower = world.ids["connection"], world.ids["spare"]
    document = api.get(f"/connections/{borrower}").json()
    assert document["queues"] == [{"name": borrower, "size": 0}]
    api.put(f"/connections/{borrower}", {**document, "_borrowConcurrencyFromConnectionId": lender})
    run = Execution.objects.get()
    pages = [Page(id=new_id(), execution=run, organization_id=run.organization_id, number=n) for n in range(3)]
    pages[2].state = Page.State.DONE
    Page.objects.bulk_create(pages)
    for name in (lender, borrower):
        assert api.get(f"/connections/{name}").json()["queues"] == [{"name": lender, "size": 2}]
    assert api.get(f"/connections/{world.ids['database']}").json()["queues"][0]["size"] == 0
    Page.objects.update(state=Page.State.DONE)
    assert api.get(f"/connections/{lender}").json()["queues"][0]["size"] == 0


def test_a_connection_of_one_folder_names_it_and_one_of_two_none(api, world):
    address = f"/connections/{world.ids['connection']}"
    assert api.get(address).json()["_integrationId"] == world.ids["integration"]
    other = api.post("/integrations", {"name": "Other"}).json()["_id"]
    api.put(f"/integrations/{other}/connections/{world.ids['connection']}/register")
    assert "_integrationId" not in api.get(address).json()


def test_flows_and_caches_name_the_owner_of_their_account(api, world, owner):
    for kind in ("flow", "lookupcache"):
        assert api.get(f"/{kind}s/{world.ids[kind]}").json()["_userId"] == hex24(owner.user.id)
        assert api.get(f"/{kind}s").json()[0]["_userId"] == hex24(owner.user.id)


def test_a_flow_tells_when_a_record_of_it_was_last_resolved(api, world):
    before = api.get(f"/flows/{world.ids['flow']}").json()["resolvedAt"]
    api.put(f"/flows/{world.ids['flow']}/{world.ids['import']}/resolved", {"errors": [world.ids["error"]]})
    assert api.get(f"/flows/{world.ids['flow']}").json()["resolvedAt"] > before


def test_an_error_tells_who_classed_it_and_when_it_is_forgotten(api, world, settings):
    settings.KEEP_EXECUTIONS_DAYS = 90
    desk = f"/flows/{world.ids['flow']}/{world.ids['import']}"
    (error,) = api.get(f"{desk}/errors").json()["errors"]
    assert "classifiedBy" not in error
    assert error["purgeAt"] > error["occurredAt"] and error["purgeAt"][:4] == "2027"
    RecordError.objects.update(classification="value")
    (error,) = api.get(f"{desk}/errors").json()["errors"]
    assert error["classifiedBy"] == "autopilot"


def test_jobs_in_progress_are_narrowed_by_folder_and_flow(api, world):
    for name, kind in (("_integrationId", "integration"), ("_flowId", "flow")):
        assert [job["_id"] for job in api.post("/jobs/current", {name: world.ids[kind]}).json()] == [world.ids["job"]]
        assert api.post("/jobs/current", {name: world.ids["connection"]}).json() == []
    refused = api.post("/jobs/current", {"_flowId": 5})
    assert (refused.status_code, fields_of(refused)) == (422, ["_flowId"])


def test_records_are_assigned_to_members_by_their_id_or_to_anybody_by_address(api, world, owner, stranger):
    desk = f"/flows/{world.ids['flow']}/{world.ids['import']}"
    body = {"errorIds": [world.ids["error"]], "email": "owner@acme.example"}
    assert api.put(f"{desk}/errors/assign", {**body, "_userId": hex24(owner.user.id)}).status_code == 204
    for wrong in (hex24(stranger.user.id), "0" * 24, "x"):
        refused = api.put(f"{desk}/errors/assign", {**body, "_userId": wrong})
        assert (refused.status_code, fields_of(refused), codes_of(refused)) == (422, ["_userId"], ["invalid_ref"])
    assert api.put(f"{desk}/errors/assign", {**body, "email": "ann@else.example"}).status_code == 204


def test_files_of_errors_are_not_kept_to_be_retried(api, world):
    desk = f"/flows/{world.ids['flow']}/{world.ids['import']}"
    refused = api.post(f"{desk}/retry", {"errorFileId": "f1"})
    assert (refused.status_code, fields_of(refused)) == (422, ["errorFileId"])
