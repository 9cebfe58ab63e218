"""One use of a SQL connection: read, write, or both in a transaction, in the mode of its context."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from apps.core import clock

from ..addresses import allow_entries
from ..context import Mode, SendContext
from ..errors import (
    Disconnected,
    EffectNotAllowed,
    GatewayError,
    InvalidRequest,
    NoRecordedAnswer,
    RetryLater,
    TimedOut,
)
from ..messages import Effect, Response, WriteKind
from ..permits import permit
from ..recording import Exchange, fingerprint, finish
from ..redaction import BODY_LIMIT, redactor_for
from ..transactions import refuse_in_transaction
from .drivers import Driver, Row
from .mysql import MysqlDriver
from .pool import pool_of_process
from .postgresql import PostgresDriver
from .sqlite import SqliteDriver
from .target import SqlTarget, refuse_forbidden

FETCH_SIZE = 1000


@contextmanager
def session(target: SqlTarget, context: SendContext) -> Iterator[Session]:
    """A session on `target`. In replay no connection is made. Parameters are written `%s`; with any, `%` is `%%`."""
    refuse_in_transaction()
    if context.mode is Mode.REPLAY:
        yield Session(target, context, None)
        return
    with permit(context):
        pool = pool_of_process(_soon)
        key = f"{context.organization}\0{target.fingerprint}\0{allow_entries()!r}"
        driver = pool.take(key, lambda: _connect(target, context))
        reusable = False
        try:
            opened = Session(target, context, driver)
            yield opened
            reusable = not opened.broken and driver.reset()
        finally:
            pool.give(key, driver, reusable=reusable)


class Session:
    """`write_kind` of what it writes is `none` outside a ledger."""

    def __init__(self, target: SqlTarget, context: SendContext, driver: Driver | None) -> None:
        self.target = target
        self.context = context
        self.broken = False
        self.write_kind: WriteKind = "none"
        self.key = ""  # of the ledger, while it is written under one
        self._driver = driver
        self._in_transaction = False
        self._reading = False

    @property
    def driver(self) -> Driver:
        if self._driver is None:
            raise EffectNotAllowed("A replay has no database; it answers from its recording.")
        return self._driver

    def query(
        self, statement: str, params: Sequence[Any] = (), *, fetch_size: int = FETCH_SIZE
    ) -> Generator[Row, None, None]:
        """Rows as they come, memory flat; nothing else can run on the session until they are read or closed.

        In plan mode it runs read-only, so that a statement that reads and writes is refused instead of half planned.
        """
        refuse_forbidden(statement, in_transaction=self._in_transaction)
        asked = self._asked("QUERY", statement, params, effect="read")
        if self.context.mode is Mode.REPLAY:
            yield from self._replayed(asked)
            return
        sample = _Sample()
        with (
            self._recorded(asked, sample),
            self._guarded(),
            self._read_only(),
            self._one_at_a_time(),
            closing(self.driver.query(statement, params, fetch_size=fetch_size)) as rows,
        ):
            for row in rows:
                sample.see(row)
                yield row

    def execute(self, statement: str, params: Sequence[Any] = ()) -> int:
        """Rows affected; 0 in plan mode, where nothing is sent."""
        refuse_forbidden(statement, in_transaction=self._in_transaction)
        return self._write("EXECUTE", statement, params, lambda: self.driver.execute(statement, params))

    def repeat(self, whole: Mapping[str, Any]) -> int:
        """Now sends what a plan has captured."""
        if whole["method"] == "COPY":
            return self.copy_rows(whole["table"], whole["columns"], whole["params"])
        send = self.execute_many if whole["method"] == "EXECUTE MANY" else self.execute
        return send(whole["statement"], whole["params"])

    def execute_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        refuse_forbidden(statement, in_transaction=self._in_transaction)
        return self._write("EXECUTE MANY", statement, rows, lambda: self.driver.execute_many(statement, rows))

    def copy_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        """Bulk insert: COPY on PostgreSQL, multi-row VALUES elsewhere. All rows or none."""

        def copy() -> int:
            try:
                if self._in_transaction:
                    return self.driver.copy_rows(table, columns, rows)
                with self.transaction():
                    return self.driver.copy_rows(table, columns, rows)
            except ValueError as error:
                raise InvalidRequest(str(error)) from error

        where = {"table": table, "columns": list(columns)}
        return self._write("COPY", f"{table} ({', '.join(columns)})", rows, copy, where)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits at the end, rolls back on any error. They do not nest. In plan and replay there is none."""
        if self.context.mode is not Mode.LIVE:
            yield
            return
        if self._in_transaction:
            raise EffectNotAllowed("A transaction is open on this session already.")
        with self._guarded():
            self.driver.begin(read_only=False)
        self._in_transaction = True
        try:
            yield
            with self._guarded():
                self.driver.commit()
        except BaseException:
            # The first error is the one to tell; a connection that cannot roll back is not used again.
            self.broken = True
            with suppress(Exception):
                self.driver.rollback()
                self.broken = False
            raise
        finally:
            self._in_transaction = False

    def _write(
        self, method: str, statement: str, params: Sequence[Any], run: Any, where: Mapping[str, Any] | None = None
    ) -> int:
        asked = self._asked(method, statement, params, effect="write")
        if self.context.mode is Mode.PLAN:
            whole = {"method": method, "statement": statement, "params": list(params), **(where or {})}
            self._record(replace(asked, planned=True, key=self.key, whole=whole), failed=False)
            return 0
        if self.context.mode is Mode.REPLAY:
            try:
                return sum(int(row["affected"]) for row in self._replayed(asked))
            except NoRecordedAnswer:  # seen in its exchange; what follows the write is to be seen too
                return 0
        sample = _Sample()
        with self._recorded(asked, sample), self._guarded(), self._one_at_a_time():
            count = int(run())
            sample.see({"affected": count})
            return count

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except GatewayError:
            raise
        except Exception as error:
            ours = self.driver.translate(error)
            if isinstance(ours, Disconnected | TimedOut):
                self.broken = True
            if ours is error:
                raise
            raise ours from error

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if self._reading:
            raise EffectNotAllowed("Rows of an earlier query are still being read on this session.")
        self._reading = True
        try:
            yield
        finally:
            self._reading = False

    @contextmanager
    def _read_only(self) -> Iterator[None]:
        if self.context.mode is not Mode.PLAN:
            yield
            return
        self.driver.begin(read_only=True)
        try:
            yield
        finally:
            self.driver.rollback()

    def _asked(self, method: str, statement: str, params: Sequence[Any], *, effect: Effect) -> Exchange:
        redactor = redactor_for((*self.context.secrets, self.target.password))
        few = params[:20]  # enough to show, and to tell one call from another in a replay
        try:
            body = statement.encode() + b"\n" + orjson.dumps([len(params), list(few)], default=str)
        except (UnicodeEncodeError, orjson.JSONEncodeError) as error:
            raise InvalidRequest(f"The statement cannot be sent: {str(error)[:200]}.") from None
        text, encoding, cut = redactor.body(body)
        return Exchange(
            kind="sql",
            method=method,
            url=self.target.url,
            effect=effect,
            write_kind=self.write_kind if effect == "write" else "",
            step=self.context.step,
            fingerprint=fingerprint(kind="sql", method=method, url=self.target.url, body=body, redactor=redactor),
            started_at=clock.now(),
            elapsed=0.0,
            request_body=text,
            request_encoding=encoding,
            request_size=len(body),
            request_cut=cut or len(params) > len(few),
        )

    @contextmanager
    def _recorded(self, asked: Exchange, sample: _Sample) -> Iterator[None]:
        begun = time.perf_counter()
        redactor = redactor_for((*self.context.secrets, self.target.password))
        try:
            yield
        except GatewayError as error:
            error.elapsed = time.perf_counter() - begun
            self._record(finish(replace(asked, elapsed=error.elapsed), error, redactor=redactor), failed=True)
            raise
        answer = Response(200, {}, orjson.dumps(sample.rows), time.perf_counter() - begun, self.target.url)
        done = finish(replace(asked, elapsed=answer.elapsed), answer, redactor=redactor)
        cut = done.response_cut or sample.count > len(sample.rows)
        self._record(replace(done, response_cut=cut, response_size=max(sample.size, done.response_size)), failed=False)

    def _record(self, exchange: Exchange, *, failed: bool) -> None:
        recorder = self.context.recorder
        if recorder is not None and (recorder.wants(step=exchange.step, failed=failed) or exchange.planned):
            recorder.record([exchange])

    def _replayed(self, asked: Exchange) -> list[Row]:
        answer = self.context.recording.answer(asked.fingerprint) if self.context.recording else None
        missing = ""
        if answer is None:
            missing = f"The recording holds no (further) answer to this statement on {asked.url}."
        elif answer.response_cut:
            missing = f"The recorded rows of this statement on {asked.url} were cut."
        if missing or answer is None:
            self._record(replace(asked, error_code=NoRecordedAnswer.code, error_message=missing), failed=True)
            raise NoRecordedAnswer(missing)
        self._record(replace(answer, step=asked.step, started_at=asked.started_at), failed=answer.status is None)
        if answer.status is None:
            error = GatewayError(answer.error_message)
            error.code = answer.error_code
            raise error
        rows: list[Row] = orjson.loads(answer.response_body)
        return rows


class _Sample:
    """The first rows of an answer, as many as a recording shows."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.count = 0
        self.size = 0

    def see(self, row: Row) -> None:
        self.count += 1
        if self.size < BODY_LIMIT:
            self.rows.append(row)
            self.size += len(orjson.dumps(row, default=str))


def _connect(target: SqlTarget, context: SendContext) -> Driver:
    if target.engine == "sqlite":
        return SqliteDriver(target, context.organization)
    return PostgresDriver(target) if target.engine == "postgresql" else MysqlDriver(target)


def _soon(reason: str) -> RetryLater:
    return RetryLater(clock.now() + timedelta(seconds=1), reason)
