"""An import over HTTP: map, decide create or update, group, send, judge each record's answer.

Writes carry an idempotency key by default (`key`), so a page that is worked twice sends each record with the same key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.http import http_document, make_request
from apps.connections.media import answer_type, encode_body, encode_file, encode_text, read_body
from apps.core.gateway import BadResponse, GatewayError, InvalidRequest, Mode, Request, Response, RetryLater
from apps.engine.formats import CsvWriting
from apps.engine.placeholders import Placeholder
from apps.engine.responses import ResponseRules
from apps.engine.templates import TemplateError
from apps.flows.pipeline.batch import Part, idempotency_key
from apps.flows.pipeline.capturing import PlanRecorder, Unit, http_parts, plan_recorder
from apps.flows.pipeline.runners.blobs import BlobReader
from apps.flows.pipeline.runners.failing import classify_status, failure_of, held_up, offline, postpone
from apps.flows.pipeline.runners.mapping import ImportMapping, Mapped
from apps.flows.pipeline.scopes import Surroundings, Text, batch_scope, environment, record_scope
from apps.flows.pipeline.steps import Failure, Outcome, Turn

Operation = Literal["create", "update"]
PLAIN = ResponseRules()  # the status alone decides
WRITABLE = ("json", "urlencoded", "form-data", "csv")  # without a template


@dataclass(frozen=True)
class RequestForm:
    """One index of the document's parallel lists: how records of one operation are sent."""

    method: str
    uri: Text
    body: Text
    xml_body: Text  # the same, with what it inserts escaped for XML
    rules: ResponseRules


@dataclass(slots=True)
class Group:
    """Records that travel in one request."""

    form: RequestForm
    indexes: list[int]
    request: Request


@dataclass(frozen=True)
class HttpImportRunner:
    """`forms` by operation; `effect` is `key` unless the document says that the target ignores keys."""

    effect: str
    mapping: ImportMapping
    forms: dict[Operation, RequestForm]
    headers: Sequence[tuple[str, Text]]
    batch_size: int
    media_type: str  # empty: the connection's, as with the next two
    success_media_type: str
    error_media_type: str
    csv: CsvWriting
    blobs: BlobReader | None  # what is sent is the content of a record's blob
    send_mapped: bool
    skip_empty: bool
    strict: bool
    body_limit: int  # bytes of a request; 0: none
    open_connection: Callable[[], OpenConnection]
    surroundings: Surroundings
    write_name: str
    step: str
    mode: Mode

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        connection = self.open_connection()
        if connection.offline:
            return [offline(part, connection) for part in parts]
        prepared = [self.mapping.map_part(part, connection, turn.recorder) for part in parts]
        outcomes = [mapped.outcome for mapped in prepared]
        capture = plan_recorder(turn.recorder)
        groups = [self.groups(part, mapped, connection, capture) for part, mapped in zip(parts, prepared, strict=True)]
        turn.check()
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=turn.recorder)
        requests = [group.request for some in groups for group in some]
        answers = iter(sending.send_many(connection, requests, concurrency=connection.concurrency, context=context))
        for outcome, some in zip(outcomes, groups, strict=True):
            for group in some:
                self.judge(group, next(answers), outcome, connection)
        for mapped in prepared:
            if self.mode is not Mode.PLAN or self.mapping.answers:  # what a target will say cannot be looked through
                self.mapping.after_submit(mapped)
        return outcomes

    def groups(
        self, part: Part, mapped: Mapped, connection: OpenConnection, capture: PlanRecorder | None
    ) -> list[Group]:
        base = self.surroundings.base(connection.values)
        env = environment(strict=self.strict)
        looked = self.mapping.look_up_texts(mapped, connection)
        if mapped.desk is not None:
            env = replace(env, lookups=mapped.desk.by_key)
        groups: list[Group] = []
        shared: dict[int, Request] = {}
        for operation, indexes in mapped.by_operation().items():
            form = self.forms[operation]
            ahead = [indexes[i : i + self.batch_size] for i in range(0, len(indexes), self.batch_size)][::-1]
            while ahead:
                some = ahead.pop()
                scope = {**base, "lookup": looked[some[0]]} if looked else base
                try:
                    request, parts = self.request(
                        form, part, some, mapped, base=scope, env=env, connection=connection, shared=shared
                    )
                except (TemplateError, InvalidRequest) as error:
                    failure = Failure(source="application", code="invalid_request", message=str(error))
                    mapped.outcome.failures.update(dict.fromkeys(some, failure))
                    continue
                if not self.body_limit or len(request.body) <= self.body_limit:
                    groups.append(Group(form=form, indexes=some, request=request))
                    if capture is not None:
                        shared.clear()
                        self.note(capture, part, some, mapped, request, operation=operation, parts=parts)
                elif len(some) > 1:
                    half = len(some) // 2
                    ahead += [some[half:], some[:half]]
                else:
                    mapped.outcome.failures[some[0]] = self.too_large(len(request.body))
        return groups

    def note(
        self,
        capture: PlanRecorder,
        part: Part,
        indexes: list[int],
        mapped: Mapped,
        request: Request,
        *,
        operation: Operation,
        parts: dict[str, Any],
    ) -> None:
        seen = [mapped.records[i] for i in indexes] if self.mapping.post_submit is not None else None
        capture.note(
            Unit(
                step=self.step,
                key=request.idempotency_key,
                keys=[part.keys[i] for i in indexes],
                operation=operation,
                http=http_parts(**parts),
                mapped=seen,
            )
        )

    def too_large(self, size: int) -> Failure:
        message = f"The request of this record has {size} bytes; http.endPointBodyLimit is {self.body_limit}."
        return Failure(source="application", code="too_large", message=message, classification="too_large")

    def request(
        self,
        form: RequestForm,
        part: Part,
        indexes: list[int],
        mapped: Mapped,
        *,
        base: dict[str, Any],
        env: Any,
        connection: OpenConnection,
        shared: dict[int, Request],
    ) -> tuple[Request, dict[str, Any]]:
        """The request, and what it was made of unless it is like the one before it.

        `shared` remembers, by form, a request whose address and headers serve all records of the part.
        """
        source = mapped.sources[indexes[0]]
        scope = record_scope(base, source) if form.uri.is_template or self.headers else base
        media_type = self.media_type or http_document(connection).media_type
        sent = [mapped.records[i] if self.send_mapped else mapped.sources[i] for i in indexes]
        if self.skip_empty:
            sent = [without_empty(record) for record in sent]
        text = form.xml_body if media_type == "xml" else form.body
        if self.blobs is not None:
            body, media_type = self.blob_body(self.blobs, source, sent[0], connection, media_type)
        elif text.is_template or text.fixed:
            body_scope = batch_scope(base, sent) if self.batch_size > 1 else record_scope(base, sent[0])
            body = encode_text(text.render(body_scope, env), media_type=media_type)
        else:
            if media_type not in WRITABLE:
                raise InvalidRequest(f"A body of media type {media_type} needs a template: http.body.")
            body = encode_body(sent if self.batch_size > 1 else sent[0], media_type=media_type, csv=self.csv)
        # Of all its records: a retry of some of them is another write.
        key = idempotency_key("+".join([part.keys[i] for i in indexes]), self.write_name)
        known = shared.get(id(form))
        if known is not None:
            return Request(
                known.method, known.url, known.headers, body, known.effect, known.write_kind, key, timeout=known.timeout
            ), {}
        parts: dict[str, Any] = {
            "method": form.method,
            "relative_uri": form.uri.render(scope, env),
            "headers": {name: text.render(scope, env) for name, text in self.headers},
            "body": b"" if form.method == "GET" else body,
            "media_type": media_type,
            "effect": "read" if form.method == "GET" else "write",
            "write_kind": "key" if self.effect == "key" else "none",
        }
        request = make_request(connection, idempotency_key=key, **parts)
        is_signed = bool(http_document(connection).signing_headers)
        if not form.uri.is_template and not self.headers and request.body is body and not is_signed:
            shared[id(form)] = request
        return request, parts

    def blob_body(
        self, blobs: BlobReader, source: Any, sent: Any, connection: OpenConnection, media_type: str
    ) -> tuple[bytes, str]:
        """The content as it is, or as the part `file` of a form, beside the record's own fields."""
        blob = blobs.find(source, sent, connection)
        content = blobs.content(blob)
        if media_type == "form-data":
            own = sent if isinstance(sent, dict) else {}
            fields = {name: value for name, value in own.items() if value != blob.hex_id}
            return encode_file(fields, name=blob.name, content=content, content_type=blob.content_type), media_type
        return content, self.media_type or "octet-stream"

    def judge(
        self, group: Group, answer: Response | GatewayError, outcome: Outcome, connection: OpenConnection
    ) -> None:
        if isinstance(answer, GatewayError):
            self.not_answered(group, answer, outcome, connection)
            return
        if answer.planned:
            self.foresee(group, answer, outcome)
            return
        if group.form.rules == PLAIN and 200 <= answer.status < 300 and not self.mapping.reads_responses:
            return
        body = self.parsed(answer, connection)
        rules, count = group.form.rules, len(group.indexes)
        if self.batch_size > 1:  # a last group of one record is a batch too
            verdicts = rules.judge_batch(answer.status, body, count)
        else:
            verdicts = [rules.judge(answer.status, body)]
        for index, verdict in zip(group.indexes, verdicts, strict=True):
            if not verdict.ok:
                outcome.failures[index] = Failure(
                    source="application",
                    code=str(answer.status),
                    message=verdict.message or f"The target answered {answer.status}.",
                    classification=classify_status(answer.status),
                    request_key=group.request.idempotency_key,
                )
            if not self.mapping.reads_responses:
                continue
            outcome.responses[index] = {
                "id": verdict.id,
                "_json": verdict.json,
                "errors": [] if verdict.ok else [{"code": str(answer.status), "message": verdict.message}],
                "ignored": False,
                "statusCode": answer.status,
                "headers": {name.lower(): value for name, value in answer.headers.items()},
            }

    def foresee(self, group: Group, answer: Response, outcome: Outcome) -> None:
        """Nobody has answered: what a mapping would read from it is a placeholder."""
        if not self.mapping.reads_responses:
            return
        source = f"answer of {answer.url.partition('?')[0]}"
        for number, index in enumerate(group.indexes):
            told = Placeholder(f"{source} → [{number}]" if self.batch_size > 1 else source)
            outcome.responses[index] = {
                "id": told["id"], "_json": told, "errors": [], "ignored": False, "statusCode": 200,
                "headers": told["headers"],
            }  # fmt: skip

    def not_answered(self, group: Group, error: GatewayError, outcome: Outcome, connection: OpenConnection) -> None:
        """Later, if nothing was sent or sending twice does no harm; a write that may have arrived is in doubt."""
        doubtful = self.effect == "none" and error.maybe_sent and group.form.method != "GET"
        if isinstance(error, RetryLater) and not doubtful:
            for index in group.indexes:
                postpone(outcome, index, error)
        elif doubtful or not held_up(outcome, group.indexes, error, connection):
            failure = replace(failure_of(error, source="application"), request_key=group.request.idempotency_key)
            if doubtful:
                failure = replace(failure, code="in_doubt", message=f"In doubt: {error.message}", in_doubt=True)
            outcome.failures.update(dict.fromkeys(group.indexes, failure))

    def parsed(self, answer: Response, connection: OpenConnection) -> Any:
        """The answer as its media type has it, else as text: an answer need not be readable to be a success."""
        document = http_document(connection)
        declared = self.success_media_type if answer.ok else self.error_media_type or self.success_media_type
        otherwise = document.success_media_type if answer.ok else document.error_media_type
        media_type = answer_type(answer, declared=declared, sent=self.media_type, otherwise=otherwise)
        try:
            return read_body(answer, media_type=media_type)
        except BadResponse:
            return answer.body[:10_000].decode("utf-8", "replace")


def without_empty(value: Any) -> Any:
    """The value less every null, empty text, empty object and empty list in it, from the inside out."""
    if isinstance(value, dict):
        kept = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (None, "", {}, [])}
    if isinstance(value, list):
        return [item for item in map(without_empty, value) if item not in (None, "", {}, [])]
    return value
