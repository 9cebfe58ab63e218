"""Exports of type once: a record that is through is marked at its source, so that the next run does not read it again.

Marking is a write that may come twice: whoever marks a page and vanishes leaves it to be marked again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.http import make_request
from apps.connections.sql import open_session, sql_target
from apps.core.gateway import GatewayError, InvalidRequest, Mode, Recorder, Request, RetryLater
from apps.core.gateway.sql import Session
from apps.engine.mapping.convert import to_boolean
from apps.engine.paths import MISSING, Getter
from apps.engine.templates import TemplateError, compile_sql
from apps.flows.pipeline.batch import idempotency_key
from apps.flows.pipeline.capturing import Unit, http_parts, plan_recorder
from apps.flows.pipeline.runners.failing import failure_of
from apps.flows.pipeline.runners.sql_writing import sql_dialect
from apps.flows.pipeline.scopes import Surroundings, Text, environment, lookup_scope
from apps.flows.pipeline.sources import OfflineError
from apps.flows.pipeline.steps import Failure

SOURCE = "once"


def unread(records: list[Any], is_read: Getter) -> list[Any]:
    """Those whose flag is not set: a source that was asked for all gives the others too."""
    return [record for record in records if not is_set(is_read(record))]


def is_set(value: Any) -> bool:
    try:
        return value is not MISSING and to_boolean(value)
    except ValueError:
        return False


@dataclass(frozen=True)
class OnceRunner:
    """`http` is one request a record; else `statement` is run for each."""

    http: Mapping[str, Any]
    statement: str
    open_connection: Callable[[], OpenConnection]
    surroundings: Surroundings
    step: str
    mode: Mode

    def mark(self, records: list[Any], keys: list[str], recorder: Recorder) -> dict[int, Failure]:
        """What could not be marked. Raises RetryLater, OfflineError when the source is to be asked again."""
        connection = self.open_connection()
        if connection.offline:
            raise OfflineError(connection)
        base = self.surroundings.base(connection.values)
        if self.statement:
            return self.execute_all(connection, base, records, recorder)
        return self.send_all(connection, base, records, keys, recorder)

    def send_all(
        self, connection: OpenConnection, base: dict[str, Any], records: list[Any], keys: list[str], recorder: Recorder
    ) -> dict[int, Failure]:
        failures: dict[int, Failure] = {}
        requests: dict[int, Request] = {}
        uri, body = Text(self.http.get("relativeURI"), place="url"), Text(self.http.get("body"), place="json")
        capture = plan_recorder(recorder)
        env, method = environment(), str(self.http.get("method") or "PUT").upper()
        for index, record in enumerate(records):
            scope = lookup_scope(base, record)
            try:
                parts: dict[str, Any] = {
                    "method": method, "relative_uri": uri.render(scope, env), "effect": "write", "write_kind": "key",
                    "body": body.render(scope, env).encode(),
                }  # fmt: skip
                key = idempotency_key(keys[index], self.step)
                requests[index] = make_request(connection, idempotency_key=key, **parts)
                if capture is not None:
                    capture.note(Unit(step=self.step, key=key, keys=[keys[index]], http=http_parts(**parts)))
            except (TemplateError, InvalidRequest) as error:
                failures[index] = Failure(source=SOURCE, code="invalid_request", message=str(error))
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=recorder)
        together = connection.concurrency
        answers = sending.send_many(connection, list(requests.values()), concurrency=together, context=context)
        for index, answer in zip(requests, answers, strict=True):
            if isinstance(answer, RetryLater):
                raise answer
            if isinstance(answer, GatewayError):
                failures[index] = failure_of(answer, source=SOURCE)
            elif not answer.ok:
                shown = answer.body[:200].decode("utf-8", "replace")
                message = f"The source answered {answer.status} to being told that this record was read: {shown}"
                failures[index] = Failure(source=SOURCE, code=str(answer.status), message=message)
        return failures

    def execute_all(
        self, connection: OpenConnection, base: dict[str, Any], records: list[Any], recorder: Recorder
    ) -> dict[int, Failure]:
        """A transaction a record: one that cannot be marked leaves the others marked."""
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=recorder)
        dialect, failures = sql_dialect(sql_target(connection).engine), {}
        try:
            with open_session(connection, context=context) as session:
                for index, record in enumerate(records):
                    failure = self.execute(session, dialect, lookup_scope(base, record))
                    if failure is not None:
                        failures[index] = failure
        except RetryLater:
            raise
        except GatewayError as error:
            return {index: failure_of(error, source=SOURCE) for index in range(len(records))}
        return failures

    def execute(self, session: Session, dialect: Any, scope: dict[str, Any]) -> Failure | None:
        try:
            text, values = compile_sql(self.statement, dialect=dialect).bind(scope, env=environment())
            with session.transaction():
                session.execute(text if values else text.replace("%%", "%"), values)
        except (TemplateError, InvalidRequest) as error:
            return Failure(source=SOURCE, code="invalid_request", message=str(error))
        except RetryLater:
            raise
        except GatewayError as error:
            if session.broken:
                raise
            return failure_of(error, source=SOURCE)
        return None
