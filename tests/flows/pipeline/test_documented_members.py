"""Members of the documents that are seldom set, each by what a user notices of it."""

import json

import pytest

from apps.connections.models import Connection
from apps.executions.models import RecordError
from apps.flows.models import Export, Script
from apps.flows.services.runs import retry_errors
from tests.flows.pipeline.test_files_and_sql import (
    file_export,
    file_import,
    rows,
    sql_export,
    sql_import,
    sqlite,
    table,
)
from tests.flows.pipeline.test_lookups import node, sent
from tests.flows.pipeline.test_one_to_many import LINE, MANY, ORDERS
from tests.flows.pipeline.test_runs import orders
from tests.flows.pipeline.test_steps import script
from tests.systems import Answer


def reference(workshop, content):
    return {"_scriptId": script(workshop, content), "function": "f"}


FOUND = {"responseMapping": {"fields": [{"extract": "data", "generate": "found"}]}}


# -- lookups by SQL


def sql_lookup(workshop, db, query, **members):
    return Export.objects.create(
        organization=workshop.owner.organization, name="of sql", adaptor_type="RDBMSExport", connection=db,
        is_lookup=True, document={"rdbms": {"query": query}, "isLookup": True, **members},
    )  # fmt: skip


@pytest.fixture
def people(folder):
    table(folder, "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, team TEXT)")
    rows(folder, "INSERT INTO people VALUES (1, 'Ana', 'a'), (2, 'O''Brien', 'a'), (3, 'Chloe', 'b')")


def test_a_query_enriches_each_record_with_its_rows(workshop, system, folder, people):
    system.serve_pages("/orders", [{"id": 1, "team": "a"}, {"id": 2, "team": "b"}, {"id": 3, "team": "a"}])
    system.take("/sink")
    find = sql_lookup(workshop, sqlite(workshop), "SELECT name FROM people WHERE team = {{record.team}} ORDER BY id")
    execution = workshop.run(workshop.flow(None, (find, FOUND), workshop.import_(mappings=[])))

    assert (execution.state, execution.error_count) == ("succeeded", 0)
    found = {row["id"]: [one["name"] for one in row["found"]] for row in sent(system)}
    assert found == {1: ["Ana", "O'Brien"], 2: ["Chloe"], 3: ["Ana", "O'Brien"]}
    asked = execution.exchanges.filter(step_path="pageProcessors[0]", method="QUERY")
    assert asked.count() == 2  # an equal question is asked once a page


def test_a_query_that_fails_for_one_record_fails_that_one(workshop, system, folder, people):
    system.serve_pages("/orders", [{"id": 1, "t": "people"}, {"id": 2, "t": "nowhere"}])
    system.take("/sink")
    find = sql_lookup(workshop, sqlite(workshop), "SELECT count(*) AS n FROM {{{record.t}}}")
    execution = workshop.run(workshop.flow(None, (find, FOUND), workshop.import_(mappings=[])))

    assert [(row["id"], row["found"]) for row in sent(system)] == [(1, [{"n": 3}])]
    assert execution.steps.get(path="pageProcessors[0]").error_count == 1
    assert "nowhere" in RecordError.objects.get().message


# -- lookups that shape what they ask and find


def test_the_mapped_record_is_the_body_of_a_lookups_request(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "mail": "a@x"}, {"id": 2, "mail": "b@x"}])
    system.routes["POST /find"] = lambda call: {"data": [{"hit": call.json["email"]}]}
    system.take("/sink")
    http = {"method": "POST"}
    find = workshop.export("/find", is_lookup=True, http=http, mappings=[node("email", "$.mail")])
    workshop.run(workshop.flow(None, (find, FOUND), workshop.import_(mappings=[])))

    assert sorted(call.json["email"] for call in system.made("POST /find")) == ["a@x", "b@x"]
    assert {row["id"]: row["found"] for row in sent(system)} == {1: [{"hit": "a@x"}], 2: [{"hit": "b@x"}]}


def test_what_a_lookup_finds_is_grouped_and_goes_through_its_hook(workshop, system):
    system.serve_pages("/orders", [{"id": 1}])
    found = [{"k": 1, "n": 1}, {"k": 1, "n": 2}, {"k": 2, "n": 3}]
    system.routes["GET /find"] = lambda call: {"data": found}
    system.take("/sink")
    hook = reference(workshop, "function f(o) { return {data: o.data.map(g => ({rows: g.length})), errors: []}; }")
    find = workshop.export("/find", is_lookup=True, groupByFields=["k"], hooks={"preSavePage": hook})
    workshop.run(workshop.flow(None, (find, FOUND), workshop.import_(mappings=[])))

    assert [row["found"] for row in sent(system)] == [[{"rows": 2}, {"rows": 1}]]


# -- addresses of records for people


def test_errors_and_responses_carry_the_addresses_of_their_record(workshop, system):
    system.serve_pages("/orders", orders(2))
    system.routes["POST /sink"] = lambda call: (
        Answer(400, {"e": "no"}) if call.json["external_id"] == 2 else {"id": "t1"}
    )
    system.take("/after")
    export = workshop.export(dataURITemplate="https://shop.example/{{{record.id}}}")
    sink = workshop.import_(dataURITemplate="https://crm.example/{{{id}}}{{{external_id}}}")
    plain = workshop.import_(dataURITemplate="https://crm.example/{{{id}}}")
    mapping = {"responseMapping": {"fields": [{"extract": "dataURI", "generate": "at"}]}}
    workshop.run(workshop.flow(export, (sink, mapping), (plain, mapping), workshop.import_("/after", mappings=[])))

    error = RecordError.objects.get(step_id=sink.id)
    assert error.export_data_uri == "https://shop.example/2"
    assert error.import_data_uri == ""  # neither the answer nor the record says all of it
    (arrived,) = sent(system, "/after")
    assert arrived["at"] == "https://crm.example/t1"


def test_a_failed_records_address_is_made_of_what_was_sent(workshop, system):
    system.serve_pages("/orders", orders(1))
    system.routes["POST /sink"] = lambda call: Answer(400, {})
    sink = workshop.import_(dataURITemplate="https://crm.example/{{{record.external_id}}}")
    workshop.run(workshop.flow(None, sink))
    assert RecordError.objects.get().import_data_uri == "https://crm.example/1"


# -- SQL imports


def test_the_name_of_a_bulk_table_may_follow_from_the_record(workshop, system, folder):
    for name in ("orders_a", "orders_b"):
        table(folder, f"CREATE TABLE {name} (external_id INTEGER, name TEXT)")
    system.serve_pages("/orders", [{"id": i, "name": f"Order {i}", "to": "ab"[i % 2]} for i in range(6)])
    names = [node("external_id", "$.id", dataType="number"), node("name", "$.to")]
    rdbms = {"queryType": ["bulk_insert"], "bulkInsert": {"tableName": "orders_{{record.name}}"}}
    execution = workshop.run(workshop.flow(None, sql_import(workshop, sqlite(workshop), mappings=names, **rdbms)))

    assert (execution.state, execution.success_count) == ("succeeded", 6), execution.reason
    assert rows(folder, "SELECT count(*), group_concat(DISTINCT name) FROM orders_a") == [(3, "a")]
    assert rows(folder, "SELECT count(*) FROM orders_b") == [(3,)]


def test_a_statement_of_ones_own_merges_what_was_loaded(workshop, system, folder):
    table(folder)
    rows(folder, "INSERT INTO orders VALUES (1, 'old'), (9, 'other')")
    system.serve_pages("/orders", orders(3))
    query = [
        "INSERT INTO orders SELECT * FROM {{import.rdbms.bulkLoad.preMergeTemporaryTable}} WHERE true"
        " ON CONFLICT (external_id) DO UPDATE SET name = 'merged ' || excluded.name"
    ]
    load = {"tableName": "orders", "overrideMergeQuery": True}
    sink = sql_import(workshop, sqlite(workshop), queryType=["bulk_load"], bulkLoad=load, query=query)
    execution = workshop.run(workshop.flow(None, sink))

    assert (execution.state, execution.error_count) == ("succeeded", 0), RecordError.objects.values_list("message")
    assert rows(folder, "SELECT name FROM orders ORDER BY external_id") == [
        ("merged Order 1",), ("Order 2",), ("Order 3",), ("other",),
    ]  # fmt: skip


# -- files


def test_children_of_records_become_the_rows_of_a_file(workshop, system, folder, files):
    system.serve_pages("/orders", ORDERS[:3])
    system.take("/sink")
    sink = file_import(workshop, files, mappings=LINE, type="csv", fileName="lines.csv")
    sink.document |= MANY
    sink.save()
    execution = workshop.run(workshop.flow(None, sink, workshop.import_(mappings=[])))

    assert execution.state == "succeeded", execution.reason
    assert (folder / "out" / "lines.csv").read_text().splitlines() == ["order,sku", "A,p", "A,q", "B,r"]
    assert sorted(row["id"] for row in sent(system)) == ["A", "B", "C"]


def test_a_files_rows_are_sorted_before_they_are_grouped(workshop, system, folder, files):
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("id,kind\n3,b\n1,a\n2,b\n10,a\n")
    system.take("/sink")
    by = [{"field": "kind"}, {"field": "id", "descending": True}]
    export = file_export(workshop, files, type="csv", sortByFields=by, groupByFields=["kind"])
    workshop.run(workshop.flow(export, workshop.import_(mappings=[])))

    assert sorted([row["id"] for row in group] for group in sent(system)) == [["10", "1"], ["3", "2"]]


def test_only_files_that_the_filter_admits_are_read(workshop, system, folder, files):
    (folder / "in").mkdir()
    for name in ("a.csv", "b.csv", "c.csv"):
        (folder / "in" / name).write_text("id\n" + name[0] * (2 if name == "b.csv" else 1) + "\n")
    system.take("/sink")
    rules = [
        "and",
        ["notequals", ["extract", "filename"], "c.csv"],
        ["lessthan", ["number", ["extract", "filesize"]], 6],
    ]
    export = file_export(workshop, files, type="csv", filter={"type": "expression", "expression": {"rules": rules}})
    workshop.run(workshop.flow(export, workshop.import_(mappings=[])))

    assert [row["id"] for row in sent(system)] == ["a"]
    assert sorted(path.name for path in (folder / "in").iterdir()) == ["b.csv", "c.csv"]


def test_a_written_file_leaves_a_copy_where_its_import_says(workshop, system, folder, files):
    system.serve_pages("/orders", orders(25))
    sink = file_import(workshop, files, type="csv", fileName="o.csv", backupPath="old/{{timestamp 'YYYY'}}")
    execution = workshop.run(workshop.flow(None, sink))

    assert execution.state == "succeeded", execution.reason
    (copy,) = (folder / "old").glob("*/o.csv")
    assert copy.read_bytes() == (folder / "out" / "o.csv").read_bytes()
    assert copy.read_text().count("\n") == 26


def test_a_pages_file_is_split_by_its_batch_size_and_no_part_replaces_another(workshop, system, folder, files):
    system.serve_pages("/orders", orders(10))
    sink = file_import(workshop, files, type="json", fileName="o.json", skipAggregation=True, batchSize=4)
    workshop.run(workshop.flow(None, sink))

    made = {path.name: len(json.loads(path.read_text())) for path in (folder / "out").iterdir()}
    assert made == {"o.json": 4, "o-2.json": 4, "o-3.json": 2}


# -- hooks


def test_a_post_response_hook_is_called_for_children_where_its_script_says_so(workshop, system):
    system.serve_pages("/orders", ORDERS[:3])
    system.routes["POST /lines"] = lambda call: {"id": f"t-{call.json.get('sku')}"}
    system.take("/sink")
    text = """function f(o) { return o.postResponseMapData.map((child, i) =>
        ({...child, seen: o.responseData[i].id + ' of ' + child._PARENT.id})); }"""
    hook = reference(workshop, text)
    row = Script.objects.get()
    row.document = {"postResponseHookToProcessOnChildRecord": True}
    row.save()
    step = (workshop.import_("/lines", mappings=LINE, **MANY), {"hooks": {"postResponseMap": hook}})
    execution = workshop.run(workshop.flow(None, step, workshop.import_(mappings=[])))

    assert execution.state == "succeeded", execution.reason
    after = {one["id"]: one["lines"] for one in sent(system)}
    assert after["A"] == [{"id": 1, "sku": "p", "seen": "t-p of A"}, {"id": 2, "sku": "q", "seen": "t-q of A"}]
    assert after["C"] == []


def test_a_lookup_by_sql_waits_for_its_database_to_come_back(workshop, system, folder):
    gone = {"type": "postgresql", "host": "127.0.0.1", "port": 1, "database": "x", "user": "u", "password": "p"}
    db = Connection.objects.create(
        organization=workshop.owner.organization, name="pg", type="rdbms", document={"rdbms": gone}
    )
    system.serve_pages("/orders", orders(1))
    execution = workshop.run(workshop.flow(None, sql_lookup(workshop, db, "SELECT 1 AS x")))
    db.refresh_from_db()
    assert not execution.is_terminal and db.offline_since


def test_a_retried_record_keeps_the_address_of_its_source(workshop, system):
    system.serve_pages("/orders", orders(1))
    system.routes["POST /sink"] = lambda call: Answer(400, {})
    flow = workshop.flow(workshop.export(dataURITemplate="https://shop.example/{{{id}}}"))
    workshop.run(flow)
    first = RecordError.objects.get()
    retry_errors(actor=workshop.owner.actor, flow=flow, step_id=first.step_id, error_ids=[first.hex_id])
    workshop.work()
    assert set(RecordError.objects.values_list("export_data_uri", flat=True)) == {"https://shop.example/1"}
    assert RecordError.objects.count() == 2


def test_an_export_of_sql_may_be_a_source_too(workshop, system, folder, people):
    system.take("/sink")
    export = sql_export(workshop, sqlite(workshop), "SELECT id, name FROM people")
    assert workshop.run(workshop.flow(export)).success_count == 3
