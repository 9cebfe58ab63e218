"""Migrating: a SQLite file that holds something is copied before, and the last three copies are kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from apps.ops import migrating
from tests import processes

ROLL_BACK = "DELETE FROM django_migrations WHERE app = 'sessions'"


@pytest.fixture
def data(tmp_path) -> Path:
    assert processes.run("prepare", JUNCTION_DATA=str(tmp_path))[0] == 0
    return tmp_path


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
