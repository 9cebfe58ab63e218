"""Migrating: a SQLite file that holds something is copied before, and the last three copies are kept."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from apps.ops import migrating
from tests import processes, servers

ROLL_BACK = "DELETE FROM django_migrations WHERE app = 'sessions'"


@pytest.fixture
def data(tmp_path) -> Path:
    assert processes.run("prepare", JUNCTION_DATA=str(tmp_path))[0] == 0
    return tmp_path


@pytest.fixture
def other_postgres_url():
    with servers.postgres_database() as url:
        yield url


def execute(data: Path, *statements: str) -> None:
    with closing(sqlite3.connect(data / "junction.sqlite3", isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def test_it_copies_before_it_migrates_and_keeps_the_last_three(data):
    assert not (data / "backups").exists()
    older = [data / "backups" / f"before-migration-2020010{day}T000000000000.sqlite3" for day in range(1, 4)]
    (data / "backups").mkdir()
    for path in older:
        path.write_text("old")
    (data / "backups" / "mine.sqlite3").write_text("not ours to delete")
    execute(data, ROLL_BACK, "DROP TABLE django_session")
    code, said = processes.run("prepare", JUNCTION_DATA=str(data))
    assert code == 0, said
    copies = sorted((data / "backups").glob("before-migration-*"))
    assert [path.exists() for path in older] == [False, True, True]
    assert len(copies) == 3
    with closing(sqlite3.connect(copies[-1])) as copy:
        assert copy.execute("SELECT count(*) FROM accounts_user").fetchone() == (1,)
        assert copy.execute("SELECT count(*) FROM django_migrations WHERE app = 'sessions'").fetchone() == (0,)
    assert (data / "backups" / "mine.sqlite3").exists()
    assert copies[-1].stat().st_mode & 0o077 == 0


def test_a_second_preparation_changes_nothing_and_shows_nothing(data):
    before = (data / "junction.sqlite3").read_bytes()
    assert processes.run("prepare", JUNCTION_DATA=str(data)) == (0, "Ready to start.")
    assert (data / "junction.sqlite3").read_bytes() == before
    assert not (data / "backups").exists()


def test_a_copy_holds_what_is_still_in_the_write_ahead_log(tmp_path):
    source, target = tmp_path / "a.sqlite3", tmp_path / "b.sqlite3"
    with closing(sqlite3.connect(source, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (42)")
        migrating.copy_sqlite(source, target)
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT x FROM t").fetchall() == [(42,)]
    assert list(tmp_path.glob("*.part")) == []


COLUMNS = """
    SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, is_identity, column_default
    FROM information_schema.columns WHERE table_schema = 'public'"""
# What Django calls a column's own UNIQUE differs; it finds it by its column.
CONSTRAINTS = """
    SELECT conrelid::regclass::text, regexp_replace(conname, '_(key|[0-9a-f]{8}_uniq)$', ''), pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace"""
INDEXES = """
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u'))"""
DONE = "SELECT app, name FROM django_migrations"


def prepare_both_ways(data: Path, *, at_once: dict[str, str], in_steps: dict[str, str]) -> None:
    """A database that has a table already takes its migrations one by one."""
    once = {"JUNCTION_DATA": str(data / "once"), **at_once}
    steps = {"JUNCTION_DATA": str(data / "steps"), **in_steps}
    for arguments, variables in (("prepare", once), ("migrate contenttypes", steps), ("prepare", steps)):
        code, said = processes.run(*arguments.split(), **variables)
        assert code == 0, said


def sqlite_schema(path: Path) -> set[tuple]:
    """A table's columns in any order: those that came later stand last when they came one by one."""
    with closing(sqlite3.connect(path)) as database:
        made = database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        done = database.execute(DONE).fetchall()
    parts = {
        (kind, name, *sorted(re.split(r', (?="|CONSTRAINT)', sql.replace('"new__', '"').partition(" (")[2][:-1])))
        for kind, name, sql in made
    }
    return parts | set(done)


def test_tables_made_at_once_are_those_that_the_migrations_leave(tmp_path):
    prepare_both_ways(tmp_path, at_once={}, in_steps={})
    once, steps = (sqlite_schema(tmp_path / name / "junction.sqlite3") for name in ("once", "steps"))
    assert once == steps and len(once) > 300


@pytest.mark.postgres
def test_on_postgresql_too(tmp_path, postgres_url, other_postgres_url):
    prepare_both_ways(tmp_path, at_once={"DATABASE_URL": postgres_url}, in_steps={"DATABASE_URL": other_postgres_url})
    with psycopg.connect(postgres_url) as once, psycopg.connect(other_postgres_url) as steps:
        for asked in (COLUMNS, CONSTRAINTS, INDEXES, DONE):
            assert sorted(map(str, once.execute(asked))) == sorted(map(str, steps.execute(asked))) != []
