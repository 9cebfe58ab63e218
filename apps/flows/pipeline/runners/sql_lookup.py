"""A lookup by a SQL query: its values are bound, record by record; an equal question is asked once a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.sql import open_session, sql_target
from apps.core.gateway import GatewayError, InvalidRequest, Mode, RetryLater
from apps.core.gateway.sql import Session
from apps.engine.templates import TemplateError, compile_sql
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.runners.failing import failure_of, held_up, offline
from apps.flows.pipeline.runners.lookup import LookupForm
from apps.flows.pipeline.runners.sql_writing import sql_dialect
from apps.flows.pipeline.scopes import Surroundings, environment, lookup_scope
from apps.flows.pipeline.steps import Failure, Outcome, Turn

MOST_ROWS = 10_000  # of one record's answer: it is held in the record
Question = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class SqlLookupRunner:
    statement: str
    form: LookupForm
    surroundings: Surroundings
    open_connection: Callable[[], OpenConnection]
    step: str
    mode: Mode
    effect: str = field(default="", init=False)

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        connection = self.open_connection()
        if connection.offline:
            return [offline(part, connection) for part in parts]
        return [self.look_up(part, connection, turn) for part in parts]

    def look_up(self, part: Part, connection: OpenConnection, turn: Turn) -> Outcome:
        outcome, context = Outcome(), self.form.make_context()
        base = self.surroundings.base(connection.values)
        compiled = compile_sql(self.statement, dialect=sql_dialect(sql_target(connection).engine))
        wanted: dict[str, tuple[Question, list[int]]] = {}
        for index, record in enumerate(part.records):
            if not self.form.asks(record, context, outcome, index):
                continue
            try:
                text, values = compiled.bind(lookup_scope(base, record), env=environment())
            except (TemplateError, InvalidRequest) as error:
                outcome.failures[index] = Failure(source="lookup", code="invalid_request", message=str(error))
                continue
            statement = text if values else text.replace("%%", "%")
            question: Question = (statement, tuple(values))
            wanted.setdefault(repr(question), (question, []))[1].append(index)
        if wanted:
            self.ask_all(part, connection, list(wanted.values()), outcome, turn)
        return outcome

    def ask_all(
        self,
        part: Part,
        connection: OpenConnection,
        wanted: list[tuple[Question, list[int]]],
        outcome: Outcome,
        turn: Turn,
    ) -> None:
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=turn.recorder)
        left = list(wanted)
        try:
            with open_session(connection, context=context) as session:
                while left:
                    question, indexes = left[0]
                    result = self.ask(session, question, turn)
                    self.form.settle(outcome, part, indexes, result)
                    left.pop(0)
        except GatewayError as error:  # no session, or none any more: whoever was not answered yet
            for _, indexes in left:
                if not held_up(outcome, indexes, error, connection):
                    result = error if isinstance(error, RetryLater) else failure_of(error, source="lookup")
                    self.form.settle(outcome, part, indexes, result)

    def ask(self, session: Session, question: Question, turn: Turn) -> "dict[str, Any] | Failure | RetryLater":
        try:
            rows = list(islice(session.query(*question), MOST_ROWS + 1))
            if len(rows) > MOST_ROWS:
                message = f"A lookup may find {MOST_ROWS} rows a record at most."
                return Failure(source="lookup", code="too_large", message=message)
            return self.form.answer(rows, turn)
        except RetryLater as error:
            return error
        except GatewayError as error:
            if session.broken:
                raise
            return failure_of(error, source="lookup")
