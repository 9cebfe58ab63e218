"""What is read and not committed yet must still be there for the worker that comes after a kill."""

from copy import deepcopy

from apps.executions.recording import ExecutionRecorder
from apps.flows.models import FilePart, SpoolChunk
from apps.flows.pipeline import compiling, finish, plans
from apps.flows.pipeline.generators import Progress, generate
from tests.flows.pipeline.test_files_and_sql import (
    file_export,
    file_import,
    rows,
    sql_export,
    sqlite,
    table,
)
from tests.flows.pipeline.test_runs import orders


def reader(workshop, export, **members):
    execution = workshop.start(workshop.flow(export, **members))
    recorder = ExecutionRecorder(execution.id, execution.organization_id)
    return compiling.compile_generators(execution, plans.of(execution), recorder)[0]


def test_a_file_stays_until_what_was_read_of_it_is_committed(workshop, folder, files):
    (folder / "in").mkdir()
    for name in ("a", "b"):
        (folder / "in" / f"{name}.csv").write_text(f"id,name\n1,{name}\n")
    generator, progress = reader(workshop, file_export(workshop, files, type="csv")), Progress()
    generate(generator, progress, room=10, seconds=60)
    assert (folder / "in" / "a.csv").exists()
    generate(generator, progress, room=10, seconds=60)
    assert not (folder / "in" / "a.csv").exists() and (folder / "in" / "b.csv").exists()


def test_spooled_rows_read_to_the_end_can_be_read_again_from_the_last_commit(workshop, folder):
    table(folder)
    rows(folder, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)"
         " INSERT INTO orders SELECT i, 'x' FROM n")  # fmt: skip
    generator = reader(workshop, sql_export(workshop, sqlite(workshop), "SELECT external_id AS id FROM orders"))
    committed = Progress()
    generate(generator, committed, room=100, seconds=60)
    killed = Progress(**deepcopy(committed.as_json()))
    lost = generate(generator, killed, room=1000, seconds=60).pages
    again = generate(generator, committed, room=1000, seconds=60).pages
    assert again == lost and committed.done


def test_what_a_run_needed_on_its_way_is_deleted_after_it(workshop, system, folder, files):
    table(folder)
    rows(folder, "INSERT INTO orders VALUES (1, 'x')")
    export = sql_export(workshop, sqlite(workshop), "SELECT external_id AS id FROM orders")
    system.serve_pages("/orders", orders(3))
    execution = workshop.run(workshop.flow(export, file_import(workshop, files, type="csv", fileName="o.csv")))
    assert execution.state == "succeeded" and SpoolChunk.objects.exists() and FilePart.objects.exists()
    finish.prune_pages()
    assert not SpoolChunk.objects.exists() and not FilePart.objects.exists()


def test_rows_that_would_fill_our_database_end_their_run(workshop, folder, files, monkeypatch):
    table(folder)
    monkeypatch.setattr("apps.flows.pipeline.sources.sql.SPOOLED_BYTES", 20_000)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, hex(randomblob(50)) AS x FROM n"
    )
    export = sql_export(workshop, sqlite(workshop), endless)
    execution = workshop.run(workshop.flow(export, file_import(workshop, files, type="csv", fileName="o.csv")))
    assert execution.state == "failed" and "orderingKey" in execution.reason
    assert SpoolChunk.objects.count() <= 1


def test_wide_rows_are_read_few_at_a_time(workshop, folder, monkeypatch):
    table(folder)
    rows(folder, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
         " INSERT INTO orders SELECT i, hex(zeroblob(500)) FROM n")  # fmt: skip
    monkeypatch.setattr("apps.flows.pipeline.sources.sql.READ_BYTES", 10_000)
    query = "SELECT external_id AS id, name FROM orders"
    generator = reader(workshop, sql_export(workshop, sqlite(workshop), query, orderingKey="id"))
    fetched = generator.source.fetch(generator.source.start())
    assert (len(fetched.records), fetched.cursor) == (11, {"after": 11})
    progress = Progress()
    pages = generate(generator, progress, room=100, seconds=60).pages
    assert [record["id"] for page in pages for record in page] == list(range(1, 41)) and progress.done
