"""Lookups, response mapping, routers and hooks: what happens to a record between source and sink."""

import pytest

from apps.core.ids import hex24
from apps.executions.models import RecordError
from apps.flows.models import Script
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


def lookup(workshop, uri="/customers/{{record.id}}", **members):
    return workshop.export(uri, is_lookup=True, http={"response": {}}, **members)


def mapped(name="customer", extract="data[0].name"):
    return {"responseMapping": {"fields": [{"extract": extract, "generate": name}], "lists": []}}


NAMED = [
    {"generate": "external_id", "dataType": "number", "extract": "$.id", "status": "Active"},
    {"generate": "customer", "dataType": "string", "extract": "$.customer", "status": "Active"},
]


def test_a_lookup_enriches_each_record_before_the_import(workshop, system):
    system.serve_pages("/orders", orders(12))
    system.routes["GET *"] = lambda call: {"name": f"Customer {call.path.rsplit('/', 1)[1]}"}
    system.take("/sink")
    flow = workshop.flow(None, (lookup(workshop), mapped()), workshop.import_(mappings=NAMED))
    execution = workshop.run(flow)
    assert (execution.state, execution.success_count) == ("succeeded", 12), execution.reason
    sent = {call.json["external_id"]: call.json["customer"] for call in system.made("POST /sink")}
    assert sent == {i: f"Customer {i}" for i in range(1, 13)}


def test_the_same_lookup_is_asked_once_a_page(workshop, system):
    system.serve_pages("/orders", orders(20))
    system.routes["GET /rates"] = lambda call: {"name": "EUR"}
    system.take("/sink")
    workshop.run(workshop.flow(None, (lookup(workshop, "/rates"), mapped()), workshop.import_(mappings=NAMED)))
    assert len(system.made("GET /rates")) == 2


def test_a_failed_lookup_stops_its_record_unless_the_flow_proceeds(workshop, system):
    system.serve_pages("/orders", orders(3))
    system.routes["GET *"] = lambda call: Answer(400, {"e": 1}) if call.path.endswith("/2") else {"name": "x"}
    system.take("/sink")
    stops = workshop.run(workshop.flow(None, (lookup(workshop), mapped()), workshop.import_()))
    assert (stops.success_count, stops.error_count) == (2, 1)
    goes_on = {**mapped(), "proceedOnFailure": True}
    proceeds = workshop.run(workshop.flow(None, (lookup(workshop), goes_on), workshop.import_()))
    assert (proceeds.success_count, proceeds.error_count) == (3, 1)


def test_an_imports_answer_can_feed_the_next_import(workshop, system):
    system.serve_pages("/orders", orders(3))
    system.routes["POST /first"] = lambda call: {"id": 100 + call.json["external_id"]}
    system.take("/second")
    answer = {"responseMapping": {"fields": [{"extract": "id", "generate": "firstId"}], "lists": []}}
    second = [{"generate": "ref", "dataType": "number", "extract": "$.firstId", "status": "Active"}]
    flow = workshop.flow(None, (workshop.import_("/first"), answer), workshop.import_("/second", mappings=second))
    workshop.run(flow)
    assert sorted(call.json["ref"] for call in system.made("POST /second")) == [101, 102, 103]


def equals(field, value):
    return {"type": "expression", "expression": {"version": "1", "rules": ["equals", ["extract", field], value]}}


def step(row):
    return {"type": "import", "_importId": hex24(row.id)}


@pytest.mark.parametrize(("to", "arrived"), [("first_matching_branch", (1, 3)), ("all_matching_branches", (1, 3))])
def test_a_router_sends_records_down_the_branch_that_takes_them(workshop, system, to, arrived):
    system.serve_pages("/orders", orders(4))
    system.take("/even")
    system.take("/rest")
    router = {
        "id": "r1",
        "routeRecordsTo": to,
        "branches": [
            {"name": "two", "inputFilter": equals("id", 2), "pageProcessors": [step(workshop.import_("/even"))]},
            {"name": "rest", "pageProcessors": [step(workshop.import_("/rest"))]},
        ],
    }
    execution = workshop.run(workshop.flow(None, workshop.import_(), pageProcessors=[], routers=[router]))
    assert execution.state == "succeeded", execution.reason
    assert (len(system.made("POST /even")), len(system.made("POST /rest"))) == arrived


def test_a_router_can_lead_to_another_router_and_an_empty_branch_discards(workshop, system):
    system.serve_pages("/orders", orders(5))
    system.take("/one")
    first = {
        "id": "r1",
        "branches": [
            {"name": "drop", "inputFilter": equals("id", 1), "pageProcessors": []},
            {"name": "on", "pageProcessors": [], "nextRouterId": "r2"},
        ],
    }
    second = {"id": "r2", "branches": [{"name": "all", "pageProcessors": [step(workshop.import_("/one"))]}]}
    workshop.run(workshop.flow(None, workshop.import_(), pageProcessors=[], routers=[first, second]))
    assert len(system.made("POST /one")) == 4


def script(workshop, content):
    row = Script.objects.create(organization=workshop.owner.organization, name="hooks", content=content)
    return hex24(row.id)


def test_a_script_may_change_a_page_before_it_is_saved_and_records_before_mapping(workshop, system):
    hooks = script(
        workshop,
        "function save(o) { return {data: o.data.filter(r => r.id !== 2), errors: [], abort: false}; }"
        "function pre(o) { return o.data.map(r => r.id === 3 ? {errors: [{code: 'X', message: 'no threes'}]} :"
        " {data: {id: r.id * 10, name: r.name}}); }",
    )
    system.serve_pages("/orders", orders(4))
    system.take("/sink")
    export = workshop.export(hooks={"preSavePage": {"_scriptId": hooks, "function": "save"}})
    sink = workshop.import_(hooks={"preMap": {"_scriptId": hooks, "function": "pre"}})
    execution = workshop.run(workshop.flow(export, sink))
    assert (execution.success_count, execution.error_count) == (2, 1), execution.reason
    assert sorted(call.json["external_id"] for call in system.made("POST /sink")) == [10, 40]
    assert RecordError.objects.get().message == "no threes"


def test_a_hook_that_returns_the_wrong_number_fails_every_record_of_the_page(workshop, system):
    hooks = script(workshop, "function pre(o) { return []; }")
    system.serve_pages("/orders", orders(3))
    system.take("/sink")
    execution = workshop.run(
        workshop.flow(None, workshop.import_(hooks={"preMap": {"_scriptId": hooks, "function": "pre"}}))
    )
    assert (execution.success_count, execution.error_count) == (0, 3)
    assert "as many elements" in RecordError.objects.first().message


def test_an_import_filter_ignores_a_record_and_an_export_filter_drops_it(workshop, system):
    system.serve_pages("/orders", orders(4))
    system.take("/sink")
    execution = workshop.run(
        workshop.flow(workshop.export(filter=equals("name", "Order 1")), workshop.import_(filter=equals("id", 99)))
    )
    assert (execution.success_count, execution.ignore_count) == (0, 1)


def test_a_composite_import_creates_and_updates(workshop, system):
    records = [{"id": 1, "name": "new"}, {"id": 2, "name": "old", "there": "t7"}]
    system.serve_pages("/orders", records)
    system.take("/sink")
    system.take("/sink/t7", method="PUT")
    http = {
        "method": ["POST", "PUT"],
        "relativeURI": ["/sink", "/sink/{{record.there}}"],
        "requestType": ["CREATE", "UPDATE"],
        "existingExtract": "there",
    }
    execution = workshop.run(workshop.flow(None, workshop.import_(http=http)))
    assert execution.success_count == 2, execution.reason
    assert [c.json["external_id"] for c in system.made("POST /sink")] == [1]
    assert [c.json["external_id"] for c in system.made("PUT /sink/t7")] == [2]
