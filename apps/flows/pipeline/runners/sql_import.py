"""An import into SQL tables. Every write is `ledger`: its key commits with it in the target, so it happens once.

A page is one transaction where it can be. When that fails on a record, records go one by one, each with a key of its
own, so that only the bad ones fail; a worker that takes such a page over sees by their keys which are in already.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.sql import open_session
from apps.core.clock import now
from apps.core.gateway import Category, Disconnected, GatewayError, InvalidRequest, Mode, Recorder, RetryLater
from apps.core.gateway.sql import LEDGER_TABLE, Session, ledgered
from apps.engine.templates import RenderEnv, TemplateError, compile_sql
from apps.flows.pipeline.batch import Part, idempotency_key
from apps.flows.pipeline.capturing import plan_recorder
from apps.flows.pipeline.runners.failing import failure_of, held_up, offline, postpone
from apps.flows.pipeline.runners.mapping import ImportMapping, Mapped
from apps.flows.pipeline.runners.sql_writing import BulkWriter, TableWriter, sql_dialect
from apps.flows.pipeline.scopes import Surroundings, Text, batch_scope, environment, lookup_scope
from apps.flows.pipeline.steps import Failure, Outcome, Turn

LOST_WAIT_SECONDS = 2.0
MOST_CLAIMS = 8  # of a page whose statements take the database's connection down each time


class AlreadyInError(Exception):
    """Some of a page's records were written one by one by an earlier worker."""


@dataclass(frozen=True, slots=True)
class Writing:
    """One page on its way into the database; `base` is the scope of its templates without a record.

    `looked` are the values of the lookups that the templates name, by record.
    """

    part: Part
    mapped: Mapped
    base: dict[str, Any]
    looked: dict[int, dict[str, Any]]
    recorder: Recorder

    def owned(self, indexes: list[int]) -> AbstractContextManager[None]:
        """A plan notes whose statements these are."""
        capture = plan_recorder(self.recorder)
        return capture.owned_by([self.part.keys[i] for i in indexes]) if capture else nullcontext()

    def scope(self, index: int) -> dict[str, Any]:
        scope = lookup_scope(self.base, self.mapped.records[index])
        return {**scope, "lookup": self.looked[index]} if self.looked else scope

    @property
    def env(self) -> RenderEnv:
        desk = self.mapped.desk
        return environment() if desk is None else replace(environment(), lookups=desk.by_key)


@dataclass(frozen=True)
class SqlImportRunner:
    """`statements` run per record or per page; `bulk` writes rows of a table. One of them is given."""

    query_type: str
    statements: Sequence[str]
    bulk: BulkWriter | None
    mapping: ImportMapping
    open_connection: Callable[[], OpenConnection]
    surroundings: Surroundings
    write_name: str
    step: str
    mode: Mode
    effect: str = field(default="ledger", init=False)

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        connection = self.open_connection()
        if connection.offline:
            return [offline(part, connection) for part in parts]
        prepared = [self.mapping.map_part(part, connection, turn.recorder) for part in parts]
        looked = [self.mapping.look_up_texts(mapped, connection) for mapped in prepared]
        turn.check()
        base = self.surroundings.base(connection.values)
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=turn.recorder)
        try:
            with open_session(connection, context=context) as session:
                for part, mapped, own in zip(parts, prepared, looked, strict=True):
                    self.write(session, Writing(part, mapped, base, own, turn.recorder))
        except GatewayError as error:  # no session: nothing was written that its key will not tell
            for mapped in prepared:
                if not held_up(mapped.outcome, mapped.submitted(), error, connection):
                    refuse(mapped.outcome, mapped.submitted(), error)
        for mapped in prepared:
            self.respond(mapped)
        return [mapped.outcome for mapped in prepared]

    def write(self, session: Session, work: Writing) -> None:
        if self.query_type == "first_page" and work.part.batch.page.number > 0:
            return
        whole = self.bulk is not None or self.query_type in ("per_page", "first_page")
        for writer, some in self.groups(work):
            if session.context.mode is Mode.PLAN and not whole:
                self.write_one_by_one(session, work, some)
                continue
            try:
                with work.owned(some):
                    self.write_together(session, work, some, writer)
            except AlreadyInError:
                self.write_one_by_one(session, work, some)
            except (TemplateError, InvalidRequest) as error:
                if whole:
                    failure = Failure(source="application", code="invalid_request", message=str(error))
                    fail(work.mapped.outcome, some, failure)
                else:
                    self.write_one_by_one(session, work, some)
            except Disconnected as error:
                come_back(work.part, work.mapped.outcome, some, error)
            except GatewayError as error:
                if whole or session.broken or not spoiled_by_a_record(error):
                    refuse(work.mapped.outcome, some, error)
                else:
                    self.write_one_by_one(session, work, some)

    def groups(self, work: Writing) -> Iterator[tuple[TableWriter | None, list[int]]]:
        """Records that are written together; those of a bulk import by their table, whose name may be a template."""
        indexes = work.mapped.submitted()
        if self.bulk is None:
            if indexes:
                yield None, indexes
            return
        by_table: dict[str, list[int]] = {}
        for index in indexes:
            try:
                table = self.table_of(work, index)
            except (TemplateError, InvalidRequest) as error:
                fail(work.mapped.outcome, [index], Failure("application", "invalid_request", str(error)))
                continue
            by_table.setdefault(table, []).append(index)
        for table, some in by_table.items():
            for first in range(0, len(some), self.bulk.batch_size):
                yield self.bulk.at(table), some[first : first + self.bulk.batch_size]

    def table_of(self, work: Writing, index: int) -> str:
        table = self.bulk.table if self.bulk else Text("")
        if not table.is_template:
            return table.fixed
        found = table.render(work.scope(index), work.env).strip()
        if not found:
            raise InvalidRequest("The name of this record's table is empty.")
        return found

    def write_together(self, session: Session, work: Writing, indexes: list[int], writer: TableWriter | None) -> None:
        """One transaction, one key. Raises AlreadyInError if an earlier worker had begun to go one by one."""
        keys = [work.part.keys[i] for i in indexes]
        rows = [work.mapped.records[i] for i in indexes]

        def write(open_session: Session) -> None:
            if work.part.batch.claim.fence > 1 and self.bulk is None:
                self.look_for_earlier(open_session, keys)
            if writer is not None:
                writer.write(open_session, rows, lambda text: self.execute_text(open_session, text, work))
            elif self.query_type == "per_record":
                for index in indexes:
                    self.execute(open_session, work.scope(index), work.env)
            else:
                self.execute(open_session, batch_scope(work.base, rows), work.env)

        # What is run on the first page is run once, though each of several generators has a first page.
        whole = f"{keys[0].partition(':')[0]}:first" if self.query_type == "first_page" else " ".join(keys)
        ledgered(session, idempotency_key(whole, self.write_name), write)

    def look_for_earlier(self, session: Session, keys: list[str]) -> None:
        wanted = [idempotency_key(key, self.write_name) for key in keys]
        if len(wanted) < 2 or session.context.mode is not Mode.LIVE:
            return
        marks = ", ".join(["%s"] * len(wanted))
        quote = session.driver.quote
        statement = f"SELECT 1 AS found FROM {LEDGER_TABLE} WHERE {quote}key{quote} IN ({marks})"  # noqa: S608
        if list(session.query(statement, wanted, fetch_size=1)):
            raise AlreadyInError

    def write_one_by_one(self, session: Session, work: Writing, indexes: list[int]) -> None:
        outcome = work.mapped.outcome
        for index in indexes:
            scope = work.scope(index)
            try:
                key = idempotency_key(work.part.keys[index], self.write_name)
                with work.owned([index]):
                    ledgered(session, key, partial(self.execute, scope=scope, env=work.env))
            except (TemplateError, InvalidRequest) as error:
                fail(outcome, [index], Failure(source="application", code="invalid_request", message=str(error)))
            except Disconnected as error:
                come_back(work.part, outcome, [index], error)
            except GatewayError as error:
                refuse(outcome, [index], error)

    def execute(self, session: Session, scope: dict[str, Any], env: RenderEnv) -> None:
        dialect = sql_dialect(session.target.engine)
        for statement in self.statements:
            text, values = compile_sql(statement, dialect=dialect).bind(scope, env=env)
            session.execute(text if values else text.replace("%%", "%"), values)

    def execute_text(self, session: Session, text: str, work: Writing) -> None:
        dialect = sql_dialect(session.target.engine)
        statement, values = compile_sql(text, dialect=dialect).bind(work.base, env=work.env)
        session.execute(statement if values else statement.replace("%%", "%"), values)

    def respond(self, mapped: Mapped) -> None:
        outcome = mapped.outcome
        if self.mapping.reads_responses:
            for index in mapped.submitted():
                if index not in outcome.later:
                    outcome.responses[index] = {
                        "id": "",
                        "_json": {},
                        "errors": [],
                        "ignored": False,
                        "statusCode": 200,
                    }
        if self.mode is not Mode.PLAN or self.mapping.answers:
            self.mapping.after_submit(mapped)


def spoiled_by_a_record(error: GatewayError) -> bool:
    return error.category is Category.DATA


def come_back(part: Part, outcome: Outcome, indexes: list[int], error: GatewayError) -> None:
    """Whether the rows arrived is not known: their key tells, when the same is written again. Not without end."""
    if part.batch.claim.fence > MOST_CLAIMS:
        refuse(outcome, indexes, error)
        return
    later = RetryLater(now() + timedelta(seconds=LOST_WAIT_SECONDS), error.message)
    refuse(outcome, indexes, later)


def refuse(outcome: Outcome, indexes: list[int], error: GatewayError) -> None:
    if isinstance(error, RetryLater):
        for index in indexes:
            postpone(outcome, index, error)
    else:
        fail(outcome, indexes, failure_of(error, source="application"))


def fail(outcome: Outcome, indexes: list[int], failure: Failure) -> None:
    for index in indexes:
        outcome.failures.setdefault(index, failure)
