"""Records from a SQL query. With an ordering key it is read on from the last key; without, it is spooled whole first.

The surprise: a query cannot be read twice in the same order, so rows without an ordering key stand in our own database
before the first page is cut from them; a worker that vanishes while spooling costs a new start, never a lost row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from django.db import transaction

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.sql import open_session, sql_target
from apps.core.errors import ConflictError, ValidationError
from apps.core.gateway import Mode, Recorder
from apps.engine.paths import MISSING, compile_getter
from apps.engine.templates import TemplateError, compile_sql
from apps.executions.models import Execution, State
from apps.executions.payloads import pack, unpack
from apps.executions.services import CANCELED_CODE
from apps.flows.models import SpoolChunk
from apps.flows.pipeline.runners.sql_writing import sql_dialect
from apps.flows.pipeline.scopes import Surroundings, environment
from apps.flows.pipeline.sources import Fetched, OfflineError

ROWS_PER_READ = 2000
READ_BYTES = 16 * 1024 * 1024  # of texts, roughly: then a read ends, however few its rows
SPOOLED_BYTES = 1024**3  # packed: it is our own database that they stand in


def some_of(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    found, held = [], 0
    for row in rows:
        found.append(row)
        held += weight([row])
        if len(found) == ROWS_PER_READ or held > READ_BYTES:
            break
    return found


def weight(rows: Sequence[Mapping[str, Any]]) -> int:
    """About how much memory the texts of rows take; other values are small."""
    return sum(len(value) for row in rows for value in row.values() if type(value) is str)


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
        with (
            open_session(connection, context=self.context(connection)) as session,
            closing(session.query(statement, values)) as found,
        ):
            rows = some_of(found)
        if not rows:
            return Fetched(records=[], cursor=None)
        last = compile_getter(self.ordering)(rows[-1])
        if last is MISSING or last is None:
            raise ValidationError(f"The query has no column {self.ordering!r}.", field="rdbms.orderingKey")
        is_cut = len(rows) == ROWS_PER_READ or weight(rows) > READ_BYTES
        return Fetched(records=rows, cursor={"after": last} if is_cut else None)

    def spool(self) -> None:
        connection = self.connected()
        statement, values = self.bound(connection, sql_target(connection).engine)
        SpoolChunk.objects.filter(execution=self.execution, generator=self.generator).delete()
        with (
            open_session(connection, context=self.context(connection)) as session,
            closing(session.query(statement, values)) as rows,
        ):
            number = spooled = 0
            while some := some_of(rows):
                data = pack(some)
                spooled += len(data)
                if spooled > SPOOLED_BYTES:
                    raise ValidationError(
                        f"The query gives more than {SPOOLED_BYTES} bytes. Give rdbms.orderingKey, a column that grows "
                        "and never repeats: then it is read in parts.",
                        field="rdbms.query",
                    )
                with transaction.atomic():
                    SpoolChunk.objects.create(
                        execution=self.execution, generator=self.generator, number=number, data=data
                    )
                number += 1
                self.refuse_canceled()

    def refuse_canceled(self) -> None:
        """A query may give rows for long, and whoever cancels its run means it."""
        if Execution.objects.filter(pk=self.execution.pk, state=State.CANCELING).exists():
            raise ConflictError("The run was canceled.", code=CANCELED_CODE)

    def connected(self) -> OpenConnection:
        connection = self.open_connection()
        if connection.offline:
            raise OfflineError(connection)
        return connection

    def bound(self, connection: OpenConnection, engine: Any) -> tuple[str, list[Any]]:
        scope = self.surroundings.base(connection.values)
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
