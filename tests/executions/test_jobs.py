"""Executions as jobs: scopes, types, families."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.executions.models import Execution, Step
from apps.flows.models import Page
from tests.api import Api, codes_of
from tests.contracts.world import build_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(owner):
    return build_world(owner)


@pytest.fixture
def api(owner):
    return Api(owner, prefix="/v1")


def test_a_search_needs_a_scope(api, world):
    answer = api.get("/jobs?status=running")
    assert answer.status_code == 400
    assert codes_of(answer) == ["invalid_query_params"]


@pytest.mark.parametrize(
    "query",
    [
        "_flowId={flow}", "_integrationId={integration}", "_importId={import}&type=flow", "_flowId_in={flow},{spare}",
        "createdAt_gte=2020-01-01T00:00:00Z", "_flowId={flow}&status=queued", "_flowId={flow}&type_in=flow,retry",
        "_flowId={flow}&retriable=true", "_flowId={flow}&numError_lte=0&numExport_gte=0",
    ],
)  # fmt: skip
def test_a_search_finds_runs_by_scope(api, world, query):
    found = api.get("/jobs?" + query.format(**world.ids)).json()
    assert [job["_id"] for job in found] == [world.ids["job"]]
    assert found[0]["numOpenError"] == 1


@pytest.mark.parametrize(
    "query",
    ["_flowId={spare}", "_flowId={flow}&status=failed", "createdAt_lte=2020-01-01T00:00:00Z", "_bulkJobId={job}",
     "_flowId={flow}&numError_gte=1", "_flowId={flow}&retriable=false"],
)  # fmt: skip
def test_a_search_leaves_out_what_does_not_match(api, world, query):
    assert api.get("/jobs?" + query.format(**world.ids)).json() == []


def test_jobs_of_steps_need_their_run_or_their_step(api, world):
    assert api.get(f"/jobs?_flowId={world.ids['flow']}&type=import").status_code == 400
    for query in (f"_flowJobId={world.ids['job']}", f"_importId={world.ids['import']}&type=import"):
        (child,) = api.get(f"/jobs?{query}").json()
        assert (child["type"], child["_importId"], child["_flowJobId"]) == (
            "import",
            world.ids["import"],
            world.ids["job"],
        )
        assert child["numOpenError"] == 1


def test_a_family_is_the_run_with_its_steps(api, world):
    family = api.get(f"/jobs/{world.ids['job']}/family").json()
    assert [child["type"] for child in family["children"]] == ["import"]
    child = api.get(f"/jobs/{family['children'][0]['_id']}").json()
    assert child["_parentJobId"] == world.ids["job"]


def test_a_canceled_job_is_canceled_once_and_a_step_not_alone(api, world):
    step = Step.objects.get()
    assert api.put(f"/jobs/{step.hex_id}/cancel").status_code == 422
    answer = api.put(f"/jobs/{world.ids['job']}/cancel").json()
    assert answer["status"] in ("canceling", "canceled")
    assert answer["canceledBy"] == api.get("/tokenInfo").json()["_userId"]


def test_counts_of_a_run_under_way_come_from_its_pages(api, world):
    execution = Execution.objects.get()
    for number, counts in enumerate(([3, 1, 2], [4, 0, 0])):
        Page.objects.create(
            execution=execution, organization_id=execution.organization_id, number=number,
            counts={"processors[1]": counts},
        )  # fmt: skip
    job = api.get(f"/jobs/{world.ids['job']}").json()
    assert (job["numSuccess"], job["numError"], job["numIgnore"], job["numPagesProcessed"]) == (7, 1, 2, 2)


def test_a_list_of_jobs_costs_the_queries_of_one(api, world, django_assert_num_queries):
    address = f"/jobs?_flowId={world.ids['flow']}"
    api.get(address)
    with CaptureQueriesContext(connection) as one:
        api.get(address)
    queries = len(one)
    for _ in range(10):
        api.post(f"/flows/{world.ids['flow']}/run")
    with django_assert_num_queries(queries):
        assert len(api.get(address).json()) == 11
