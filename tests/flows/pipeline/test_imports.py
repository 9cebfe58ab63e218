"""What an import does with records that are ignored, used twice, come in two goes, or are shown to scripts."""

import pytest

from apps.executions.models import RecordError
from apps.flows.models import FilePart
from tests.flows.pipeline.test_files_and_sql import (
    file_import,
    rows,
    sql_import,
    sqlite,
    table,
)
from tests.flows.pipeline.test_runs import orders
from tests.flows.pipeline.test_steps import equals, lookup, mapped, script
from tests.systems import Answer

NO_NUMBER = [{"generate": "name", "dataType": "number", "extract": "$.name", "status": "Active"}]


def test_a_record_that_the_filter_ignores_is_not_mapped_and_counts_once(workshop, system):
    system.serve_pages("/orders", orders(3))
    sink = workshop.import_(mappings=NO_NUMBER, filter=equals("id", 99))
    execution = workshop.run(workshop.flow(None, sink))
    assert (execution.success_count, execution.error_count, execution.ignore_count) == (0, 0, 3)
    assert not RecordError.objects.exists()


def test_hooks_see_only_the_records_that_go_on_and_post_submit_all_it_is_promised(workshop, system):
    content = (
        "function pre(o) { return o.data.map(r => ({data: {...r, seen: o.data.length}})); }"
        "function post(o) { return o.responseData.map((r, i) => ({...r, statusCode: 422, errors:"
        " [{message: o.preMapData[i].seen + '/' + o.postMapData[i].external_id}]})); }"
    )
    hooks = {name: {"_scriptId": script(workshop, content), "function": name} for name in ("pre", "post")}
    system.serve_pages("/orders", orders(3))
    system.take("/2")
    sink = workshop.import_(
        "/{{record.seen}}", filter=equals_not("id", 2),
        hooks={"preMap": hooks["pre"], "postSubmit": hooks["post"]},
    )  # fmt: skip
    workshop.run(workshop.flow(None, sink))
    assert sorted(RecordError.objects.values_list("message", flat=True)) == ["2/1", "2/3"]
    assert len(system.made("POST /2")) == 2


def equals_not(field, value):
    document = equals(field, value)
    document["expression"]["rules"][0] = "notequals"
    return document


def test_conditions_of_a_mapping_know_whether_the_record_is_created_or_updated(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "name": "a"}, {"id": 2, "name": "b", "known": "x"}])
    system.routes["POST /sink"] = system.routes["PUT /sink"] = lambda call: {}
    only_new = {
        "generate": "name", "dataType": "string", "extract": "$.name", "status": "Active",
        "conditional": {"when": "record_created"},
    }  # fmt: skip
    http = {
        "method": ["POST", "PUT"], "relativeURI": ["/sink", "/sink"], "requestType": ["CREATE", "UPDATE"],
        "existingExtract": "known",
    }  # fmt: skip
    execution = workshop.run(workshop.flow(None, workshop.import_(http=http, mappings=[only_new])))
    assert execution.success_count == 2, execution.reason
    assert [call.json for call in system.made("POST /sink")] == [{"name": "a"}]
    assert [call.json for call in system.made("PUT /sink")] == [{}]


def test_an_import_used_twice_in_a_flow_writes_under_two_keys(workshop, system):
    system.serve_pages("/orders", orders(1))
    system.take("/sink")
    sink = workshop.import_()
    workshop.run(workshop.flow(None, sink, sink))
    keys = {call.headers["Idempotency-Key"] for call in system.made("POST /sink")}
    assert len(keys) == 2


def test_empty_nodes_are_left_out_when_the_import_says_so(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "name": None, "lines": [{"x": ""}], "n": 0}])
    system.take("/sink")
    workshop.run(workshop.flow(None, workshop.import_(mappings=[], http={"ignoreEmptyNodes": True})))
    assert [call.json for call in system.made("POST /sink")] == [{"id": 1, "n": 0}]


def test_an_import_speaks_the_media_type_of_its_connection(workshop, system):
    workshop.connection.document["http"]["mediaType"] = "urlencoded"
    workshop.connection.save()
    system.serve_pages("/orders", orders(1))
    system.take("/sink")
    workshop.run(workshop.flow(None, workshop.import_()))
    assert [call.body for call in system.made("POST /sink")] == [b"external_id=1&name=Order+1"]


def test_the_hook_after_the_last_step_runs_and_sees_the_responses(workshop, system):
    content = "function after(o) { throw new Error('saw ' + o.responseData[0].statusCode); }"
    hook = {"_scriptId": script(workshop, content), "function": "after"}
    system.serve_pages("/orders", orders(2))
    system.take("/sink")
    execution = workshop.run(workshop.flow(None, (workshop.import_(), {"hooks": {"postResponseMap": hook}})))
    assert (execution.success_count, execution.error_count) == (0, 2)
    assert "saw 20" in RecordError.objects.first().message


def test_errors_that_a_script_reports_of_a_page_are_opened(workshop, system):
    content = "function save(o) { return {data: o.data, errors: [{code: 'odd', message: 'an odd page'}]}; }"
    hooks = {"preSavePage": {"_scriptId": script(workshop, content), "function": "save"}}
    system.serve_pages("/orders", orders(1))
    system.take("/sink")
    execution = workshop.run(workshop.flow(workshop.export(hooks=hooks)))
    assert (execution.success_count, execution.error_count) == (1, 1)
    assert RecordError.objects.get().code == "odd"


def test_lookups_that_differ_by_a_header_are_asked_each(workshop, system):
    system.serve_pages("/orders", orders(3))
    system.routes["GET /rates"] = lambda call: {"name": call.headers["X-Order"]}
    system.take("/sink")
    rates = lookup(workshop, "/rates")
    rates.document["http"]["headers"] = [{"name": "X-Order", "value": "{{data.id}}"}]
    rates.save()
    names = [{"generate": "name", "dataType": "string", "extract": "$.customer", "status": "Active"}]
    workshop.run(workshop.flow(None, (rates, mapped()), workshop.import_(mappings=names)))
    assert sorted(call.json["name"] for call in system.made("POST /sink")) == ["1", "2", "3"]


@pytest.mark.parametrize("spelling", ["record.name", "data.name", "name"])
def test_sql_statements_read_records_in_every_spelling(workshop, system, folder, spelling):
    table(folder)
    system.serve_pages("/orders", orders(1))
    query = [f"INSERT INTO orders (external_id, name) VALUES (1, {{{{{spelling}}}}})"]
    workshop.run(workshop.flow(None, sql_import(workshop, sqlite(workshop), queryType=["per_record"], query=query)))
    assert rows(folder, "SELECT name FROM orders") == [("Order 1",)]


def test_a_page_that_comes_to_its_file_in_two_goes_stands_in_it_whole(workshop, system, folder, files):
    refused = iter([True])
    system.serve_pages("/orders", orders(5))
    system.routes["POST /sink"] = lambda call: (
        Answer(429, {}, {"Retry-After": "1"}) if call.json["external_id"] == 2 and next(refused, False) else {}
    )
    sink = file_import(workshop, files, type="csv", fileName="{UUID}.csv")
    execution = workshop.start(workshop.flow(None, workshop.import_(), sink))
    workshop.finish(execution, seconds=60)
    assert (execution.state, FilePart.objects.count()) == ("succeeded", 1), execution.reason
    lines = (folder / "out" / f"{execution.id.hex}.csv").read_text().splitlines()
    assert sorted(lines[1:]) == [f"{i},Order {i}" for i in range(1, 6)]


def test_an_error_beside_data_is_opened_and_its_record_goes_on(workshop, system):
    content = "function pre(o) { return o.data.map(r => ({data: r, errors: [{code: 'odd', message: 'look at it'}]})); }"
    hooks = {"preMap": {"_scriptId": script(workshop, content), "function": "pre"}}
    system.serve_pages("/orders", orders(1))
    system.take("/sink")
    execution = workshop.run(workshop.flow(None, workshop.import_(hooks=hooks)))
    error = RecordError.objects.get()
    assert (execution.success_count, error.code, error.retryable) == (1, "odd", False)


def test_fields_that_are_keys_find_the_row_that_is_there(workshop, system, folder):
    table(folder)
    rows(folder, "INSERT INTO orders VALUES (1, 'old')")
    system.serve_pages("/orders", orders(2))
    sink = sql_import(
        workshop, sqlite(workshop), mappings=[], queryType=["bulk_load"], bulkLoad={"tableName": "orders"}
    )
    key = {"extract": "id", "generate": "external_id", "isKey": True}
    sink.document["mapping"] = {"fields": [key, {"extract": "name", "generate": "name"}]}
    sink.save()
    execution = workshop.run(workshop.flow(None, sink))
    assert execution.error_count == 0, execution.reason
    assert rows(folder, "SELECT name FROM orders ORDER BY external_id") == [("Order 1",), ("Order 2",)]
