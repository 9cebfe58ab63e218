"""The same behaviour on all three databases, for real."""

import threading
import tracemalloc

import pytest
from django.db import transaction

from apps.core import gateway
from apps.core.gateway import sql
from apps.core.gateway.sql import pool as pools
from tests.core.gateway.sql_servers import mysql_target, postgresql_target

CONTEXT = gateway.SendContext(organization="acme")


@pytest.fixture(
    params=[
        pytest.param("postgresql", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
        "sqlite",
    ]
)
def target(request, settings, tmp_path):
    settings.JUNCTION_FILE_ROOT = tmp_path
    if request.param == "sqlite":
        yield sql.SqlTarget(engine="sqlite", database="data/test.db")
    else:
        request.getfixturevalue(f"{request.param}_database")
        yield {"postgresql": postgresql_target, "mysql": mysql_target}[request.param]()
    for pool in pools._pools.values():
        pool.close()


@pytest.fixture
def things(target):
    with sql.session(target, CONTEXT) as db:
        db.execute("DROP TABLE IF EXISTS things")
        db.execute("DROP TABLE IF EXISTS junction_ledger")
        db.execute("CREATE TABLE things (id integer primary key, name varchar(200))")
    return target


def rows_of(target, statement="SELECT id, name FROM things ORDER BY id", params=()):
    with sql.session(target, CONTEXT) as db:
        return list(db.query(statement, params))


def test_rows_go_in_and_come_out(things):
    with sql.session(things, CONTEXT) as db:
        assert db.execute("INSERT INTO things VALUES (%s, %s)", (1, "O'Hara; DROP TABLE things")) == 1
        assert db.execute_many("INSERT INTO things VALUES (%s, %s)", [(2, "ü"), (3, None)]) == 2
        assert db.copy_rows("things", ["id", "name"], [(4, "a\tb\n"), (5, {"k": [1]})]) == 2

    assert rows_of(things) == [
        {"id": 1, "name": "O'Hara; DROP TABLE things"},
        {"id": 2, "name": "ü"},
        {"id": 3, "name": None},
        {"id": 4, "name": "a\tb\n"},
        {"id": 5, "name": '{"k":[1]}'},
    ]
    assert rows_of(things, "SELECT name FROM things WHERE id = %s", (2,)) == [{"name": "ü"}]


def test_a_percent_sign_needs_doubling_only_beside_parameters(things):
    with sql.session(things, CONTEXT) as db:
        db.execute("INSERT INTO things VALUES (1, '50%')")
        assert [row["id"] for row in db.query("SELECT id FROM things WHERE name LIKE '50%'")] == [1]
        assert [row["id"] for row in db.query("SELECT id FROM things WHERE name LIKE '5%%' AND id = %s", (1,))] == [1]


def test_names_are_quoted_not_pasted(things):
    with sql.session(things, CONTEXT) as db:
        for name in ('things"; DROP TABLE things; --', "things`; DROP TABLE things; --"):
            with pytest.raises(gateway.StatementFailed):
                db.copy_rows(name, ["id"], [(1,)])
        with pytest.raises(gateway.InvalidRequest, match="not a name"):
            db.copy_rows("a..b", ["id"], [(1,)])
    assert rows_of(things) == []


def test_a_bulk_insert_is_whole_or_nothing(things):
    with sql.session(things, CONTEXT) as db, pytest.raises(gateway.StatementFailed):
        db.copy_rows("things", ["id", "name"], [(n, "x") for n in range(700)] + [(5, "twice")])

    assert rows_of(things) == []


def test_a_transaction_holds_together(things):
    with sql.session(things, CONTEXT) as db:
        with pytest.raises(RuntimeError, match="stop"), db.transaction():
            db.execute("INSERT INTO things VALUES (1, 'a')")
            raise RuntimeError("stop")
        with db.transaction():
            db.execute("INSERT INTO things VALUES (2, 'b')")

    assert [row["id"] for row in rows_of(things)] == [2]


def test_a_statement_cannot_end_our_transaction(things):
    with sql.session(things, CONTEXT) as db, db.transaction():
        for statement in ("COMMIT", " /* x */ rollback", "SELECT 1; COMMIT"):
            with pytest.raises(gateway.InvalidRequest, match="ours to end"):
                db.execute(statement)


def test_reading_streams(things):
    with sql.session(things, CONTEXT) as db:
        db.copy_rows("things", ["id", "name"], [(n, "x" * 100) for n in range(40_000)])
    with sql.session(things, CONTEXT) as db:
        tracemalloc.start()
        assert sum(1 for _ in db.query("SELECT * FROM things", fetch_size=500)) == 40_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2_000_000  # 40,000 rows of this kind held at once are some 15 MB


def test_an_abandoned_reading_leaves_the_session_usable(things):
    with sql.session(things, CONTEXT) as db:
        db.copy_rows("things", ["id", "name"], [(n, "x") for n in range(5000)])
        reading = db.query("SELECT * FROM things", fetch_size=10)
        next(reading)
        with pytest.raises(gateway.EffectNotAllowed, match="still being read"):
            db.execute("DELETE FROM things")
        reading.close()
        assert db.execute("DELETE FROM things WHERE id < 10") == 10


def test_a_statement_that_fails_says_why_and_the_connection_goes_on(things):
    with sql.session(things, CONTEXT) as db:
        with pytest.raises(gateway.StatementFailed, match="nowhere"):
            list(db.query("SELECT * FROM nowhere"))
        with pytest.raises(gateway.StatementFailed):
            db.execute("INSERT INTO things VALUES (1, 'a'), (1, 'b')")
        assert list(db.query("SELECT 1 AS one")) == [{"one": 1}]


SLOW = {
    "postgresql": "SELECT pg_sleep(20)",
    "mysql": "SELECT SLEEP(20) FROM things",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
}


def test_a_slow_statement_is_ended(things):
    from dataclasses import replace

    with sql.session(things, CONTEXT) as db:
        db.execute("INSERT INTO things VALUES (1, 'a')")
    hurried = replace(things, statement_timeout=0.3)
    with sql.session(hurried, CONTEXT) as db, pytest.raises(gateway.TimedOut, match=r"0\.3 s"):
        list(db.query(SLOW[things.engine]))


def test_ledgered_writes_happen_once(things):
    def write(db):
        return {"rows": db.execute("INSERT INTO things VALUES (%s, %s)", (1, "once")), "id": 1}

    for _ in range(3):
        with sql.session(things, CONTEXT) as db:
            assert sql.ledgered(db, "key-1", write) == {"rows": 1, "id": 1}

    assert rows_of(things) == [{"id": 1, "name": "once"}]


def test_a_ledgered_write_that_fails_leaves_no_key(things):
    def fail(db):
        db.execute("INSERT INTO things VALUES (1, 'half')")
        raise RuntimeError("stop")

    with sql.session(things, CONTEXT) as db:
        with pytest.raises(RuntimeError):
            sql.ledgered(db, "key-1", fail)
        assert sql.ledgered(db, "key-1", lambda db: db.execute("INSERT INTO things VALUES (2, 'whole')")) == 1

    assert [row["id"] for row in rows_of(things)] == [2]


def test_two_who_write_the_same_key_at_once_write_once(things):
    barrier = threading.Barrier(4)
    results = []

    def work(number):
        barrier.wait()
        with sql.session(things, CONTEXT) as db:
            results.append(
                sql.ledgered(
                    db, "key", lambda db: db.execute("INSERT INTO things VALUES (%s, 'x')", (number,)) and number
                )
            )

    with sql.session(things, CONTEXT) as db:
        sql.ledgered(db, "first", lambda db: None)  # the table is there
    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (row,) = rows_of(things)
    assert results == [row["id"]] * 4


def test_plan_reads_and_does_not_write(things):
    with sql.session(things, CONTEXT) as db:
        db.execute("INSERT INTO things VALUES (1, 'a')")
    recorder = gateway.MemoryRecorder()
    plan = gateway.SendContext(organization="acme", mode=gateway.Mode.PLAN, recorder=recorder)

    with sql.session(things, plan) as db:
        assert db.execute("DELETE FROM things") == 0
        assert sql.ledgered(db, "k", lambda db: db.copy_rows("things", ["id"], [(9,)])) == 0
        assert [row["id"] for row in db.query("SELECT * FROM things")] == [1]

    assert [(e.method, e.effect, e.write_kind, e.planned) for e in recorder.exchanges] == [
        ("EXECUTE", "write", "none", True),
        ("COPY", "write", "ledger", True),
        ("QUERY", "read", "", False),
    ]
    assert rows_of(things) == [{"id": 1, "name": "a"}]


def test_plan_refuses_a_query_that_writes(things):
    statement = "INSERT INTO things VALUES (1, 'a')" + ("" if things.engine == "mysql" else " RETURNING id")
    plan = gateway.SendContext(organization="acme", mode=gateway.Mode.PLAN)

    with sql.session(things, plan) as db, pytest.raises(gateway.StatementFailed):
        list(db.query(statement))

    assert rows_of(things) == []


def test_replay_answers_without_a_database(things):
    recorder = gateway.MemoryRecorder()
    live = gateway.SendContext(organization="acme", recorder=recorder)

    def run(context):
        with sql.session(things, context) as db:
            affected = db.execute("INSERT INTO things VALUES (%s, %s)", (1, "a"))
            return affected, list(db.query("SELECT * FROM things"))

    first = run(live)
    replay = gateway.SendContext(
        organization="acme", mode=gateway.Mode.REPLAY, recording=gateway.MemoryRecording(recorder.exchanges)
    )

    assert run(replay) == first
    with pytest.raises(gateway.NoRecordedAnswer):
        run(replay)


def test_rows_that_were_cut_cannot_be_replayed(things):
    recorder = gateway.MemoryRecorder()
    with sql.session(things, gateway.SendContext(organization="acme", recorder=recorder)) as db:
        db.copy_rows("things", ["id", "name"], [(n, "x" * 100) for n in range(1000)])
        list(db.query("SELECT * FROM things"))

    exchange = recorder.exchanges[-1]
    assert exchange.response_cut
    assert len(exchange.response_body) <= 16 * 1024


def test_connections_are_kept_and_used_again(things):
    def connection():
        with sql.session(things, CONTEXT) as db:
            return id(db.driver)

    assert connection() == connection()


def test_a_call_inside_our_own_transaction_is_refused(things, transactional_db):
    with transaction.atomic(), pytest.raises(gateway.InTransaction), sql.session(things, CONTEXT):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "COPY things TO PROGRAM 'sh'",
        "copy things from '/etc/passwd'",
        "COPY (SELECT 1) /* */ TO -- x\n PROGRAM 'sh'",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE things",
        "load /* x */ data infile '/etc/passwd' into table things",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT LOAD_FILE('/etc/passwd')",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_statements_that_reach_files_or_programs_are_refused(things, statement):
    with sql.session(things, CONTEXT) as db:
        for run in (db.execute, lambda text: list(db.query(text))):
            with pytest.raises(gateway.InvalidRequest, match="refused"):
                run(statement)


def test_such_words_inside_a_text_are_only_words(things):
    with sql.session(things, CONTEXT) as db:
        db.execute("INSERT INTO things VALUES (1, 'LOAD DATA; COPY x TO PROGRAM')")


@pytest.mark.parametrize("make", [postgresql_target, mysql_target])
def test_the_address_guard_covers_databases(settings, make):
    settings.JUNCTION_ALLOW_NETWORKS = []

    with pytest.raises(gateway.AddressRefused, match="loopback"), sql.session(make(), CONTEXT):
        pass


@pytest.mark.parametrize("host", ["/var/run/postgresql", "127.0.0.1,8.8.8.8", "x host=127.0.0.1", ""])
@pytest.mark.parametrize("make", [postgresql_target, mysql_target])
def test_only_host_names_are_hosts(make, host):
    with pytest.raises(gateway.InvalidRequest), sql.session(make(host=host), CONTEXT):
        pass
