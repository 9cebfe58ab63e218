"""MySQL and MariaDB through pymysql, over a socket that we dialled ourselves. LOCAL INFILE stays off."""

from __future__ import annotations

import itertools
import re
import socket
import ssl
import struct
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

import pymysql
from pymysql.constants import CR, ER, FIELD_TYPE
from pymysql.converters import conversions
from pymysql.cursors import SSCursor

from ..addresses import resolve_checked
from ..connector import ssl_context
from ..context import Tls
from ..errors import BadResponse, Category, ConnectFailed, Disconnected, GatewayError, StatementFailed, TimedOut
from ..watch import watch
from .drivers import GRACE_SECONDS, ROW_SECONDS, Row
from .target import SqlTarget
from .values import encoded, exact_number, inbound, iso_moment, json_column, quoted

_BATCH = 500
_FETCH_SIZE = 250  # rows held at once: theirs is the say how large one is
_DRAIN_SECONDS = 5.0  # for what is left of a result that nobody reads on
# What leaves a session as it was. After anything else it is not used again: the protocol has no reset that all know.
_LEAVES_NO_TRACE = re.compile(r"\s*\(*\s*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|VALUES)\b", re.IGNORECASE)
_RETRYABLE = {ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT, ER.CON_COUNT_ERROR}
_MENDABLE = {ER.NO_SUCH_TABLE, ER.BAD_FIELD_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR}
# What the library runs into when a server does not keep to the protocol, or asks for a file of ours.
_NONSENSE = (RuntimeError, AssertionError, IndexError, UnicodeDecodeError, struct.error)
_TOO_LONG = {3024, 1969, ER.QUERY_INTERRUPTED}
_ACCESS = {ER.ACCESS_DENIED_ERROR, ER.BAD_DB_ERROR, ER.DBACCESS_DENIED_ERROR}


def _binary(value: Any) -> Any:
    return encoded(value) if isinstance(value, bytes) else value


def _bits(value: Any) -> Any:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else value


def _zeroless(text: str) -> str | None:
    return None if text.startswith("0000-00-00") else iso_moment(text)


_CONVERSIONS: dict[Any, Any] = {
    **conversions,
    FIELD_TYPE.DECIMAL: exact_number,
    FIELD_TYPE.NEWDECIMAL: exact_number,
    FIELD_TYPE.DATE: _zeroless,
    FIELD_TYPE.DATETIME: _zeroless,
    FIELD_TYPE.TIMESTAMP: _zeroless,
    FIELD_TYPE.TIME: str,
    FIELD_TYPE.JSON: json_column,
    FIELD_TYPE.BIT: _bits,
    **dict.fromkeys(
        (
            FIELD_TYPE.BLOB,
            FIELD_TYPE.TINY_BLOB,
            FIELD_TYPE.MEDIUM_BLOB,
            FIELD_TYPE.LONG_BLOB,
            FIELD_TYPE.STRING,
            FIELD_TYPE.VAR_STRING,
            FIELD_TYPE.VARCHAR,
            FIELD_TYPE.GEOMETRY,
        ),
        _binary,
    ),
}


class MysqlDriver:
    quote = "`"

    def __init__(self, target: SqlTarget) -> None:
        self._target = target
        self._is_late = self._is_changed = False
        self._connection = _connect(target)
        self._limit_statements()

    def query(self, statement: str, params: Sequence[Any], *, fetch_size: int) -> Generator[Row, None, None]:
        # Unbuffered: rows come off the wire as they are read; closing early drains what is left.
        self._note(statement)
        cursor = self._connection.cursor(SSCursor)
        try:
            with self._watched():
                cursor.execute(statement, inbound(params) or None)
            names = [column[0] for column in cursor.description or ()]
            while True:
                with self._watched():
                    rows = cursor.fetchmany(min(fetch_size, _FETCH_SIZE))
                if not rows:
                    return
                for row in rows:
                    yield dict(zip(names, row, strict=True))
        finally:
            with watch().limit(_DRAIN_SECONDS, self._hang_up):
                cursor.close()

    def execute(self, statement: str, params: Sequence[Any]) -> int:
        self._note(statement)
        return self._run(statement, params)

    def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        self._note(statement)
        with self._connection.cursor() as cursor, self._watched(rows=len(rows)):
            return int(cursor.executemany(statement, [inbound(row) for row in rows]) or 0)

    def copy_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        names = ", ".join(quoted((column,), self.quote) for column in columns).replace("%", "%%")
        holes = f"({', '.join(['%s'] * len(columns))})"
        begin = f"INSERT INTO {quoted(table, self.quote)} ".replace("%", "%%") + f"({names}) VALUES "  # noqa: S608
        count = 0
        source = iter(rows)
        with self._connection.cursor() as cursor, self._watched(rows=len(rows)):
            while batch := list(itertools.islice(source, _BATCH)):
                values = list(itertools.chain.from_iterable(inbound(row) for row in batch))
                cursor.execute(begin + ", ".join([holes] * len(batch)), values)
                count += len(batch)
        return count

    def begin(self, *, read_only: bool) -> None:
        self._run("START TRANSACTION READ ONLY" if read_only else "START TRANSACTION", ())

    def commit(self) -> None:
        with self._watched():
            self._connection.commit()

    def rollback(self) -> None:
        with self._watched():
            self._connection.rollback()

    def ledger_table(self) -> str:
        return (
            "CREATE TABLE IF NOT EXISTS junction_ledger (`key` varchar(255) CHARACTER SET ascii COLLATE ascii_bin "
            "PRIMARY KEY, result longtext, written_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB"
        )

    def claim_key(self) -> str:
        # Not INSERT IGNORE, which would let a key that is too long or not ASCII through with a warning.
        return "INSERT INTO junction_ledger (`key`) VALUES (%s) ON DUPLICATE KEY UPDATE `key` = `key`"

    def is_missing_table(self, error: BaseException) -> bool:
        return isinstance(error, pymysql.ProgrammingError) and error.args[:1] == (ER.NO_SUCH_TABLE,)

    def translate(self, error: BaseException) -> BaseException:
        if isinstance(error, TimeoutError) or (self._is_late and isinstance(error, pymysql.MySQLError | OSError)):
            return TimedOut(f"The statement took longer than {self._target.statement_timeout:g} s.")
        if isinstance(error, _NONSENSE):
            return BadResponse(f"{self._target.url} answered something that is not MySQL: {error}.")
        if not isinstance(error, pymysql.MySQLError):
            return error
        number, said = (*error.args, "", "")[:2]
        if number in (CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR, 0) or isinstance(error, pymysql.InterfaceError):
            if "timed out" in str(said):
                return TimedOut(f"The statement took longer than {self._target.statement_timeout:g} s.")
            return Disconnected(f"{self._target.url} closed the connection: {said}.")
        if number in _TOO_LONG:
            return TimedOut(f"The statement took longer than {self._target.statement_timeout:g} s.")
        category = Category.TRANSIENT if number in _RETRYABLE else Category.DATA
        return StatementFailed(
            f"{number}: {said}.", category=Category.CONFIGURATION if number in _MENDABLE else category
        )

    def is_alive(self) -> bool:
        try:
            with self._watched():
                self._connection.ping(reconnect=False)
        except (pymysql.MySQLError, OSError):
            return False
        return True

    def reset(self) -> bool:
        if self._is_changed:
            return False
        try:
            with self._watched():
                self._connection.rollback()
                self._connection.autocommit(True)
        except (pymysql.MySQLError, OSError):
            return False
        return True

    def close(self) -> None:
        if self._connection.open:
            self._connection.close()

    def _run(self, statement: str, params: Sequence[Any]) -> int:
        with self._connection.cursor() as cursor, self._watched():
            return int(cursor.execute(statement, inbound(params) or None))

    def _note(self, statement: str) -> None:
        self._is_changed = self._is_changed or not _LEAVES_NO_TRACE.match(statement)

    def _watched(self, *, rows: int = 0) -> AbstractContextManager[None]:
        """The server ends statements that take too long; should it not, for whatever reason, we hang up."""
        return watch().limit(self._target.statement_timeout + GRACE_SECONDS + ROW_SECONDS * rows, self._hang_up)

    def _hang_up(self) -> None:
        self._is_late = True
        wire = self._connection._sock
        if wire is not None:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def _limit_statements(self) -> None:
        seconds = self._target.statement_timeout
        if "mariadb" in str(self._connection.get_server_info()).lower():
            self._run(f"SET SESSION max_statement_time = {seconds:.3f}", ())
        else:
            self._run(f"SET SESSION max_execution_time = {round(seconds * 1000)}", ())
        self._run("SET SESSION time_zone = '+00:00'", ())


def _connect(target: SqlTarget) -> Any:
    wire = _dial(target)
    try:
        connection: Any = pymysql.connect(
            host=target.host,
            port=target.real_port,
            user=target.user,
            password=target.password,
            database=target.database,
            charset="utf8mb4",
            connect_timeout=max(1, round(target.connect_timeout)),
            read_timeout=target.connect_timeout,
            write_timeout=target.connect_timeout,
            local_infile=False,
            autocommit=True,
            conv=_CONVERSIONS,
            ssl=_tls(target),  # a context means that TLS is required; none, that it is used if offered
            ssl_disabled=target.ssl == "disable",
            defer_connect=True,
        )
        connection.connect(wire)
        # Over a given socket the greeting is read under the read timeout, so the one for statements comes after. The
        # server ends statements that take too long; the socket ends a little later, should the server be gone.
        connection._read_timeout = connection._write_timeout = target.statement_timeout + 5
    except _NONSENSE as error:
        wire.close()
        raise ConnectFailed(f"{target.url} does not speak MySQL: {error}.", category=Category.CONFIGURATION) from error
    except (pymysql.MySQLError, OSError) as error:
        wire.close()
        raise _connect_error(error, target) from error
    return connection


def _dial(target: SqlTarget) -> socket.socket:
    last: OSError | None = None
    for address in resolve_checked(target.host, target.real_port):
        try:
            wire = socket.create_connection((address, target.real_port), timeout=target.connect_timeout)
        except OSError as error:
            last = error
            continue
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return wire
    if isinstance(last, TimeoutError):
        raise TimedOut(f"No connection to {target.url} within {target.connect_timeout:g} s.", maybe_sent=False)
    raise ConnectFailed(f"No connection to {target.url}: {last}.")


def _tls(target: SqlTarget) -> ssl.SSLContext | None:
    if target.ssl == "disable" or (target.ssl == "prefer" and target.tls == Tls()):
        return None
    verify = target.ssl == "verify"
    given = target.tls
    return ssl_context(
        Tls(verify=verify, ca=given.ca, certificate=given.certificate, key=given.key, passphrase=given.passphrase)
    )


def _connect_error(error: Exception, target: SqlTarget) -> GatewayError:
    number = error.args[0] if error.args else 0
    said = re.sub(r"^\(\d+, (.*)\)$", r"\1", str(error))
    category = Category.CONFIGURATION if number in _ACCESS else Category.TRANSIENT
    return ConnectFailed(f"No connection to {target.url}: {said}.", category=category)
