"""Whatever a flow is made of, its plan and the plan's application send together what a run would have sent."""

from urllib.parse import urlsplit

import psycopg
import pytest

from apps.connections.models import Connection
from apps.core.ids import hex24
from apps.executions.models import RecordError
from apps.flows.models import RecordLock
from tests.flows.pipeline.conftest import IDENTITY
from tests.flows.pipeline.test_files_and_sql import (
    file_export,
    file_import,
    rows,
    sql_export,
    sql_import,
    sqlite,
    table,
)
from tests.flows.pipeline.test_lookups import node
from tests.flows.pipeline.test_one_to_many import LINE, MADE, MANY, ORDERS
from tests.flows.pipeline.test_planning import planned
from tests.flows.pipeline.test_runs import orders
from tests.flows.pipeline.test_steps import lookup, mapped, script

WRITES = ("POST", "PUT", "PATCH", "DELETE")


def step(row, **extra):
    return {"type": "import", "_importId": hex24(row.id), **extra}


def writes(system):
    found = sorted((call.method, call.path, call.body) for call in system.calls if call.method in WRITES)
    system.calls.clear()
    return found


def rule(word, number):
    rules = [word, ["number", ["extract", "id"]], number]
    return {"type": "expression", "expression": {"version": "1", "rules": rules}}


def routed(workshop):
    """Each record to both branches, and on to a step behind them."""
    branches = [
        {"name": "a", "pageProcessors": [step(workshop.import_("/a"))], "nextRouterId": "r2"},
        {"name": "b", "inputFilter": rule("lessthan", 3), "pageProcessors": [step(workshop.import_("/b"))],
         "nextRouterId": "r2"},
    ]  # fmt: skip
    branches[0]["inputFilter"] = rule("greaterthan", 0)
    routers = [
        {"id": "r1", "routeRecordsTo": "all_matching_branches", "branches": branches},
        {"id": "r2", "branches": [{"name": "all", "pageProcessors": [step(workshop.import_("/behind"))]}]},
    ]
    return workshop.flow(None, workshop.import_(), pageProcessors=[], routers=routers)


def answered(workshop):
    """A record goes on with what the target has answered, through a lookup and a script."""
    change = script(workshop, "function after(o) { return o.postResponseMapData.map(r => ({...r, s: 1})) }")
    first = (workshop.import_(), {"responseMapping": {"fields": [{"extract": "id", "generate": "name"}]}})
    hooked = (workshop.import_("/b"), {"hooks": {"postResponseMap": {"_scriptId": change, "function": "after"}}})
    return workshop.flow(None, first, (lookup(workshop), mapped("customer")), hooked, workshop.import_("/c"))


def looked_up(workshop):
    own = [*IDENTITY, node("customer", "$.customer")]
    return workshop.flow(None, (lookup(workshop), mapped("customer")), workshop.import_(mappings=own))


def batched(workshop):
    return workshop.flow(None, workshop.import_(http={"batchSize": 4}))


def composite(workshop):
    http = {"method": ["PUT", "POST"], "relativeURI": ["/orders/{{record.id}}", "/sink"]}
    http |= {"requestType": ["UPDATE", "CREATE"], "existingExtract": "old"}
    return workshop.flow(None, workshop.import_(http=http))


def filtered(workshop):
    """Records that are ignored go on; those that fail do not."""
    own = [*IDENTITY[1:], {**IDENTITY[0], "extract": "$.number"}]
    first = workshop.import_("/first", filter=rule("greaterthan", 2))
    return workshop.flow(None, first, workshop.import_("/second", mappings=own), workshop.import_("/third"))


def many(workshop):
    return workshop.flow(None, (workshop.import_("/lines", mappings=LINE, **MANY), MADE), workshop.import_())


def locked(workshop):
    return workshop.flow(None, workshop.import_(idLockTemplate="{{record.lock}}"))


def once(workshop):
    own = {"method": "PUT", "relativeURI": "/orders/{{record.id}}/read", "body": '{"read":true}'}
    return workshop.flow(workshop.export("/orders", type="once", http={"once": own}))


def two_sources(workshop):
    flow = workshop.flow()
    flow.document["pageGenerators"].append({"_exportId": hex24(workshop.export("/more").id)})
    flow.save()
    return flow


def submitted(workshop):
    """postSubmit turns an answer into a failure: the record stops."""
    text = "function f(o) { return o.responseData.map((r, i) => o.postMapData[i].external_id === 2 ?"
    text += " {...r, statusCode: 422, errors: [{code: 'x', message: 'no'}]} : r) }"
    hooks = {"postSubmit": {"_scriptId": script(workshop, text), "function": "f"}}
    return workshop.flow(None, workshop.import_(hooks=hooks), workshop.import_("/b"))


SHAPES = [routed, answered, looked_up, batched, composite, filtered, many, locked, once, two_sources, submitted]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_plan_and_its_application_send_what_a_run_sends(workshop, system, plan, apply, shape):
    records = [{**row, "number": "x" if row["id"] == 4 else row["id"], "lock": row["id"] % 2} for row in orders(5)]
    records[0]["old"] = True
    system.serve_pages("/orders", ORDERS[:2] if shape is many else records)
    system.serve_pages("/more", orders(2))
    system.routes["GET *"] = lambda call: [{"name": f"Customer {call.path}"}]
    for method in WRITES:
        system.routes[f"{method} *"] = lambda call: {"id": f"answer to {call.path}"}
    flow = shape(workshop)
    live = workshop.run(flow)
    assert live.state == "succeeded", live.reason
    wanted = writes(system)
    assert wanted
    failed = sorted((error.code, error.message) for error in RecordError.objects.all())
    RecordError.objects.all().delete()

    execution = plan(flow)
    assert (execution.state, execution.reason) == ("succeeded", "")
    assert writes(system) == []
    assert not RecordError.objects.exists() and not RecordLock.objects.exists()
    assert len(planned(execution)) == len(wanted) + (shape is submitted)
    applied = apply(execution, flow)
    assert (applied.state, applied.reason) == ("succeeded", "")
    assert writes(system) == wanted
    assert (applied.success_count, applied.error_count) == (live.success_count, live.error_count)
    assert sorted((error.code, error.message) for error in RecordError.objects.all()) == failed
    assert workshop.at_rest()


def csv(workshop, files, folder):
    return file_import(workshop, files, type="csv", fileName="orders-{{timestamp}}.csv")


def page_files(workshop, files, folder):
    return file_import(workshop, files, type="json", fileName="orders-{UUID}.json", skipAggregation=True)


def rows_one_by_one(workshop, files, folder):
    table(folder)
    insert = "INSERT INTO orders (external_id, name) VALUES ({{record.external_id}}, {{record.name}})"
    return sql_import(workshop, sqlite(workshop), queryType=["per_record"], query=[insert])


def rows_in_bulk(workshop, files, folder):
    table(folder)
    bulk = {"tableName": "orders", "batchSize": "4"}
    return sql_import(workshop, sqlite(workshop), queryType=["bulk_insert"], bulkInsert=bulk)


def rows_merged(workshop, files, folder):
    table(folder)
    load = {"tableName": "orders", "primaryKeys": ["external_id"]}
    return sql_import(workshop, sqlite(workshop), queryType=["bulk_load"], bulkLoad=load)


@pytest.mark.parametrize("sink", [csv, page_files, rows_one_by_one, rows_in_bulk, rows_merged])
def test_files_and_rows_appear_when_the_plan_is_applied(workshop, system, folder, *, plan, apply, files, sink):
    system.serve_pages("/orders", orders(12))
    flow = workshop.flow(None, sink(workshop, files, folder))
    execution = plan(flow)
    assert (execution.state, execution.reason) == ("succeeded", "")
    assert planned(execution)
    by_rows = sink.__name__.startswith("rows")
    assert not (folder / "out").exists()
    assert not by_rows or rows(folder, "SELECT count(*) FROM orders") == [(0,)]
    applied = apply(execution, flow)
    assert (applied.state, applied.reason) == ("succeeded", "")
    if by_rows:
        assert rows(folder, "SELECT external_id, name FROM orders ORDER BY 1")[11] == (12, "Order 12")
    else:
        names = {row.url.rpartition("/")[2] for row in planned(execution)}
        assert {path.name for path in (folder / "out").iterdir()} == names
        assert "Order 12" in "".join(path.read_text() for path in (folder / "out").iterdir())


def test_a_file_that_was_read_whole_is_put_away_by_the_application(workshop, system, folder, *, plan, apply, files):
    (folder / "in").mkdir()
    for name in ("a.json", "b.json"):
        (folder / "in" / name).write_text('[{"id": 1, "name": "x"}]')
    system.take("/sink")
    flow = workshop.flow(file_export(workshop, files, type="json"))
    execution = plan(flow)
    assert (execution.state, execution.reason, execution.success_count) == ("succeeded", "", 2)
    assert [row.method for row in planned(execution)].count("DELETE") == 2
    assert len(list((folder / "in").iterdir())) == 2
    applied = apply(execution, flow)
    assert (applied.state, applied.success_count) == ("succeeded", 2)
    assert not list((folder / "in").iterdir())


def test_files_of_the_pages_that_were_planned_leave_though_their_batch_is_larger(
    workshop, system, folder, *, plan, apply, files
):
    (folder / "in").mkdir()
    for name in "abcde":
        (folder / "in" / f"{name}.json").write_text(f'[{{"id": 1, "name": "{name}"}}]')
    system.take("/sink")
    export = file_export(workshop, files, type="json", batchSize=10)
    export.document["pageSize"] = 1
    export.save()
    flow = workshop.flow(export)
    execution = plan(flow, pages=3)
    assert (execution.state, execution.success_count) == ("succeeded", 3)
    applied = apply(execution, flow)
    assert (applied.state, applied.success_count) == ("succeeded", 3)
    assert sorted(path.name for path in (folder / "in").iterdir()) == ["d.json", "e.json"]


def test_a_file_that_was_read_in_part_stays_where_it_is(workshop, system, plan, folder, files):
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("id,name\n" + "\n".join(f"{i},x" for i in range(35)))
    flow = workshop.flow(file_export(workshop, files, type="csv", csv={"hasHeaderRow": True}))
    execution = plan(flow)
    assert (execution.state, execution.success_count) == ("succeeded", 30)
    assert "DELETE" not in {row.method for row in planned(execution)}


def test_rows_are_read_for_a_plan_without_being_spooled(workshop, system, plan, folder, files):
    table(folder)
    rows(folder, "INSERT INTO orders VALUES (1, 'one')")
    flow = workshop.flow(sql_export(workshop, sqlite(workshop), "SELECT external_id AS id, name FROM orders"))
    execution = plan(flow)
    assert (execution.state, execution.success_count) == ("succeeded", 1)


@pytest.mark.postgres
def test_rows_are_merged_into_postgresql_when_the_plan_is_applied(workshop, system, plan, apply, postgres_url):
    system.serve_pages("/orders", orders(12))
    server = urlsplit(postgres_url)
    rdbms = {"type": "postgresql", "host": server.hostname, "port": server.port, "database": server.path[1:]}
    target = Connection.objects.create(
        organization=workshop.owner.organization, name="db", type="rdbms",
        document={"rdbms": {**rdbms, "user": server.username, "password": server.password or "trusted"}},
    )  # fmt: skip
    with psycopg.connect(postgres_url, autocommit=True) as client:
        client.execute("CREATE TABLE orders (external_id INTEGER PRIMARY KEY, name TEXT)")
        client.execute("INSERT INTO orders VALUES (2, 'before')")
        load = {"tableName": "orders", "primaryKeys": ["external_id"]}
        flow = workshop.flow(None, sql_import(workshop, target, queryType=["bulk_load"], bulkLoad=load))
        execution = plan(flow)
        assert (execution.state, execution.reason) == ("succeeded", "")
        assert "COPY" in {row.method for row in planned(execution)}
        assert client.execute("SELECT * FROM orders").fetchall() == [(2, "before")]
        applied = apply(execution, flow)
        assert (applied.state, applied.success_count, applied.error_count) == ("succeeded", 12, 0)
        rows_now = client.execute("SELECT external_id, name FROM orders ORDER BY 1").fetchall()
    assert rows_now == [(i, f"Order {i}") for i in range(1, 13)]
