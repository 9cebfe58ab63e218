"""A lookup: one request a record, the same request once a page; its answer is what response mapping reads.

A lookup is a read. A record that the input filter refuses skips it and goes on unenriched.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.core.gateway import GatewayError, InvalidRequest, Mode, Request, Response, RetryLater
from apps.engine.context import RecordContext
from apps.engine.templates import TemplateError
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.runners.failing import failure_of, held_up, offline, postpone
from apps.flows.pipeline.scopes import lookup_scope
from apps.flows.pipeline.shaping import Keep, RecordFailedError
from apps.flows.pipeline.sources import Fetched
from apps.flows.pipeline.sources.http import HttpSource, SourceError
from apps.flows.pipeline.steps import Failure, Outcome, Turn

MAX_PAGES = 1000


@dataclass(frozen=True)
class LookupRunner:
    """`source` reads the export; `shape` is its transform and filter."""

    source: HttpSource
    open_connection: Callable[[], OpenConnection]
    keep: Keep | None
    shape: Any
    make_context: Callable[[], RecordContext]
    step: str
    mode: Mode
    effect: str = field(default="", init=False)

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        connection = self.open_connection()
        if connection.offline:
            return [offline(part, connection) for part in parts]
        return [self.look_up(part, connection, turn) for part in parts]

    def look_up(self, part: Part, connection: OpenConnection, turn: Turn) -> Outcome:
        outcome = Outcome()
        wanted: dict[tuple[Any, ...], list[int]] = {}
        requests: list[Request] = []
        base, context = self.source.surroundings.base(), self.make_context()
        for index, record in enumerate(part.records):
            try:
                if self.keep is not None and not self.keep(record, context):
                    outcome.ignored.add(index)
                    continue
                request = self.request(connection, base, record)
            except RecordFailedError as error:
                outcome.failures[index] = error.failure
                continue
            except (TemplateError, InvalidRequest) as error:
                outcome.failures[index] = Failure(source="lookup", code="invalid_request", message=str(error))
                continue
            key = (request.url, request.body, tuple(request.headers.items()))
            if key not in wanted:
                requests.append(request)
            wanted.setdefault(key, []).append(index)
        context_ = sending.send_context(connection, step=self.step, mode=self.mode, recorder=turn.recorder)
        answers = sending.send_many(connection, requests, concurrency=connection.concurrency, context=context_)
        for indexes, answer in zip(wanted.values(), answers, strict=True):
            if isinstance(answer, GatewayError) and held_up(outcome, indexes, answer, connection):
                continue
            result = self.result(connection, base, part.records[indexes[0]], answer, turn)
            for index in indexes:
                if isinstance(result, RetryLater):
                    postpone(outcome, index, result)
                elif isinstance(result, Failure):
                    outcome.failures[index] = result
                    outcome.responses[index] = {"data": [], "errors": [{"message": result.message}], "ignored": False}
                else:
                    outcome.responses[index] = result
        return outcome

    def request(self, connection: OpenConnection, base: dict[str, Any], record: Any) -> Request:
        return self.source.request_for(connection, self.source.start(), lookup_scope(base, record))

    def result(
        self, connection: OpenConnection, base: dict[str, Any], record: Any, answer: Response | GatewayError, turn: Turn
    ) -> "dict[str, Any] | Failure | RetryLater":
        if isinstance(answer, RetryLater):
            return answer
        if isinstance(answer, GatewayError):
            return failure_of(answer, source="lookup")
        try:
            fetched = self.source.read(self.source.start(), answer)
            records = fetched.records + self.rest(connection, base, record, fetched, turn)
            if self.shape is not None:
                records, failures = self.shape(records, turn.recorder)
                if failures:
                    return failures[0][1]
        except RetryLater as error:
            return error
        except (SourceError, GatewayError) as error:
            return failure_of(error, source="lookup")
        return {"data": records, "errors": [], "ignored": False, "statusCode": answer.status}

    def rest(
        self, connection: OpenConnection, base: dict[str, Any], record: Any, fetched: Fetched, turn: Turn
    ) -> list[Any]:
        """The further pages of one record's lookup."""
        records: list[Any] = []
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=turn.recorder)
        for _ in range(MAX_PAGES):
            if fetched.cursor is None:
                return records
            request = self.source.request_for(connection, fetched.cursor, lookup_scope(base, record))
            fetched = self.source.read(fetched.cursor, sending.send(connection, request, context=context))
            records += fetched.records
        raise SourceError(f"A lookup's answer has more than {MAX_PAGES} pages.")
