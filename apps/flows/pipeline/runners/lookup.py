"""A lookup: one question a record, the same question once a page; its answer is what response mapping reads.

A lookup is a read. A record that the input filter refuses skips it and goes on unenriched.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.core.errors import DomainError
from apps.core.gateway import GatewayError, InvalidRequest, Mode, Request, Response, RetryLater
from apps.engine.context import RecordContext
from apps.engine.errors import MappingError
from apps.engine.mapping import Mapper
from apps.engine.records import group_records
from apps.engine.templates import TemplateError
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.lookups import LookupDelayedError, OutsideLookups
from apps.flows.pipeline.runners.failing import failure_of, held_up, offline, postpone
from apps.flows.pipeline.scopes import Text, address_of, asking_scope
from apps.flows.pipeline.scripts import SavedPage
from apps.flows.pipeline.shaping import Keep, RecordFailedError
from apps.flows.pipeline.sources import Fetched
from apps.flows.pipeline.sources.http import HttpSource, SourceError
from apps.flows.pipeline.steps import Failure, Outcome, Turn

MAX_PAGES = 1000


@dataclass(frozen=True)
class LookupForm:
    """What lookups of all kinds do alike. `shape` is the export's transform and filter, `save_page` its preSavePage."""

    keep: Keep | None
    shape: Any
    make_context: Callable[[], RecordContext]
    group_by: Sequence[str] = ()
    group_empty: bool = False
    save_page: Callable[[list[Any], int], SavedPage] | None = None
    data_uri: Text | None = None

    def asks(self, record: Any, context: RecordContext, outcome: Outcome, index: int) -> bool:
        """Whether this record asks at all."""
        try:
            if self.keep is None or self.keep(record, context):
                return True
            outcome.ignored.add(index)
        except RecordFailedError as error:
            outcome.failures[index] = error.failure
        return False

    def answer(self, records: list[Any], turn: Turn, *, status: int = 200) -> "dict[str, Any] | Failure":
        """What was found, as response mapping reads it. Raises RetryLater."""
        if self.shape is not None:
            records, failures = self.shape(records, turn.recorder)
            if failures:
                return failures[0][1]
        if self.group_by:
            records = group_records(records, list(self.group_by), group_empty=self.group_empty)
        if self.save_page is not None:
            try:
                records, failures, _ = self.save_page(records, 0)
            except DomainError as error:
                return failure_of(error, source="pre_save_page_hook")
            if failures:
                return failures[0][1]
        return {"data": records, "errors": [], "ignored": False, "statusCode": status}

    def settle(
        self, outcome: Outcome, part: Part, indexes: Sequence[int], result: "dict[str, Any] | Failure | RetryLater"
    ) -> None:
        for index in indexes:
            if isinstance(result, RetryLater):
                postpone(outcome, index, result)
            elif isinstance(result, Failure):
                outcome.failures[index] = result
                outcome.responses[index] = {"data": [], "errors": [{"message": result.message}], "ignored": False}
            else:
                outcome.responses[index] = self.addressed(result, part.records[index])

    def addressed(self, result: dict[str, Any], record: Any) -> dict[str, Any]:
        """With the address of the record in a person's browser, where the export says how that is made."""
        return result if self.data_uri is None else {**result, "dataURI": address_of(self.data_uri, record)}


@dataclass(frozen=True, slots=True)
class Asking:
    """What is the same for all records of a turn; `base` is the scope without a record."""

    connection: OpenConnection
    base: dict[str, Any]
    turn: Turn


@dataclass(frozen=True)
class LookupRunner:
    """`source` reads the export. `mapper` makes the body of its request, where there is one."""

    source: HttpSource
    form: LookupForm
    open_connection: Callable[[], OpenConnection]
    step: str
    mode: Mode
    mapper: Mapper | None = None
    lookups: OutsideLookups | None = None  # the mapper's
    effect: str = field(default="", init=False)

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        connection = self.open_connection()
        if connection.offline:
            return [offline(part, connection) for part in parts]
        return [self.look_up(part, connection, turn) for part in parts]

    def look_up(self, part: Part, connection: OpenConnection, turn: Turn) -> Outcome:
        outcome = Outcome()
        wanted: dict[Hashable, list[int]] = {}
        requests: list[Request] = []
        ask = Asking(connection, self.source.surroundings.base(connection.values), turn)
        context = self.form.make_context()
        asking = [i for i, record in enumerate(part.records) if self.form.asks(record, context, outcome, i)]
        bodies = self.bodies(part, asking, ask, outcome)
        maker, alike = None, None
        for index in asking:
            if index in outcome.failures or index in outcome.later:
                continue
            if alike is not None:
                alike.append(index)
                continue
            try:
                maker = maker or self.source.maker(connection, self.source.start())
                request = maker.make(asking_scope(ask.base, part.records[index]), body=bodies.get(index))
            except (TemplateError, InvalidRequest) as error:
                outcome.failures[index] = Failure(source="lookup", code="invalid_request", message=str(error))
                continue
            key = (request.url, request.body, tuple(request.headers.items()))
            if key not in wanted:
                requests.append(request)
            wanted.setdefault(key, []).append(index)
            if maker.is_fixed and self.mapper is None:  # no record makes it another
                alike = wanted[key]
        context_ = sending.send_context(connection, step=self.step, mode=self.mode, recorder=turn.recorder)
        answers = sending.send_many(connection, requests, concurrency=connection.concurrency, context=context_)
        for indexes, answer in zip(wanted.values(), answers, strict=True):
            if isinstance(answer, GatewayError) and held_up(outcome, indexes, answer, connection):
                continue
            result = self.result(ask, part.records[indexes[0]], answer, bodies.get(indexes[0]))
            self.form.settle(outcome, part, indexes, result)
        return outcome

    def bodies(self, part: Part, indexes: list[int], ask: Asking, outcome: Outcome) -> dict[int, Any]:
        """The mapped records, by their place; the rest of the request sees them as they were."""
        if self.mapper is None or not indexes:
            return {}
        mapper, records = self.mapper, [part.records[i] for i in indexes]
        context = replace(self.form.make_context(), scope=ask.base)
        if self.lookups is None:
            mapped = mapper.map_page(records, context)
        else:
            desk = self.lookups.desk(ask.connection, context.scope, ask.turn.recorder)
            context = replace(context, lookup=desk, env=replace(context.env, lookups=desk.by_key))
            mapped = desk.resolve(lambda: mapper.map_page(records, context))
        found: dict[int, Any] = {}
        for index, value in zip(indexes, mapped, strict=True):
            if not isinstance(value, MappingError):
                found[index] = value
            elif isinstance(value, LookupDelayedError) and isinstance(value.cause, RetryLater):
                postpone(outcome, index, value.cause)
            elif not (isinstance(value, LookupDelayedError) and held_up(outcome, [index], value.cause, ask.connection)):
                outcome.failures[index] = Failure(source="mapping", code="mapping_failed", message=str(value))
        return found

    def result(
        self, ask: Asking, record: Any, answer: Response | GatewayError, body: Any
    ) -> "dict[str, Any] | Failure | RetryLater":
        if isinstance(answer, RetryLater):
            return answer
        if isinstance(answer, GatewayError):
            return failure_of(answer, source="lookup")
        try:
            fetched = self.source.read(self.source.start(), answer)
            records = fetched.records + self.rest(ask, record, fetched, body)
            return self.form.answer(records, ask.turn, status=answer.status)
        except RetryLater as error:
            return error
        except (SourceError, GatewayError) as error:
            return failure_of(error, source="lookup")

    def rest(self, ask: Asking, record: Any, fetched: Fetched, body: Any) -> list[Any]:
        """The further pages of one record's lookup."""
        records: list[Any] = []
        context = sending.send_context(ask.connection, step=self.step, mode=self.mode, recorder=ask.turn.recorder)
        for _ in range(MAX_PAGES):
            if fetched.cursor is None:
                return records
            maker = self.source.maker(ask.connection, fetched.cursor)
            request = maker.make(asking_scope(ask.base, record), body=body)
            fetched = self.source.read(fetched.cursor, sending.send(ask.connection, request, context=context))
            records += fetched.records
        raise SourceError(f"A lookup's answer has more than {MAX_PAGES} pages.")
