"""Records from an HTTP source, answer by answer: the cursor is the pager's state."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.documents.http import HttpDocument
from apps.connections.http import http_document
from apps.connections.media import answer_type, read_body
from apps.core.errors import DomainError, ValidationError
from apps.core.gateway import BadResponse, GatewayError, Mode, Recorder, Request, Response
from apps.engine.errors import DocumentError
from apps.engine.formats import FormatError, csv_rules
from apps.engine.paging import PagingLoopError, compile_paging
from apps.engine.paths import MISSING
from apps.engine.responses import compile_response
from apps.engine.templates import TemplateError
from apps.engine.xml_paths import compile_answer_getter
from apps.flows.pipeline.scopes import Surroundings, Text, Texts
from apps.flows.pipeline.sources import Fetched, KeepBlob, OfflineError
from apps.flows.pipeline.sources.asking import RequestMaker
from apps.flows.pipeline.sources.parsing import FileParser, read_whole, xml_rules


class SourceError(DomainError):
    """A source answered something that cannot be read as records."""

    code = "source_failed"


class SourceFaultError(GatewayError):
    """A source's own fault, which may pass: it is asked again later."""

    code = "source_failed"


ASKED_AHEAD = 4
BYTES_AHEAD = 4 * 1024 * 1024


class HttpSource:
    """`open_connection` is asked anew for each round: a mended password or a pause counts at once.

    Where the source has told how many pages there are, the next ones are asked for together with the one that is due.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        *,
        open_connection: Callable[[], OpenConnection],
        surroundings: Surroundings,
        recorder: Recorder,
        step: str,
        mode: Mode,
        store: KeepBlob | None = None,
    ) -> None:
        """`store` keeps the body as a blob: the answer is one record, which names it."""
        http = document.get("http") or {}
        self.store = store
        self.blob_format = str((http.get("response") or {}).get("blobFormat") or "")
        self.parser = file_parser(document) if http.get("type") in ("file", "csvstream") else None
        try:
            self.pager = compile_paging(http)
            self.rules = compile_response(http.get("response"))
            later = (http.get("paging") or {}).get("resourcePath")
            self.later_path = compile_answer_getter(later) if later else self.rules.resource_path
        except DocumentError as error:
            raise ValidationError(error.reason, field=error.path) from None
        self.http, self.open_connection, self.recorder = http, open_connection, recorder
        self.surroundings, self.step, self.mode = surroundings, step, mode
        self.texts = Texts()
        self.ahead: dict[tuple[Any, Any], Response] = {}
        self.largest = 0
        self.types = HttpDocument("")
        self.csv = csv_rules((document.get("file") or {}).get("csv") or {})
        self.xml = xml_rules(document, {})
        self.headers = [(h["name"], Text(h.get("value"))) for h in http.get("headers") or []]

    def start(self) -> dict[str, Any]:
        return self.pager.first()

    def fetch(self, cursor: dict[str, Any]) -> Fetched:
        response = self.ahead.pop(place_of(cursor), None) or self.ask(cursor)
        self.largest = max(self.largest, len(response.body))
        return self.read(cursor, response)

    def ask(self, cursor: dict[str, Any]) -> Response:
        """The answer to a cursor's request; those to the next ones are kept in `ahead`, but for failures."""
        connection = self.open_connection()
        if connection.offline:
            raise OfflineError(connection)
        most = min(ASKED_AHEAD, connection.concurrency - 1, BYTES_AHEAD // max(self.largest, 1))
        cursors = [cursor, *self.pager.foreseen(cursor, most=most)]
        requests = [self.request(connection, one) for one in cursors]
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=self.recorder)
        first, *later = sending.send_many(connection, requests, concurrency=len(requests), context=context)
        if isinstance(first, GatewayError):
            raise first
        answers = zip(cursors[1:], later, strict=True)
        self.ahead = {place_of(one): answer for one, answer in answers if isinstance(answer, Response) and answer.ok}
        return first

    def request(self, connection: OpenConnection, cursor: dict[str, Any]) -> Request:
        try:
            return self.maker(connection, cursor).make(self.surroundings.base(connection.values))
        except TemplateError as error:
            raise ValidationError(f"The request of the export cannot be rendered: {error}", field="http") from None

    def maker(self, connection: OpenConnection, cursor: dict[str, Any]) -> RequestMaker:
        """Of the requests of one cursor. Raises InvalidRequest."""
        self.types = http_document(connection)
        return RequestMaker(
            self.http, self.headers, pager=self.pager, cursor=cursor, connection=connection, texts=self.texts
        )

    def read(self, cursor: dict[str, Any], response: Response) -> Fetched:
        """Raises SourceError when the answer is no success, or no readable page."""
        if self.pager.ends_with(response.status, cursor):
            return Fetched(records=[], cursor=None)
        if not response.ok:
            raise self.refused(response)
        if self.store is not None and not response.planned:
            return Fetched(records=[kept_blob(self.store, response, self.blob_format)], cursor=None)
        body = self.value(response)
        verdict = self.rules.judge(response.status, body)
        if not verdict.ok:
            raise SourceError(f"The source reported a failure: {verdict.message}")
        records = self.records(body, first=not cursor.get("request"))
        try:
            following = self.pager.advance(
                cursor, status=response.status, headers=response.headers, body=body, records=records, url=response.url
            )
        except PagingLoopError as error:
            raise SourceError(str(error), code="paging_loop") from None
        return Fetched(records=records, cursor=following)

    def value(self, response: Response) -> Any:
        """The answer as JSON; a file's is the list of its records. Raises BadResponse, SourceError."""
        if self.parser is None or response.planned:
            return read_body(response, media_type=self.media_type(response), csv=self.csv, xml=self.xml)
        try:
            return read_whole(self.parser, response.body)
        except FormatError as error:
            raise SourceError(error.message, code="parse_failed") from None

    def media_type(self, response: Response) -> str:
        """What this answer is read as. Errors may have a type of their own, that of other answers without it."""
        declared, sent = self.http.get("successMediaType") or "", self.http.get("requestMediaType") or ""
        if response.ok:
            return answer_type(response, declared=declared, sent=sent, otherwise=self.types.success_media_type)
        declared = self.http.get("errorMediaType") or (declared if declared != "csv" else "")
        return answer_type(response, declared=declared, sent=sent, otherwise=self.types.error_media_type)

    def refused(self, response: Response) -> DomainError:
        """What the answer says at errorPath, else its beginning. A server's fault may pass; a refusal will not."""
        shown = response.body[:200].decode("utf-8", "replace")
        if self.rules.error_path is not None:
            try:
                body = read_body(response, media_type=self.media_type(response), xml=self.xml)
                shown = self.rules.judge(response.status, body).message
            except BadResponse:
                shown = f"{shown} (this is no {self.media_type(response)})"
        message = f"The source answered {response.status}: {shown}"
        if response.status >= 500:
            return SourceFaultError(message)
        return SourceError(message, code=f"source_{response.status}")

    def records(self, body: Any, *, first: bool) -> list[Any]:
        """A wrong path gives none; without a path a list is its elements, anything else one record."""
        path = self.rules.resource_path if first else self.later_path
        found = body if path is None else path(body)
        if found is MISSING or found is None:
            return []
        rows = found if isinstance(found, list) else [found]
        table = (self.http.get("response") or {}).get("twoDArray")
        return named_rows(rows, table) if table else rows


def kept_blob(store: KeepBlob, response: Response, form: str) -> dict[str, Any]:
    """One record, with the blob's key and what is known of it. Raises SourceError for a body that is not of `form`."""
    name = file_name(response)
    try:
        content = decoded(response.body, form)
    except (ValueError, LookupError) as error:
        raise SourceError(f"The body is no {form}: {error}", code="parse_failed") from None
    kind = response.headers.get("Content-Type") or ""
    key = store([content], name, f"http:{response.url}:{hashlib.sha256(content).hexdigest()}")
    return {"blobKey": key, "fileName": name, "fileSize": len(content), "contentType": kind}


def decoded(body: bytes, form: str) -> bytes:
    """`blobFormat` is what text the body is: base64 and hex stand for bytes, the encodings for their characters."""
    if form == "base64":
        return base64.b64decode(body, validate=False)
    if form == "hex":
        return bytes.fromhex(body.decode("ascii"))
    if form in ("ucs2", "utf-16le"):
        return body.decode("utf-16-le").encode()
    return body


def file_name(response: Response) -> str:
    """As the answer names it, else the last part of its address."""
    found = re.search(r'filename="?([^";]+)', response.headers.get("Content-Disposition") or "")
    name = found[1] if found else urlsplit(response.url).path.rpartition("/")[2]
    return name.strip().replace("/", "_").replace("\\", "_") or "blob"


def file_parser(document: Mapping[str, Any]) -> FileParser:
    """`csvstream` is a file of type csv that need not say so."""
    file = {"type": "csv", **(document.get("file") or {})} if document["http"]["type"] == "csvstream" else None
    return FileParser(document if file is None else {**document, "file": file})


def place_of(cursor: Mapping[str, Any]) -> tuple[Any, Any]:
    return cursor.get("page"), cursor.get("skip")


def named_rows(rows: list[Any], table: Mapping[str, Any]) -> list[Any]:
    """Rows of cells: the first names the fields, unless they are wanted as lists."""
    if table.get("doNotNormalize"):
        return rows
    if not table.get("hasHeader"):
        return [{f"Column{i}": cell for i, cell in enumerate(row)} for row in rows]
    header = [str(cell) for cell in rows[0]] if rows else []
    return [dict(zip(header, row, strict=False)) for row in rows[1:]]
