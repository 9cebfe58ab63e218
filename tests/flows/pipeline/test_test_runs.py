"""Test runs: what documents say of their sources and targets stands for them, and nobody is asked or told."""

import json

import pytest

from apps.executions.models import Exchange
from apps.executions.payloads import unpack
from tests.api import Api, codes_of, fields_of
from tests.flows.pipeline.test_lookups import node
from tests.flows.pipeline.test_runs import orders
from tests.flows.pipeline.test_steps import script

FOUND = {"responseMapping": {"fields": [{"extract": "data[0].name", "generate": "customer"}]}}
ANSWERED = {"responseMapping": {"fields": [{"extract": "id", "generate": "crm"}]}}


def mock(*records):
    return {"page_of_records": [{"record": record} for record in records]}


@pytest.fixture
def try_out(workshop, plan):
    return lambda flow, **body: plan(flow, **{"mode": "test", **body})


def bodies(execution):
    rows = Exchange.objects.filter(execution=execution, planned=True).order_by("id")
    return [(row.url.rpartition("/")[2], json.loads(unpack(row.detail)["request"]["body"])) for row in rows]


def test_mock_data_goes_through_the_whole_flow_and_nobody_is_asked(workshop, system, try_out):
    keep = {"type": "expression", "expression": {"version": "1", "rules": ["notequals", ["extract", "id"], 2]}}
    export = workshop.export(mockOutput=mock({"id": 1}, {"id": 2}, {"id": 3}), filter=keep)
    find = workshop.export("/customers", is_lookup=True, mockOutput=mock({"name": "Ann"}))
    text = "function f(o) { return o.responseData.map(r => ({...r, id: r.id + '!'})); }"
    hooks = {"postSubmit": {"_scriptId": script(workshop, text), "function": "f"}}
    sink = workshop.import_(
        mappings=[node("n", "$.id"), node("customer", "$.customer")], hooks=hooks,
        mockResponse=[{"id": "c1"}, {"statusCode": 422, "errors": [{"code": "odd", "message": "no"}]}],
    )  # fmt: skip
    after = workshop.import_("/after", mappings=[node("at", "$.crm")])
    execution = try_out(workshop.flow(export, (find, FOUND), (sink, ANSWERED), after))

    assert (execution.state, execution.mode, execution.reason) == ("succeeded", "plan", "")
    assert not system.calls
    assert bodies(execution) == [
        ("sink", {"n": "1", "customer": "Ann"}), ("sink", {"n": "3", "customer": "Ann"}), ("after", {"at": "c1!"}),
    ]  # fmt: skip
    assert execution.error_count == 1


def test_a_listeners_mock_output_stands_for_what_it_would_be_sent(workshop, system, try_out):
    export = workshop.export(type="webhook", mockOutput={"page_of_records": [{"rows": [{"id": 1}, {"id": 2}]}]})
    execution = try_out(workshop.flow(export, workshop.import_(mappings=[])))
    assert bodies(execution) == [("sink", [{"id": 1}, {"id": 2}])]


def test_what_has_no_mock_data_is_read_for_real_and_one_page_is_enough(workshop, system, try_out):
    system.serve_pages("/orders", orders(25))
    execution = try_out(workshop.flow())
    assert len(bodies(execution)) == 10 and system.made("GET /orders") and not system.made("POST")


def test_a_test_run_is_not_applied(workshop, system, try_out, apply):
    flow = workshop.flow(workshop.export(mockOutput=mock({"id": 1})))
    refused = apply(try_out(flow), flow)
    assert (refused.status_code, codes_of(refused)) == (409, ["plan_of_a_test"])
    assert not system.calls


def test_a_plan_and_a_run_ask_for_real(workshop, system, plan):
    system.serve_pages("/orders", [{"id": 5, "name": "real"}])
    system.take("/sink")
    flow = workshop.flow(workshop.export(mockOutput=mock({"id": 1})), workshop.import_(mockResponse=[{"id": "x"}]))
    assert bodies(plan(flow)) == [("sink", {"external_id": 5, "name": "real"})]
    workshop.run(flow)
    assert [call.json["external_id"] for call in system.made("POST /sink")] == [5]


def test_more_than_ten_mock_records_are_not_kept(workshop):
    api = Api(workshop.owner, prefix="/v1")
    document = {"name": "e", "type": "simple", "mockOutput": mock(*[{"id": i} for i in range(11)])}
    assert fields_of(api.post("/exports", document)) == ["mockOutput.page_of_records"]
    pages = api.post("/flows/" + workshop.flow().hex_id + "/run", {"mode": "test", "pages": 2})
    assert fields_of(pages) == ["pages"]
