"""Flows between folders, SQL tables and HTTP systems."""

import json
from urllib.parse import urlsplit

import psycopg
import pytest

from apps.connections.models import Connection
from apps.executions.models import RecordError
from apps.flows.models import Export, Import
from tests.flows.pipeline.conftest import IDENTITY
from tests.flows.pipeline.test_runs import orders


def sqlite(workshop, name="shop.sqlite3"):
    return Connection.objects.create(
        organization=workshop.owner.organization, name="db", type="rdbms",
        document={"rdbms": {"type": "sqlite", "database": name}},
    )  # fmt: skip


def file_export(workshop, files, **file):
    return Export.objects.create(
        organization=workshop.owner.organization, name="files", adaptor_type="FileSystemExport", connection=files,
        document={"pageSize": 10, "filesystem": {"directoryPath": "in"}, "file": file},
    )  # fmt: skip


def file_import(workshop, files, mappings=IDENTITY, **file):
    return Import.objects.create(
        organization=workshop.owner.organization, name="files", adaptor_type="FileSystemImport", connection=files,
        document={"filesystem": {"directoryPath": "out"}, "file": file, "mappings": mappings},
    )  # fmt: skip


def sql_import(workshop, db, mappings=IDENTITY, **rdbms):
    return Import.objects.create(
        organization=workshop.owner.organization, name="sql", adaptor_type="RDBMSImport", connection=db,
        document={"rdbms": rdbms, "mappings": mappings},
    )  # fmt: skip


def sql_export(workshop, db, query, **rdbms):
    return Export.objects.create(
        organization=workshop.owner.organization, name="sql", adaptor_type="RDBMSExport", connection=db,
        document={"pageSize": 10, "rdbms": {"query": query, **rdbms}},
    )  # fmt: skip


def rows(folder, statement, name="shop.sqlite3"):
    import sqlite3

    with sqlite3.connect(folder / name) as db:
        return db.execute(statement).fetchall()


def table(folder, statement="CREATE TABLE orders (external_id INTEGER PRIMARY KEY, name TEXT)"):
    rows(folder, statement)


def test_pages_become_one_csv_file_when_the_run_is_through(workshop, system, folder, files):
    system.serve_pages("/orders", orders(25))
    sink = file_import(workshop, files, type="csv", fileName="orders.csv")
    execution = workshop.run(workshop.flow(None, sink))
    assert execution.state == "succeeded", execution.reason
    lines = (folder / "out" / "orders.csv").read_text().splitlines()
    assert lines[0] == "external_id,name" and lines[1:] == [f"{i},Order {i}" for i in range(1, 26)]


def test_a_csv_file_is_read_into_a_system_and_deleted_after(workshop, system, folder, files):
    (folder / "in").mkdir()
    text = "id,name\n" + "".join(f"{i},Order {i}\n" for i in range(1, 24))
    (folder / "in" / "a.csv").write_text(text)
    system.take("/sink")
    execution = workshop.run(workshop.flow(file_export(workshop, files, type="csv"), workshop.import_()))
    assert (execution.state, execution.success_count) == ("succeeded", 23)
    assert sorted(c.json["external_id"] for c in system.made("POST /sink")) == list(range(1, 24))
    assert list((folder / "in").iterdir()) == []


def test_a_kept_file_stays_and_json_lines_are_records(workshop, system, folder, files):
    (folder / "in").mkdir()
    (folder / "in" / "a.jsonl").write_text("".join(json.dumps(o) + "\n" for o in orders(3)))
    system.take("/sink")
    export = file_export(workshop, files, type="jsonl", skipDelete=True)
    execution = workshop.run(workshop.flow(export, workshop.import_()))
    assert execution.success_count == 3 and (folder / "in" / "a.jsonl").exists()


def test_a_broken_file_fails_the_run_by_name_and_stays(workshop, folder, files):
    (folder / "in").mkdir()
    (folder / "in" / "a.json").write_text('[{"id": 1}, {"id"')
    execution = workshop.run(workshop.flow(file_export(workshop, files, type="json"), workshop.import_()))
    assert execution.state == "failed" and "a.json" in execution.reason
    assert (folder / "in" / "a.json").exists()


def test_bulk_insert_writes_a_table_and_a_repeated_run_of_a_page_writes_nothing_twice(workshop, system, folder):
    table(folder, "CREATE TABLE orders (external_id INTEGER, name TEXT)")
    system.serve_pages("/orders", orders(25))
    sink = sql_import(
        workshop, sqlite(workshop), queryType=["bulk_insert"], bulkInsert={"tableName": "orders", "batchSize": "7"}
    )
    execution = workshop.run(workshop.flow(None, sink))
    assert (execution.state, execution.success_count) == ("succeeded", 25), execution.reason
    assert rows(folder, "SELECT count(*), count(DISTINCT external_id) FROM orders") == [(25, 25)]


def test_per_record_statements_bind_values_and_only_the_bad_record_fails(workshop, system, folder):
    table(folder, "CREATE TABLE orders (external_id INTEGER PRIMARY KEY, name TEXT CHECK (name <> 'Order 5'))")
    system.serve_pages("/orders", [*orders(12), {"id": 13, "name": "O'Brien; DROP TABLE orders"}])
    query = ["INSERT INTO orders (external_id, name) VALUES ({{record.external_id}}, {{record.name}})"]
    execution = workshop.run(
        workshop.flow(None, sql_import(workshop, sqlite(workshop), queryType=["per_record"], query=query))
    )
    assert (execution.success_count, execution.error_count) == (12, 1)
    assert RecordError.objects.get().trace_key == "5"
    assert rows(folder, "SELECT name FROM orders WHERE external_id = 13") == [("O'Brien; DROP TABLE orders",)]


def test_bulk_load_with_keys_updates_what_is_there(workshop, system, folder):
    table(folder)
    rows(folder, "INSERT INTO orders VALUES (1, 'old')")
    system.serve_pages("/orders", orders(3))
    load = {"tableName": "orders", "primaryKeys": "external_id"}
    execution = workshop.run(
        workshop.flow(None, sql_import(workshop, sqlite(workshop), queryType=["bulk_load"], bulkLoad=load))
    )
    assert execution.state == "succeeded" and execution.error_count == 0
    assert rows(folder, "SELECT name FROM orders ORDER BY 1") == [("Order 1",), ("Order 2",), ("Order 3",)]


@pytest.mark.parametrize("extra", [{}, {"orderingKey": "id"}])
def test_a_query_is_read_whole_with_and_without_an_ordering_key(workshop, system, folder, extra):
    table(folder, "CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT)")
    rows(folder, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4321) "
                 "INSERT INTO source SELECT i, 'Order ' || i FROM n")  # fmt: skip
    system.take("/sink")
    export = sql_export(workshop, sqlite(workshop), "SELECT * FROM source WHERE name LIKE 'Order%' ", **extra)
    export.document["pageSize"] = 500
    export.save()
    execution = workshop.run(workshop.flow(export, workshop.import_(http={"batchSize": 500})))
    assert (execution.state, execution.success_count) == ("succeeded", 4321), execution.reason
    sent = [row["external_id"] for call in system.made("POST /sink") for row in call.json]
    assert sorted(sent) == list(range(1, 4322))


def test_a_sqlite_path_outside_of_the_organization_is_refused(workshop, system, folder):
    system.serve_pages("/orders", orders(1))
    sink = sql_import(workshop, sqlite(workshop, "../other/shop.sqlite3"), queryType=["per_record"], query=["SELECT 1"])
    execution = workshop.run(workshop.flow(None, sink))
    assert execution.error_count == 1 and execution.success_count == 0


@pytest.mark.postgres
@pytest.mark.parametrize("commit", [False, True], ids=["while writing", "while committing"])
def test_a_lost_connection_to_the_database_costs_nothing_but_time(workshop, system, postgres_url, commit):
    """The target cuts the first transaction off; its sequence, which no rollback takes back, lets the second pass."""
    server = urlsplit(postgres_url)
    rdbms = {"type": "postgresql", "host": server.hostname, "port": server.port, "database": server.path[1:]}
    db = Connection.objects.create(
        organization=workshop.owner.organization, name="db", type="rdbms",
        document={"rdbms": {**rdbms, "user": server.username, "password": server.password or "trusted"}},
    )  # fmt: skip
    with psycopg.connect(postgres_url, autocommit=True) as target:
        target.execute(CUT_OFF.replace("WHEN_", "DEFERRABLE INITIALLY DEFERRED" if commit else ""))
        system.serve_pages("/orders", orders(10))
        bulk = {"queryType": ["bulk_insert"], "bulkInsert": {"tableName": "orders", "batchSize": "100"}}
        execution = workshop.finish(workshop.start(workshop.flow(None, sql_import(workshop, db, **bulk))))
        assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", 10, 0)
        assert target.execute("SELECT count(*), count(DISTINCT external_id) FROM orders").fetchone() == (10, 10)
        assert target.execute("SELECT last_value FROM cuts").fetchone()[0] > 1


CUT_OFF = """
CREATE TABLE orders (external_id integer, name text);
CREATE SEQUENCE cuts;
CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('cuts') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER cutting AFTER INSERT ON orders WHEN_ FOR EACH ROW EXECUTE FUNCTION cut();
"""
