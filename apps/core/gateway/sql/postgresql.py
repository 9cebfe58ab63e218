"""PostgreSQL through psycopg 3. Rows stream in chunks; the address that was checked is the one libpq dials."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import islice
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.adapt import Buffer, Loader
from psycopg.rows import dict_row

from ..addresses import resolve_checked
from ..connector import pem_file
from ..errors import Category, ConnectFailed, Disconnected, GatewayError, StatementFailed, TimedOut
from ..watch import watch
from .drivers import GRACE_SECONDS, ROW_SECONDS, Row
from .target import SqlTarget
from .values import encoded, exact_number, inbound, iso_moment, json_column, quoted

_FETCH_SIZE = 250  # rows held at once: theirs is the say how large one is
_SSL = {"disable": "disable", "prefer": "prefer", "require": "require", "verify": "verify-full"}
_RETRYABLE = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable, errors.TooManyConnections)


def _text(data: Buffer) -> str:
    return bytes(data).decode()


class _Numeric(Loader):
    def load(self, data: Buffer) -> Any:
        return exact_number(_text(data))


class _Moment(Loader):
    def load(self, data: Buffer) -> Any:
        return iso_moment(_text(data))


class _Plain(Loader):
    def load(self, data: Buffer) -> Any:
        return _text(data)


class _Json(Loader):
    def load(self, data: Buffer) -> Any:
        return json_column(bytes(data))


class _Bytes(Loader):
    def load(self, data: Buffer) -> Any:
        return encoded(pq.Escaping().unescape_bytea(bytes(data)))


_LOADERS: dict[str, type[Loader]] = {
    "numeric": _Numeric,
    "timestamp": _Moment,
    "timestamptz": _Moment,
    "date": _Plain,
    "time": _Plain,
    "timetz": _Plain,
    "interval": _Plain,
    "uuid": _Plain,
    "inet": _Plain,
    "cidr": _Plain,
    "json": _Json,
    "jsonb": _Json,
    "bytea": _Bytes,
}


class PostgresDriver:
    quote = '"'

    def __init__(self, target: SqlTarget) -> None:
        self._target = target
        self._is_late = False
        addresses = resolve_checked(target.host, target.real_port)
        options: dict[str, Any] = {
            "host": ",".join([target.host] * len(addresses)),
            "hostaddr": ",".join(addresses),
            "port": target.real_port,
            "dbname": target.database,
            "user": target.user,
            "password": target.password,
            "sslmode": _SSL[target.ssl],
            "connect_timeout": max(2, round(target.connect_timeout)),
            "application_name": "Junction",
            # Nothing from this machine's files: no password file, no service file, no client certificate of ours.
            "passfile": f"{os.devnull}/none",  # the device itself is complained of at each connection
            "gssencmode": "disable",
            "sslcert": pem_file(target.tls.certificate) if target.tls.certificate else os.devnull,
            "sslkey": pem_file(target.tls.key) if target.tls.key else os.devnull,
            "keepalives_idle": 30,
            "client_encoding": "UTF8",
            "options": f"-c statement_timeout={round(target.statement_timeout * 1000)} -c datestyle=ISO "
            "-c timezone=UTC -c intervalstyle=iso_8601 -c extra_float_digits=1",
        }
        if target.ssl == "verify":
            options["sslrootcert"] = pem_file(target.tls.ca) if target.tls.ca else "system"
        if target.tls.passphrase:
            options["sslpassword"] = target.tls.passphrase
        try:
            self._connection = psycopg.connect(
                autocommit=True,
                row_factory=dict_row,
                prepare_threshold=None,  # DISCARD ALL would drop what psycopg believes to be prepared
                **options,
            )
        except psycopg.OperationalError as error:
            raise _connect_error(error, target) from error
        for name, loader in _LOADERS.items():
            self._connection.adapters.register_loader(name, loader)

    def query(self, statement: str, params: Sequence[Any], *, fetch_size: int) -> Generator[Row, None, None]:
        with self._connection.cursor() as cursor:
            # One result set, no buffer on either side; None keeps a % in a text without parameters what it is.
            rows = cursor.stream(_plain(statement), inbound(params) or None, size=min(fetch_size, _FETCH_SIZE))
            while True:
                with self._watched():
                    some = list(islice(rows, _FETCH_SIZE))
                if not some:
                    return
                yield from some

    def execute(self, statement: str, params: Sequence[Any]) -> int:
        with self._connection.cursor() as cursor, self._watched():
            cursor.execute(_plain(statement), inbound(params) or None)
            return max(cursor.rowcount, 0)

    def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        with self._connection.cursor() as cursor, self._watched(rows=len(rows)):
            cursor.executemany(_plain(statement), (inbound(row) for row in rows))
            return max(cursor.rowcount, 0)

    def copy_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        names = ", ".join(quoted((column,), self.quote) for column in columns)
        count = 0
        with (
            self._connection.cursor() as cursor,
            self._watched(rows=len(rows)),
            cursor.copy(_plain(f"COPY {quoted(table, self.quote)} ({names}) FROM STDIN")) as copy,
        ):
            for row in rows:
                copy.write_row(inbound(row))
                count += 1
        return count

    def begin(self, *, read_only: bool) -> None:
        with self._watched():
            self._connection.execute("BEGIN READ ONLY" if read_only else "BEGIN")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        self._connection.execute("ROLLBACK")

    def ledger_table(self) -> str:
        return (
            "CREATE TABLE IF NOT EXISTS junction_ledger "
            '("key" text PRIMARY KEY, result text, written_at timestamptz NOT NULL DEFAULT now())'
        )

    def claim_key(self) -> str:
        return 'INSERT INTO junction_ledger ("key") VALUES (%s) ON CONFLICT DO NOTHING'

    def is_missing_table(self, error: BaseException) -> bool:
        return isinstance(error, errors.UndefinedTable)

    def translate(self, error: BaseException) -> BaseException:
        if isinstance(error, errors.QueryCanceled) or (self._is_late and isinstance(error, psycopg.Error)):
            return TimedOut(f"The statement took longer than {self._target.statement_timeout:g} s.")
        if isinstance(error, psycopg.Error) and self._connection.broken:
            return Disconnected(f"{self._target.url} closed the connection: {str(error).strip()}.")
        if isinstance(error, _RETRYABLE):
            return StatementFailed(_said(error), category=Category.TRANSIENT)
        if isinstance(error, errors.InsufficientPrivilege | errors.UndefinedTable | errors.UndefinedColumn):
            return StatementFailed(_said(error), category=Category.CONFIGURATION)
        return StatementFailed(_said(error)) if isinstance(error, psycopg.Error) else error

    def is_alive(self) -> bool:
        try:
            with self._watched():
                self._connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def reset(self) -> bool:
        """Leave nothing of this use to the next: transaction, settings, temporary tables."""
        try:
            with self._watched():
                if self._connection.info.transaction_status != pq.TransactionStatus.IDLE:
                    self._connection.rollback()
                self._connection.execute("DISCARD ALL")
        except psycopg.Error:
            return False
        return True

    def close(self) -> None:
        self._connection.close()

    def _watched(self, *, rows: int = 0) -> AbstractContextManager[None]:
        """The server ends statements that take too long; should it not, for whatever reason, we hang up."""
        return watch().limit(self._target.statement_timeout + GRACE_SECONDS + ROW_SECONDS * rows, self._hang_up)

    def _hang_up(self) -> None:
        self._is_late = True
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self._connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)


def _plain(statement: str) -> Any:
    return statement.encode()


def _said(error: psycopg.Error) -> str:
    diagnosis = error.diag
    if diagnosis.message_primary is None:
        return str(error).strip()
    detail = f" {diagnosis.message_detail}" if diagnosis.message_detail else ""
    return f"{diagnosis.sqlstate}: {diagnosis.message_primary}.{detail}"


def _connect_error(error: psycopg.OperationalError, target: SqlTarget) -> GatewayError:
    said = str(error).strip().splitlines()[-1]
    if isinstance(error, errors.ConnectionTimeout):
        return TimedOut(f"No connection to {target.url} within {target.connect_timeout:g} s.", maybe_sent=False)
    mendable = any(word in said for word in ("authentication", "does not exist", "role", "certificate", "no password"))
    category = Category.CONFIGURATION if mendable else Category.TRANSIENT
    return ConnectFailed(f"No connection to {target.url}: {said}.", category=category)
