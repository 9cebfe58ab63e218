"""What is particular to one database."""

import socket
import threading

import pytest

from apps.core import gateway
from apps.core.gateway import sql
from tests.core.gateway.sql_servers import NAME, mysql_target, postgresql_target

CONTEXT = gateway.SendContext(organization="acme")


def one(target, expression):
    with sql.session(target, CONTEXT) as db:
        (row,) = db.query(f"SELECT {expression} AS v")
        return row["v"]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("date '2026-01-02'", "2026-01-02"),
        ("timestamp '2026-01-02 03:04:05.5'", "2026-01-02T03:04:05.5"),
        ("timestamptz '2026-01-02 03:04:05+02'", "2026-01-02T01:04:05+00:00"),
        ("interval '1 day 2 hours'", "P1DT2H"),
        ("'infinity'::timestamp", "infinity"),
        ("12.50::numeric", 12.5),
        ("7::numeric", 7),
        ("9007199254740993::numeric", "9007199254740993"),
        ("0.12345678901234567890::numeric", "0.12345678901234567890"),
        ("'NaN'::numeric", "NaN"),
        ("ARRAY[1.5, 2]::numeric[]", [1.5, 2]),
        ("'{\"a\": [1]}'::jsonb", {"a": [1]}),
        ("'\\x00ff'::bytea", "AP8="),
        ("'00000000-0000-0000-0000-000000000001'::uuid", "00000000-0000-0000-0000-000000000001"),
        ("true", True),
        ("2.5::float8", 2.5),
        ("NULL::int", None),
    ],
)
def test_postgresql_values_are_json_values(postgresql_database, expression, value):
    got = one(postgresql_target(), expression)

    assert (got, type(got)) == (value, type(value))


@pytest.mark.mysql
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("DATE '2026-01-02'", "2026-01-02"),
        ("TIMESTAMP '2026-01-02 03:04:05'", "2026-01-02T03:04:05"),
        ("CAST('03:04:05' AS TIME)", "03:04:05"),
        ("CAST(12.50 AS DECIMAL(10,2))", 12.5),
        ("CAST('9007199254740993.5' AS DECIMAL(30,1))", "9007199254740993.5"),
        ("CAST(x'00ff' AS BINARY(2))", "AP8="),
        ("'ü'", "ü"),
        ("2.5e0", 2.5),
        ("NULL", None),
    ],
)
def test_mysql_values_are_json_values(mysql_database, expression, value):
    got = one(mysql_target(), expression)

    assert (got, type(got)) == (value, type(value))


@pytest.mark.postgres
def test_a_database_name_is_no_connection_string(postgresql_database):
    with (
        pytest.raises(gateway.ConnectFailed, match="does not exist") as caught,
        sql.session(postgresql_target(database=f"dbname={NAME} host=127.0.0.1"), CONTEXT),
    ):
        pass
    assert caught.value.category is gateway.Category.CONFIGURATION


@pytest.mark.postgres
def test_session_settings_do_not_leak_to_the_next_use(postgresql_database):
    target = postgresql_target()
    with sql.session(target, CONTEXT) as db:
        db.execute("SET application_name = 'left behind'")
        db.execute("CREATE TEMP TABLE left_behind (x int)")

    assert one(target, "current_setting('application_name')") == "Junction"
    assert one(target, "to_regclass('left_behind')") is None
    assert one(target, "current_setting('statement_timeout')") == "1min"


@pytest.mark.postgres
def test_a_connection_that_died_while_idle_is_replaced(postgresql_database, monkeypatch):
    monkeypatch.setattr("apps.core.gateway.sql.pool.TRUSTED_SECONDS", 0.0)
    target = postgresql_target()
    victim = one(target, "pg_backend_pid()")
    other = postgresql_target(statement_timeout=50.0)
    with sql.session(other, CONTEXT) as db:
        list(db.query("SELECT pg_terminate_backend(%s, 5000)", (victim,)))

    assert one(target, "1") == 1


@pytest.mark.mysql
def test_mysql_takes_one_statement_at_a_time(mysql_database):
    with sql.session(mysql_target(), CONTEXT) as db, pytest.raises(gateway.StatementFailed):
        db.execute("SELECT 1; SELECT 2")


@pytest.mark.parametrize("make", [postgresql_target, mysql_target])
def test_a_port_where_nobody_listens_is_a_failed_connection(make):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        target = make(port=free.getsockname()[1])
        with pytest.raises(gateway.ConnectFailed) as caught, sql.session(target, CONTEXT):
            pass
    assert caught.value.category is gateway.Category.TRANSIENT


@pytest.mark.parametrize("make", [postgresql_target, mysql_target])
def test_a_server_that_accepts_and_says_nothing_ends_at_the_timeout(make):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = make(port=silent.getsockname()[1], connect_timeout=2.0)
        held = []
        thread = threading.Thread(target=lambda: held.append(silent.accept()), daemon=True)
        thread.start()
        with pytest.raises((gateway.TimedOut, gateway.ConnectFailed)), sql.session(target, CONTEXT):
            pass
        thread.join(5)
        for connection, _ in held:
            connection.close()


@pytest.fixture
def folder(settings, tmp_path):
    settings.JUNCTION_FILE_ROOT = tmp_path
    (tmp_path / "acme").mkdir()
    return tmp_path


@pytest.mark.parametrize("database", ["../other/x.db", "/etc/passwd", "a/../../x.db", ":memory:/..", "x\0.db"])
def test_sqlite_files_stay_in_the_folder(folder, database):
    with (
        pytest.raises((gateway.FileRefused, gateway.InvalidRequest)),
        sql.session(sql.SqlTarget(engine="sqlite", database=database), CONTEXT),
    ):
        pass


def test_sqlite_does_not_follow_a_link_out(folder):
    (folder / "secret.db").touch()
    (folder / "acme" / "x.db").symlink_to(folder / "secret.db")

    with pytest.raises(gateway.FileRefused), sql.session(sql.SqlTarget(engine="sqlite", database="x.db"), CONTEXT):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH DATABASE '/tmp/other.db' AS o",
        "VACUUM INTO '/tmp/copy.db'",
        "SELECT load_extension('/tmp/x.so')",
        "PRAGMA writable_schema = ON",
        "PRAGMA temp_store_directory = '/tmp'",
        "PRAGMA query_only = OFF",
        "CREATE VIRTUAL TABLE t USING dbstat",
    ],
)
def test_sqlite_denies_ways_out_of_its_file(folder, statement):
    with (
        sql.session(sql.SqlTarget(engine="sqlite", database="x.db"), CONTEXT) as db,
        pytest.raises(gateway.StatementFailed),
    ):
        db.execute(statement)


def test_sqlite_values_are_bounded(folder):
    with (
        sql.session(sql.SqlTarget(engine="sqlite", database="x.db"), CONTEXT) as db,
        pytest.raises(gateway.StatementFailed, match="too big"),
    ):
        list(db.query("SELECT zeroblob(1000000000)"))


def test_organizations_do_not_see_each_others_files(folder):
    target = sql.SqlTarget(engine="sqlite", database="x.db")
    with sql.session(target, CONTEXT) as db:
        db.execute("CREATE TABLE mine (x int)")

    with (
        sql.session(target, gateway.SendContext(organization="umbrella")) as db,
        pytest.raises(gateway.StatementFailed, match="mine"),
    ):
        list(db.query("SELECT * FROM mine"))
