"""SQLite files below the organization's folder. An authorizer denies ways to other files; statements are timed."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Generator, Sequence
from typing import Any

from ..errors import Category, FileRefused, StatementFailed, TimedOut
from ..roots import Root
from .drivers import Row
from .target import SqlTarget
from .values import encoded, inbound, quoted

_STEPS_BETWEEN_CHECKS = 20_000
_LARGEST_VALUE = 16 * 1024 * 1024
_FETCH_SIZE = 50  # rows held at once: theirs is the say how large one is
_MOST_PAGES, _MOST_PASSING_PAGES = 4_000_000, 500_000  # of a file and of temporary tables, mostly 4 KB each
_PRAGMAS = frozenset(("table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"))
_FUNCTIONS = frozenset(("load_extension", "fts3_tokenizer", "writefile", "readfile", "edit"))


class SqliteDriver:
    quote = '"'

    def __init__(self, target: SqlTarget, organization: str) -> None:
        self._target = target
        self._deadline = float("inf")
        path = Root(organization).existing_path(target.database, create=True)
        try:
            self._connection = sqlite3.connect(
                f"{path.as_uri()}?mode=rw", uri=True, timeout=5, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise FileRefused(f"{target.database} cannot be opened as a database: {error}.") from error
        self._connection.execute("PRAGMA trusted_schema = OFF")
        self._connection.execute(f"PRAGMA main.max_page_count = {_MOST_PAGES}")
        self._connection.execute(f"PRAGMA temp.max_page_count = {_MOST_PASSING_PAGES}")
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)
        self._connection.set_authorizer(_authorize)
        self._connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_CHECKS)

    def query(self, statement: str, params: Sequence[Any], *, fetch_size: int) -> Generator[Row, None, None]:
        cursor = self._run(statement, params)
        try:
            names = [column[0] for column in cursor.description or ()]
            while rows := cursor.fetchmany(min(fetch_size, _FETCH_SIZE)):
                left = self._deadline - time.monotonic()
                for row in rows:
                    yield {name: encoded(v) if type(v) is bytes else v for name, v in zip(names, row, strict=True)}
                # The reader's time between chunks is not the statement's; its own adds up, or one without end had none.
                self._deadline = time.monotonic() + left
        finally:
            cursor.close()

    def execute(self, statement: str, params: Sequence[Any]) -> int:
        return max(self._run(statement, params).rowcount, 0)

    def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        self._arm()
        return max(self._connection.executemany(_holes(statement), (inbound(row) for row in rows)).rowcount, 0)

    def copy_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        names = ", ".join(quoted((column,), self.quote) for column in columns)
        statement = f"INSERT INTO {quoted(table, self.quote)} ({names}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        self._arm()
        counter = itertools.count()
        self._connection.executemany(statement, (inbound(row) for row, _ in zip(rows, counter, strict=False)))
        return next(counter)

    def begin(self, *, read_only: bool) -> None:
        if read_only:
            self._set_query_only(on=True)
        self._connection.execute("BEGIN" if read_only else "BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._connection.execute("COMMIT")
        self._set_query_only(on=False)

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._set_query_only(on=False)

    def ledger_table(self) -> str:
        return (
            "CREATE TABLE IF NOT EXISTS junction_ledger "
            '("key" TEXT PRIMARY KEY, result TEXT, written_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)'
        )

    def claim_key(self) -> str:
        return 'INSERT INTO junction_ledger ("key") VALUES (%s) ON CONFLICT DO NOTHING'

    def is_missing_table(self, error: BaseException) -> bool:
        return isinstance(error, sqlite3.OperationalError) and "no such table: junction_ledger" in str(error)

    def translate(self, error: BaseException) -> BaseException:
        if not isinstance(error, sqlite3.Error):
            return error
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            return TimedOut(f"The statement took longer than {self._target.statement_timeout:g} s.")
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StatementFailed(f"{error}.", category=Category.TRANSIENT)
        return StatementFailed(f"{error}.")

    def is_alive(self) -> bool:
        return True

    def reset(self) -> bool:
        try:
            self.rollback()
        except sqlite3.Error:
            return False
        return True

    def close(self) -> None:
        self._connection.close()

    def _run(self, statement: str, params: Sequence[Any]) -> sqlite3.Cursor:
        self._arm()
        return self._connection.execute(_holes(statement) if params else statement, inbound(params))

    def _arm(self) -> None:
        self._deadline = time.monotonic() + self._target.statement_timeout

    def _is_late(self) -> int:
        return int(time.monotonic() > self._deadline)

    def _set_query_only(self, *, on: bool) -> None:
        self._connection.set_authorizer(None)
        self._connection.execute(f"PRAGMA query_only = {'ON' if on else 'OFF'}")
        self._connection.set_authorizer(_authorize)


def _holes(statement: str) -> str:
    """`%s` and `%%`, as the other two databases write them, for a driver that wants `?` and `%`."""
    return statement.replace("%%", "\0").replace("%s", "?").replace("\0", "%")


def _authorize(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in _PRAGMAS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_CREATE_VTABLE and (second or "").lower() not in ("fts5", "fts4", "fts3", "rtree"):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
