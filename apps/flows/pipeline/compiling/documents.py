"""What is compiled: a run's documents, and what its parts need: connections, hooks, surroundings, dates."""

import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from apps.connections.access import OpenConnection, open_connection
from apps.connections.models import Connection
from apps.connections.tokens import ready
from apps.core.errors import DomainError, NotFoundError, ValidationError
from apps.core.gateway import Mode
from apps.core.ids import hex24, parse_id
from apps.engine.dates import format_moment
from apps.engine.errors import DocumentError
from apps.engine.paths import PathError
from apps.engine.tracing import compile_trace_key, default_trace_key, trace_key_at
from apps.executions.models import Execution
from apps.flows.pipeline.batch import generator_of
from apps.flows.pipeline.book import Book, load_book
from apps.flows.pipeline.lookups import OutsideLookups, compile_lookups
from apps.flows.pipeline.scopes import Surroundings, Text
from apps.flows.pipeline.scripts import Hook, find_hook

EPOCH = "1970-01-01T00:00:00+00:00"  # the first run of a delta export reads everything


class RunDocuments:
    """A run's snapshot. All documents in it are those of the run, however they are edited meanwhile."""

    def __init__(self, execution: Execution, snapshot: dict[str, Any]) -> None:
        self.execution, self.snapshot = execution, snapshot
        self.mode = Mode(execution.mode)
        self.book = load_book(snapshot) if snapshot.get("apply") else None
        self.uses: Counter[str] = Counter()
        self.connection_settings: dict[uuid.UUID, dict[str, Any]] = {}
        self.tenant = execution.organization_id.hex
        self.job = {
            "parentJob": {
                "_id": self.book.plan_id if self.book else hex24(execution.id),
                "type": execution.kind,
                "startedAt": iso_millis(read_from(execution, self.book)),
            }
        }

    def write_name(self, resource_id: str) -> str:
        """What a step's idempotency keys name it by: its import, and which use of it in the flow this is.

        Not its place in the flow: a retry must find the same name though the flow was edited meanwhile.
        """
        self.uses[resource_id] += 1
        nth = self.uses[resource_id]
        return resource_id if nth == 1 else f"{resource_id}.{nth}"

    def surroundings(self, document: dict[str, Any], *, kind: str, values: dict[str, Any]) -> Surroundings:
        """`values` are seen by their names, beside the record."""
        own = {"testMode": self.mode is not Mode.LIVE} if kind == "import" else {}
        return Surroundings(
            snapshot=self.snapshot,
            resource=document,
            kind=kind,
            job=self.job,
            run={**own, **values},
            connection_settings=self.settings_of_connection(document),
        )

    def settings_of_connection(self, document: dict[str, Any]) -> dict[str, Any]:
        connection_id = parse_id(document.get("_connectionId"))
        if connection_id is None:
            return {}
        if connection_id not in self.connection_settings:
            rows = Connection.objects.filter(pk=connection_id, organization_id=self.execution.organization_id)
            found = rows.values_list("document__settings", flat=True).first()
            self.connection_settings[connection_id] = found if isinstance(found, dict) else {}
        return self.connection_settings[connection_id]

    @cached_property
    def source_traces(self) -> list[Callable[[Any], str]]:
        return [trace_key_of_source(self.snapshot["exports"][g["_exportId"]]) for g in self.snapshot["generators"]]

    def trace_at_source(self, key: str, record: Any) -> str:
        """What a record is called on all its way, by its key; made of the record as it stands."""
        number = generator_of(key)
        known = 0 <= number < len(self.source_traces)
        return self.source_traces[number](record) if known else default_trace_key(record)

    def trace_of(self, document: dict[str, Any]) -> Callable[[str, Any], str]:
        """(a record's key, the record) to its trace key at a step: by the step's own template, else by its source."""
        if not document.get("traceKeyTemplate"):
            return self.trace_at_source
        own = trace_key_of(document)
        return lambda key, record: own(record)

    def opener(self, document: dict[str, Any]) -> Callable[[], OpenConnection]:
        connection_id = parse_id(document.get("_connectionId"))
        if connection_id is None:
            raise ValidationError(f"{document['name']!r} names no connection.", field="_connectionId")
        return Opener(connection_id=connection_id, organization_id=self.execution.organization_id)

    def hook(self, document: dict[str, Any], kind: str) -> Callable[[Any, str], Hook | None]:
        options = {
            "_flowId": self.snapshot["flow"]["_id"],
            "_integrationId": self.snapshot.get("integration"),
            "_connectionId": document.get("_connectionId"),
            f"_{kind}Id": document.get("_id"),
            "settings": self.surroundings(document, kind=kind, values={}).base()["settings"],
            "testMode": self.mode is not Mode.LIVE,
            "job": self.job,
        }
        return lambda reference, where: find_hook(
            reference, scripts=self.snapshot["scripts"], tenant=self.tenant, options=options, where=where
        )

    def lookups(
        self,
        documents: list[dict[str, Any]],
        *,
        where: str,
        texts: Any,
        step: str,
        headers: tuple[tuple[str, Text], ...] = (),
        always: bool = False,
    ) -> OutsideLookups | None:
        """None unless something of the document asks outside of it, or asks by a template."""
        found = compile_lookups(
            documents, organization_id=self.execution.organization_id, where=where, texts=texts, headers=headers,
            step=step, mode=self.mode,
        )  # fmt: skip
        return found if found and (always or found.is_asked) else None

    def dates(self, document: dict[str, Any]) -> dict[str, Any]:
        """lastExportDateTime and currentExportDateTime of a delta export, as its dateFormat writes them."""
        if document.get("type") != "delta":
            return {}
        delta, options = document.get("delta") or {}, self.snapshot["options"]
        given = options.get("startDate") or self.snapshot["marks"].get(document["_id"]) or delta.get("startDate")
        last = datetime.fromisoformat(str(given).replace("Z", "+00:00")) if given else datetime.fromisoformat(EPOCH)
        if given and not options.get("startDate"):
            last -= timedelta(milliseconds=int(delta.get("lagOffset") or 0))
        form = delta.get("dateFormat")
        shown = (lambda moment: format_moment(moment, form)) if form else iso_millis
        return {
            "lastExportDateTime": shown(last),
            "currentExportDateTime": shown(read_up_to(self.execution, self.snapshot)),
            "lastExportDateTimeUTC": iso_millis(last),
        }


def read_up_to(execution: Execution, snapshot: dict[str, Any]) -> datetime:
    """What a run's exports call currentExportDateTime: its start, unless an earlier end was asked for."""
    began = execution.started_at or execution.created_at
    if snapshot.get("readUpTo"):
        began = datetime.fromisoformat(snapshot["readUpTo"])
    wanted = snapshot["options"].get("endDate")
    return min(began, datetime.fromisoformat(wanted)) if wanted else began


def read_from(execution: Execution, book: Book | None) -> datetime:
    return datetime.fromisoformat(book.began) if book else execution.started_at or execution.created_at


class Opener:
    """Opens a connection, and remembers it for a moment: a row a request would cost more than many a request."""

    REMEMBERED_SECONDS = 0.5

    def __init__(self, *, connection_id: uuid.UUID, organization_id: uuid.UUID) -> None:
        self.connection_id, self.organization_id = connection_id, organization_id
        self.last: tuple[float, OpenConnection] | None = None

    def __call__(self) -> OpenConnection:
        last, now = self.last, time.monotonic()
        if last is not None and now - last[0] < self.REMEMBERED_SECONDS:
            return last[1]
        opened = ready(open_connection(connection_id=self.connection_id, organization_id=self.organization_id))
        self.last = None if opened.offline else (now, opened)
        return opened


def checked(compile: Callable[..., Any], *args: Any, **options: Any) -> Any:
    try:
        return compile(*args, **options)
    except DocumentError as error:
        raise ValidationError(error.reason, field=error.path) from None


def trace_key_of(document: dict[str, Any]) -> Callable[[Any], str]:
    trace = checked(compile_trace_key, document.get("traceKeyTemplate"))
    return lambda record: str(trace(record))


def trace_key_of_source(document: dict[str, Any]) -> Callable[[Any], str]:
    """Without a template by the id that its answers' records have, else by the usual names of ids."""
    path = ((document.get("http") or {}).get("response") or {}).get("resourceIdPath")
    if document.get("traceKeyTemplate") or not path or not isinstance(path, str):
        return trace_key_of(document)
    try:
        return trace_key_at(path)
    except PathError as error:
        raise ValidationError(error.reason, field="http.response.resourceIdPath") from None


def known_id(text: str) -> uuid.UUID:
    found = parse_id(text)
    if found is None:
        raise NotFoundError(f"{text} was not found.")
    return found


def unsupported(adaptor: str, document: dict[str, Any]) -> DomainError:
    return ValidationError(f"{document['name']!r}: {adaptor} is not supported by this deployment.", field="adaptorType")


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def iso_millis(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
