"""The error desk: open and resolved rows of a step, paged by an address, and what is done about them."""

import pytest

from apps.core.ids import parse_id
from apps.executions.models import Execution, RecordError
from apps.flows.models import Flow, Import
from tests.api import fields_of
from tests.contracts.world import add_error

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(world):
    return f"/flows/{world.ids['flow']}/{world.ids['import']}"


def test_an_open_error_tells_what_failed(api, world, desk):
    (error,) = api.get(f"{desk}/errors").json()["errors"]
    assert error["errorId"] == error["retryDataKey"] == world.ids["error"]
    assert (error["source"], error["code"], error["traceKey"], error["oIndex"]) == (
        "application",
        "400",
        "order-1",
        "0",
    )
    assert error["_flowJobId"] == world.ids["job"]


def test_resolving_moves_an_error_and_counts_follow(api, world, desk):
    counts = f"/flows/{world.ids['flow']}/errors"
    assert api.get(counts).json()["flowErrors"][0]["numError"] == 1
    assert api.put(f"{desk}/resolved", {"errors": [world.ids["error"]]}).status_code == 204
    assert api.get(f"{desk}/errors").json() == {"errors": []}
    assert api.get(counts).json() == {"flowErrors": []}
    resolved = api.get(f"{desk}/resolved").json()["resolved"]
    assert {row["traceKey"] for row in resolved} == {"order-1", "order-2"}
    assert (
        resolved[1]["resolvedBy"]
        == world.actor.user_id.hex[:12] + world.actor.user_id.hex[13:16] + (world.actor.user_id.hex[17:26])
    )
    assert api.put(f"{desk}/resolved", {"errors": [world.ids["error"]]}).status_code == 204


@pytest.mark.parametrize("body", [{}, {"errors": []}, {"errors": "x"}, {"errors": ["0" * 24]}, {"errors": ["zzz"]}])
def test_nothing_is_resolved_without_ids_that_are_there(api, desk, body):
    answer = api.put(f"{desk}/resolved", body)
    assert answer.status_code == 422
    assert fields_of(answer)[0].startswith("errors")
    assert len(api.get(f"{desk}/errors").json()["errors"]) == 1


def test_a_page_of_errors_names_the_next_one(api, world, desk):
    flow, execution = Flow.objects.get(name="Orders to ERP"), Execution.objects.get()
    step = Import.objects.get(pk=parse_id(world.ids["import"]))
    for number in range(4):
        add_error(execution, flow=flow, step=step, trace_key=f"more-{number}")
    seen, address = [], f"{desk}/errors?limit=2&source=application"
    while address:
        page = api.get(address.removeprefix("http://testserver/v1")).json()
        seen += [row["traceKey"] for row in page["errors"]]
        address = page.get("nextPageURL")
    assert seen == ["more-3", "more-2", "more-1", "more-0", "order-1"]


def test_a_kept_record_can_be_edited_until_it_is_resolved(api, world, desk):
    address = f"{desk}/{world.ids['error']}/data"
    assert api.get(address).json() == {"data": {"id": "order-1"}, "stage": "import", "traceKey": "order-1"}
    assert api.put(address, {"data": {"id": "order-1b"}}).json()["data"] == {"id": "order-1b"}
    assert RecordError.objects.get(pk__isnull=False, trace_key="order-1").retry_data.revision == 2
    api.put(f"{desk}/resolved", {"errors": [world.ids["error"]]})
    assert api.put(address, {"data": {}}).status_code == 422


def test_a_retry_is_a_job_of_its_own(api, world, desk):
    job = api.post(f"{desk}/retry", {"errorIds": [world.ids["error"]]}).json()
    assert (job["type"], job["status"], job["_parentJobId"]) == ("retry", "queued", world.ids["job"])
    assert api.post(f"{desk}/retry", {"errorIds": [world.ids["error"]]}).status_code == 422
    assert api.post(f"{desk}/retry", {}).status_code == 422


@pytest.mark.parametrize("step", ["spare", "flow", "script"])
def test_a_step_is_an_export_or_import_of_the_flow(api, world, step):
    assert api.get(f"/flows/{world.ids['flow']}/{world.ids[step]}/errors").status_code == 404
