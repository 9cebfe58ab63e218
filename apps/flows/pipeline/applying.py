"""Applies a plan: the run's own steps and protocol, but what they send is what the plan has kept, byte for byte.

A record that waits for an answer which the plan did not know is sent by its steps as they are, but only to the writes
that the plan has shown for it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.documents import RdbmsDocument
from apps.connections.files import open_files
from apps.connections.http import make_request
from apps.connections.sql import open_session
from apps.core.clock import now
from apps.core.gateway import BadResponse, Disconnected, FileMissing, GatewayError, InvalidRequest, Recorder
from apps.core.gateway.sql import Session, ledgered
from apps.flows.pipeline.batch import Part, idempotency_key
from apps.flows.pipeline.book import Book, ancestry
from apps.flows.pipeline.capturing import Unit, from_http_parts, restored
from apps.flows.pipeline.plans import END
from apps.flows.pipeline.runners.failing import held_up, offline
from apps.flows.pipeline.runners.file_import import FileImportRunner
from apps.flows.pipeline.runners.http_import import Group, HttpImportRunner
from apps.flows.pipeline.runners.locked import add
from apps.flows.pipeline.runners.mapping import Mapped
from apps.flows.pipeline.runners.sql_import import (
    AlreadyInError,
    SqlImportRunner,
    come_back,
    refuse,
    spoiled_by_a_record,
)
from apps.flows.pipeline.sources.places import place_of
from apps.flows.pipeline.steps import Failure, Outcome, Turn

AGAIN = timedelta(seconds=0.2)


@dataclass(frozen=True)
class ApplyingRunner:
    """In the place of an import: sends what was planned for its records, and judges the answers as the import does."""

    inner: Any
    book: Book
    step: str
    position: int

    @property
    def effect(self) -> str:
        found: str = self.inner.effect
        return found

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        connection = self.inner.open_connection()
        if connection.offline:
            return [offline(part, connection) for part in parts]
        self.book.check(connection)
        planned = self.book.unit_of(self.step)
        return [self.run_part(part, connection, planned, turn) for part in parts]

    def run_part(self, part: Part, connection: OpenConnection, planned: dict[str, Unit], turn: Turn) -> Outcome:
        outcome = Outcome()
        live: list[int] = []
        sent: list[int] = []
        fates = self.book.fates.get(self.step, {})
        for index, key in enumerate(part.keys):
            if self.is_early(part, key):
                outcome.later.add(index)
                outcome.until, outcome.reason = now() + AGAIN, "the record it was copied from is on its way"
            elif self.book.is_live(key, self.position):
                if self.book.knows(key, self.position):
                    live.append(index)
                else:
                    outcome.failures[index] = not_planned("The plan shows no request of this record here.")
            elif key in planned:
                sent.append(index)
            elif key in fates:
                if fates[key] is None:
                    outcome.ignored.add(index)
                else:
                    outcome.failures[index] = Failure(**fates[key])
            elif not self.book.knows(key, self.position):  # else there was nothing to send of it
                outcome.failures[index] = not_planned("The plan does not know this record here.")
        if live:
            add(outcome, self.inner.run([some_of(part, live)], turn)[0], live)
        if sent:
            add(outcome, self.send(some_of(part, sent), planned, connection, turn), sent)
        return outcome

    def is_early(self, part: Part, key: str) -> bool:
        """Whether what this was copied from has not come to the router yet."""
        *above, name = ancestry(key)
        born = self.book.copies.get(name, -1)
        at = dict(zip(part.batch.keys, part.batch.at, strict=True)) if above else {}
        return any(0 <= at.get(other, END) < born for other in above)

    def send(self, part: Part, planned: dict[str, Unit], connection: OpenConnection, turn: Turn) -> Outcome:
        outcome = Outcome()
        whole: list[tuple[Unit, list[int]]] = []
        places = {key: index for index, key in enumerate(part.keys)}
        for unit in {planned[key].key: planned[key] for key in part.keys}.values():
            indexes = [places[key] for key in unit.keys if key in places]
            if len(indexes) < len(unit.keys):
                why = "It was planned in one request with a record that has failed before: nothing of it was sent."
                outcome.failures.update(dict.fromkeys(indexes, not_planned(why)))
            else:
                whole.append((unit, indexes))
        if whole:
            turn.check()
            how = Sending(self.inner, self.step, part, whole, outcome, connection, turn)
            if isinstance(self.inner, HttpImportRunner):
                how.by_http(self.inner)
            elif isinstance(self.inner, SqlImportRunner):
                how.by_sql(self.inner)
            else:
                how.by_files(self.inner)
        return outcome


@dataclass(frozen=True)
class Sending:
    """The units of one part on their way; `outcome` is written to."""

    inner: Any
    step: str
    part: Part
    whole: list[tuple[Unit, list[int]]]
    outcome: Outcome
    connection: OpenConnection
    turn: Turn

    @property
    def everyone(self) -> list[int]:
        return [index for _, indexes in self.whole for index in indexes]

    @property
    def context(self) -> sending.SendContext:
        return sending.send_context(self.connection, step=self.step, mode=self.inner.mode, recorder=self.turn.recorder)

    def by_http(self, inner: HttpImportRunner) -> None:
        groups: list[Group] = []
        seen: dict[int, Any] = {}
        for unit, indexes in self.whole:
            try:
                request = make_request(self.connection, idempotency_key=unit.key, **from_http_parts(unit.http or {}))
            except InvalidRequest as error:
                failure = Failure(source="application", code="invalid_request", message=str(error))
                self.outcome.failures.update(dict.fromkeys(indexes, failure))
                continue
            seen.update(zip(indexes, unit.mapped or [], strict=False))
            form = inner.forms["update" if unit.operation == "update" else "create"]
            groups.append(Group(form=form, indexes=indexes, request=request))
        requests, together = [group.request for group in groups], self.connection.concurrency
        answers = sending.send_many(self.connection, requests, concurrency=together, context=self.context)
        for group, answer in zip(groups, answers, strict=True):
            inner.judge(group, answer, self.outcome, self.connection)
        records = [seen.get(index, record) for index, record in enumerate(self.part.records)]
        inner.mapping.after_submit(Mapped(records, self.part.records, None, self.outcome))

    def by_sql(self, inner: SqlImportRunner) -> None:
        """Records with statements of their own are one transaction where they can be, and else go one by one."""
        alone = inner.bulk is None and inner.query_type == "per_record" and len(self.whole) > 1
        try:
            with open_session(self.connection, context=self.context) as session:
                if not alone or not self.together(inner, session):
                    for unit, indexes in self.whole:
                        self.one_unit(session, unit, indexes)
        except GatewayError as error:  # no session: nothing was written that its key will not tell
            left = [i for i in self.everyone if i not in self.outcome.failures and i not in self.outcome.later]
            if not held_up(self.outcome, left, error, self.connection):
                refuse(self.outcome, left, error)
        inner.respond(Mapped(self.part.records, self.part.records, None, self.outcome))

    def together(self, inner: SqlImportRunner, session: Session) -> bool:
        """False where a record spoils it for the others, or some of them are in already."""
        keys = [key for unit, _ in self.whole for key in unit.keys]

        def write(opened: Session) -> None:
            if self.part.batch.claim.fence > 1:
                inner.look_for_earlier(opened, keys)
            for unit, _ in self.whole:
                repeat_all(opened, unit)

        try:
            ledgered(session, idempotency_key(" ".join(keys), inner.write_name), write)
        except AlreadyInError:
            return False
        except Disconnected as error:
            come_back(self.part, self.outcome, self.everyone, error)
        except GatewayError as error:
            if not session.broken and spoiled_by_a_record(error):
                return False
            refuse(self.outcome, self.everyone, error)
        return True

    def one_unit(self, session: Session, unit: Unit, indexes: list[int]) -> None:
        try:
            ledgered(session, unit.key, lambda opened: repeat_all(opened, unit))
        except Disconnected as error:
            come_back(self.part, self.outcome, indexes, error)
        except GatewayError as error:
            refuse(self.outcome, indexes, error)

    def by_files(self, inner: FileImportRunner) -> None:
        for unit, indexes in self.whole:
            try:
                inner.repeat([restored(one) for one in unit.wholes], self.connection, self.turn.recorder)
            except GatewayError as error:
                if not held_up(self.outcome, indexes, error, self.connection):
                    refuse(self.outcome, indexes, error)


def some_of(part: Part, indexes: list[int]) -> Part:
    return Part(
        part.batch,
        [part.places[i] for i in indexes],
        [part.records[i] for i in indexes],
        [part.keys[i] for i in indexes],
    )


def repeat_all(session: Session, unit: Unit) -> None:
    for one in unit.wholes:
        session.repeat(one)


def not_planned(message: str) -> Failure:
    return Failure(source="application", code="not_in_plan", message=message)


def repeat_at_source(connection: OpenConnection, unit: Unit, export: dict[str, Any], recorder: Recorder) -> None:
    """Raises GatewayError."""
    context = sending.send_context(connection, step=unit.step, recorder=recorder)
    if unit.http is not None:
        request = make_request(connection, idempotency_key=unit.key, **from_http_parts(unit.http))
        answer = sending.send(connection, request, context=context)
        if not answer.ok:
            shown = answer.body[:200].decode("utf-8", "replace")
            raise BadResponse(f"The source answered {answer.status} to being told that a record was read: {shown}")
    elif isinstance(connection.document, RdbmsDocument):
        with open_session(connection, context=context) as session:
            for whole in unit.wholes:
                with session.transaction():
                    session.repeat(whole)
    else:
        with open_files(connection, context=context, region=place_of(export).region) as files, suppress(FileMissing):
            for whole in unit.wholes:
                files.repeat(restored(whole))
