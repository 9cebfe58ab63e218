"""Reading a source outside of a run: a preview with its stages, one page, page by page, or all of a small one.

The surprise: nobody remembers how far a reader has come but the reader: where to go on is sealed into
`pagedExportState`, which only the same export of the same organization opens again.
"""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import orjson

from apps.connections import marks
from apps.core import vault
from apps.core.actors import Actor
from apps.core.errors import DomainError, UnavailableError, ValidationError
from apps.core.gateway import Exchange, GatewayError, MemoryRecorder
from apps.flows.pipeline.compiling import exports as compiling
from apps.flows.pipeline.compiling.steps import address_of_source
from apps.flows.pipeline.generators import GeneratorPlan, Progress, cut_short, generate
from apps.flows.pipeline.sources import Fetched, OfflineError
from apps.flows.pipeline.sources.sql import SqlSource, Unspooled
from apps.flows.trying.documents import run_of

PURPOSE = "paged export"
STATE_SECONDS = 3600
MOST_BYTES = 5_000_000
MOST_SECONDS = 25.0
MOST_PREVIEWED = 100


@dataclass(frozen=True)
class Reader:
    """One export that is tried. `identity` is what a state is sealed to."""

    plan: GeneratorPlan
    recorder: MemoryRecorder
    identity: str


def open_reader(*, actor: Actor, document: dict[str, Any]) -> Reader:
    """Raises ValidationErrors. Nothing at the source is deleted, moved or marked."""
    document = deepcopy(document)
    if isinstance(document.get("file"), dict):
        document["file"]["skipDelete"] = True
    run, recorder = run_of(actor=actor, document=document, kind="export"), MemoryRecorder()
    plan = compiling.generator(run, 0, {"_exportId": document["_id"]}, recorder)
    if isinstance(plan.source, SqlSource) and not plan.source.ordering:
        plan = replace(plan, source=Unspooled(plan.source))
    shown = {name: document.get(name) for name in ("_connectionId", "http", "rdbms", "file", "pageSize")}
    return Reader(plan, recorder, f"{actor.organization_id.hex} {orjson.dumps(shown).decode()}")


def first_page(*, actor: Actor, document: dict[str, Any]) -> list[Any]:
    made = asked(lambda: read_page(open_reader(actor=actor, document=document), Progress(), 0))
    return made[0]


def next_page(*, actor: Actor, document: dict[str, Any], state: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """(records, the state to come back with). Raises ValidationError for a state of another export, or an old one."""
    reader = open_reader(actor=actor, document=document)
    at = open_state(state, reader.identity) if state.get("sig") else {}
    if at.get("done"):
        raise ValidationError("This export has been read to its end.", field="pagedExportState", code="export_done")
    before = Progress(**at.get("progress", {}))
    records, after, index = asked(lambda: read_page(reader, before, int(at.get("index", 0))))
    number, total = int(at.get("pageIndex", 0)), int(at.get("totalRecords", 0)) + len(records)
    done = index == 0 and after.done
    issued = int(time.time() * 1000)
    following = {
        "progress": after.as_json(), "index": index, "pageIndex": number + 1, "totalRecords": total, "done": done,
        "issuedAt": issued,
    }  # fmt: skip
    sealed = vault.encrypt_json(following, purpose=PURPOSE, row=reader.identity)
    shown = {"pageIndex": number, "pageSize": len(records), "done": done, "issuedAt": issued, "sig": sealed.hex()}
    if done:  # a source's end is known when it is met
        shown |= {"totalPages": number + 1, "totalRecords": total}
    return records, shown


def read_page(reader: Reader, progress: Progress, index: int) -> tuple[list[Any], Progress, int]:
    """(the records of page `index` of what is read next, where the page after it begins).

    One answer may make several pages: it is asked for again for each of them, so that a state stays small.
    """
    while True:
        before = Progress(**progress.as_json())
        made = generate(reader.plan, progress, room=1, seconds=0.0)
        if index + 1 < len(made.pages):
            return made.pages[index], before, index + 1
        if index < len(made.pages) or progress.done:
            return (made.pages[index] if index < len(made.pages) else []), progress, 0
        index = 0


def open_state(state: dict[str, Any], identity: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = vault.decrypt_json(bytes.fromhex(str(state["sig"])), purpose=PURPOSE, row=identity)
    except (ValueError, vault.VaultError):
        raise ValidationError("This state is not of this export.", field="pagedExportState.sig") from None
    if time.time() * 1000 - float(found["issuedAt"]) > STATE_SECONDS * 1000:
        raise ValidationError("This state is too old: begin anew.", field="pagedExportState.issuedAt")
    return found


def all_records(*, actor: Actor, document: dict[str, Any]) -> list[Any]:
    """Everything, of a source that is small enough for one answer. Raises ValidationError for a larger one."""
    reader, progress = open_reader(actor=actor, document=document), Progress()
    records: list[Any] = []
    size, ends = 0, time.monotonic() + MOST_SECONDS
    while not progress.done:
        made = asked(lambda: generate(reader.plan, progress, room=10))
        for page in made.pages:
            records += page
            size += len(orjson.dumps(page))
        if size > MOST_BYTES or time.monotonic() > ends:
            raise ValidationError(
                f"This export gives more than {MOST_BYTES // 1_000_000} MB, or takes longer than {MOST_SECONDS:.0f}"
                " seconds: read it page by page, or run it in a flow.",
                code="too_large",
            )
    return records


def preview(*, actor: Actor, document: dict[str, Any]) -> dict[str, Any]:
    """What the first answer of the source gives, and by which stages it came to be."""
    reader = open_reader(actor=actor, document=document)
    raw: list[Any] = []
    limit = reader.plan.limit or MOST_PREVIEWED
    plan = replace(reader.plan, source=Seen(reader.plan.source, raw), limit=limit)
    failures: list[dict[str, Any]] = []
    data: list[Any] = []
    try:
        progress = Progress()
        made = asked(lambda: generate(plan, progress, room=1, seconds=0.0))
        rest = asked(lambda: cut_short(plan, progress))
        data = [record for page in made.pages + rest.pages for record in page][:limit]
        failures = [
            {"source": f.source, "code": f.code, "message": f.message} for _, f in made.failures + rest.failures
        ]
    except UnavailableError:
        raise
    except DomainError as error:
        if not reader.recorder.exchanges:
            raise
        failures = [{"source": "application", "code": error.code, "message": error.message}]
    stages = [
        {"name": "request", "data": [request_of(exchange) for exchange in reader.recorder.exchanges]},
        {"name": "raw", "data": [answer_of(exchange) for exchange in reader.recorder.exchanges]},
        {"name": "parse", "data": raw[:limit]},
        {"name": "output", "data": data, "errors": failures},
    ]
    return {"data": data, "dataURIs": data_uris(document, data), "stages": stages}


def data_uris(document: dict[str, Any], records: list[Any]) -> list[str | None]:
    """Where a person finds each record at its source, by the export's dataURITemplate."""
    make = address_of_source(document)
    return [(make(record) or None) if make else None for record in records]


class Seen:
    """A source whose records are looked at on their way, before anything shapes them."""

    def __init__(self, inner: Any, seen: list[Any]) -> None:
        self.inner, self.seen = inner, seen

    def start(self) -> dict[str, Any]:
        cursor: dict[str, Any] = self.inner.start()
        return cursor

    def fetch(self, cursor: dict[str, Any]) -> Fetched:
        fetched: Fetched = self.inner.fetch(cursor)
        self.seen += fetched.records
        return fetched


def request_of(exchange: Exchange) -> dict[str, Any]:
    return {
        "method": exchange.method, "url": exchange.url, "headers": dict(exchange.request_headers),
        "body": exchange.request_body,
    }  # fmt: skip


def answer_of(exchange: Exchange) -> dict[str, Any]:
    return {
        "statusCode": exchange.status, "headers": dict(exchange.response_headers), "body": exchange.response_body,
        **({"error": exchange.error_message} if exchange.error_message else {}),
    }  # fmt: skip


def asked(work: Callable[[], Any]) -> Any:
    """What a target does wrong is the caller's to mend, or to wait for: never an error of ours."""
    try:
        return work()
    except OfflineError as error:
        raise ValidationError(error.message, code="connection_offline") from None
    except UnavailableError:
        raise
    except GatewayError as error:
        code = "connection_offline" if marks.cannot_be_reached(error) else error.code
        raise ValidationError(error.message, code=code) from None
