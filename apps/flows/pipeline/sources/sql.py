"""Records from a SQL query. With an ordering key it is read on from the last key; without, it is spooled whole first.

The surprise: a query cannot be read twice in the same order, so rows without an ordering key stand in our own database
before the first page is cut from them; a worker that vanishes while spooling costs a new start, never a lost row.
"""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from django.db import transaction

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.sql import open_session, sql_target
from apps.core.errors import ValidationError
from apps.core.gateway import Mode, Recorder
from apps.engine.paths import MISSING, compile_getter
from apps.engine.templates import TemplateError, compile_sql
from apps.executions.models import Execution
from apps.executions.payloads import pack, unpack
from apps.flows.models import SpoolChunk
from apps.flows.pipeline.runners.sql_writing import sql_dialect
from apps.flows.pipeline.scopes import Surroundings, environment
from apps.flows.pipeline.sources import Fetched, OfflineError

ROWS_PER_READ = 2000


class SqlSource:
    """`rdbms.orderingKey` is a column of the result that grows and never repeats: an extra of ours."""

    def __init__(
        self,
        document: Mapping[str, Any],
        *,
        execution: Execution,
        generator: int,
        open_connection: Callable[[], OpenConnection],
        surroundings: Surroundings,
        recorder: Recorder,
        step: str,
        mode: Mode,
    ) -> None:
        rdbms = document.get("rdbms") or {}
        if not isinstance(rdbms.get("query"), str) or not rdbms["query"].strip():
            raise ValidationError("is required", field="rdbms.query")
        self.query, self.ordering = rdbms["query"].strip().rstrip(";"), rdbms.get("orderingKey") or ""
        self.execution, self.generator = execution, generator
        self.open_connection, self.surroundings, self.recorder = open_connection, surroundings, recorder
        self.step, self.mode = step, mode

    def start(self) -> dict[str, Any]:
        return {"after": None} if self.ordering else {"chunk": -1}

    def fetch(self, cursor: dict[str, Any]) -> Fetched:
        if self.ordering:
            return self.read_on(cursor)
        if cursor["chunk"] < 0:
            self.spool()
            return Fetched(records=[], cursor={"chunk": 0})
        chunk = SpoolChunk.objects.filter(execution=self.execution, generator=self.generator, number=cursor["chunk"])
        found = chunk.first()
        if found is None:  # the chunks stay until the run has ended: what was read last may not be committed yet
            return Fetched(records=[], cursor=None)
        return Fetched(records=unpack(found.data), cursor={"chunk": cursor["chunk"] + 1})

    def read_on(self, cursor: dict[str, Any]) -> Fetched:
        connection = self.connected()
        engine = sql_target(connection).engine
        quote = "`" if engine == "mysql" else '"'
        column = quote + self.ordering.replace(quote, quote * 2) + quote
        statement, values = self.bound(connection, engine)
        statement = f"SELECT * FROM ({statement}) AS junction_source"  # noqa: S608 - the query is the export's own
        if cursor["after"] is not None:
            statement, values = f"{statement} WHERE {column} > %s", [*values, cursor["after"]]
        statement = f"{statement} ORDER BY {column} LIMIT {ROWS_PER_READ}"
        with open_session(connection, context=self.context(connection)) as session:
            rows = list(session.query(statement, values))
        if not rows:
            return Fetched(records=[], cursor=None)
        last = compile_getter(self.ordering)(rows[-1])
        if last is MISSING or last is None:
            raise ValidationError(f"The query has no column {self.ordering!r}.", field="rdbms.orderingKey")
        return Fetched(records=rows, cursor={"after": last} if len(rows) == ROWS_PER_READ else None)

    def spool(self) -> None:
        connection = self.connected()
        statement, values = self.bound(connection, sql_target(connection).engine)
        SpoolChunk.objects.filter(execution=self.execution, generator=self.generator).delete()
        with open_session(connection, context=self.context(connection)) as session:
            rows = session.query(statement, values)
            number = 0
            while some := list(islice(rows, ROWS_PER_READ)):
                with transaction.atomic():
                    SpoolChunk.objects.create(
                        execution=self.execution, generator=self.generator, number=number, data=pack(some)
                    )
                number += 1

    def connected(self) -> OpenConnection:
        connection = self.open_connection()
        if connection.offline:
            raise OfflineError(connection)
        return connection

    def bound(self, connection: OpenConnection, engine: Any) -> tuple[str, list[Any]]:
        scope = {**self.surroundings.base(), "connection": connection.values}
        try:
            statement, values = compile_sql(self.query, dialect=sql_dialect(engine)).bind(scope, env=environment())
        except TemplateError as error:
            raise ValidationError(f"The query cannot be rendered: {error}", field="rdbms.query") from None
        return (statement if values else statement.replace("%%", "%")), list(values)

    def context(self, connection: OpenConnection) -> Any:
        return sending.send_context(connection, step=self.step, mode=self.mode, recorder=self.recorder)


class Unspooled:
    """A query without an ordering key, read anew for every page: a try keeps no rows of its own."""

    def __init__(self, inner: SqlSource) -> None:
        self.inner = inner

    def start(self) -> dict[str, Any]:
        return {"skip": 0}

    def fetch(self, cursor: dict[str, Any]) -> Fetched:
        connection, skip = self.inner.connected(), int(cursor["skip"])
        statement, values = self.inner.bound(connection, sql_target(connection).engine)
        with open_session(connection, context=self.inner.context(connection)) as session:
            rows = list(islice(session.query(statement, values), skip, skip + ROWS_PER_READ))
        return Fetched(records=rows, cursor={"skip": skip + len(rows)} if len(rows) == ROWS_PER_READ else None)
