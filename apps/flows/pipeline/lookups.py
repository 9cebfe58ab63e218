"""Lookups that a mapping cannot answer by itself: in caches, by calls over HTTP, by SQL. One question a page and key.

The surprise: a page is mapped twice. The first time it only notes what it wants to know, so that all of that can be
asked together; the second time the answers are there. A mapping without such lookups never comes here.
"""

import uuid
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import orjson

from apps.connections import marks, sending
from apps.connections.access import OpenConnection
from apps.connections.http import make_request
from apps.connections.sql import open_session, sql_target
from apps.core.errors import ValidationError
from apps.core.gateway import GatewayError, InvalidRequest, Mode, Recorder, Request, Response, RetryLater
from apps.core.ids import parse_id
from apps.engine.context import RecordContext
from apps.engine.errors import MappingError
from apps.engine.json_values import load_json
from apps.engine.mapping import Lookups
from apps.engine.paths import MISSING
from apps.engine.templates import RenderEnv, TemplateError, compile_sql
from apps.flows.pipeline.runners.sql_writing import sql_dialect
from apps.flows.pipeline.scopes import Text, environment, lookup_scope
from apps.flows.services.lookup_data import values_of

ROUNDS = 8  # a lookup whose key is another's answer takes a round more
UNKNOWN = object()
T = TypeVar("T")


class LookupDelayedError(MappingError):
    """The answer can be had later only: its record is not failed, it waits."""

    def __init__(self, name: str, cause: GatewayError) -> None:
        super().__init__(f"lookup {name}", cause.message)
        self.cause = cause


@dataclass(frozen=True)
class Form:
    """How one lookup asks. A map's asks nobody; one of `cache_id`, `uri` and `statement` is set on the others."""

    name: str
    allow_failures: bool
    cache_id: uuid.UUID | None = None
    method: str = "GET"
    uri: Text | None = None
    body: Text | None = None
    with_headers: bool = False
    statement: str = ""

    @property
    def is_outside(self) -> bool:
        return bool(self.cache_id or self.uri or self.statement)


@dataclass(frozen=True)
class OutsideLookups:
    """Those of one document, compiled once. `in_texts` are named by templates, as {{lookup.name}}.

    `is_asked`: at least one of them is more than a map, or a template asks one by the helper.
    """

    organization_id: uuid.UUID
    known: Lookups
    forms: Mapping[str, Form]
    in_texts: tuple[str, ...] = ()
    is_asked: bool = True
    headers: tuple[tuple[str, Text], ...] = ()
    step: str = ""
    mode: Mode = Mode.LIVE

    def desk(
        self, connection: OpenConnection | None, base: Mapping[str, Any], recorder: Recorder | None
    ) -> "LookupDesk":
        return LookupDesk(self, connection, base, recorder, environment())


def compile_lookups(
    documents: list[dict[str, Any]],
    *,
    organization_id: uuid.UUID,
    where: str,
    texts: Any = None,
    headers: tuple[tuple[str, Text], ...] = (),
    step: str = "",
    mode: Mode = Mode.LIVE,
) -> OutsideLookups | None:
    """None where there are no lookups. `texts`: the part of the document that may name some of them in templates."""
    if not documents:
        return None
    forms: dict[str, Form] = {}
    for document in documents:
        name = document["name"]
        if name not in forms:
            forms[name] = form_of(document, at=f"{where}[{name}]")
    text = orjson.dumps(texts).decode() if texts else ""
    named = tuple(name for name in forms if f"lookup.{name}" in text or f"lookup.[{name}]" in text)
    asked = any(form.is_outside for form in forms.values()) or "{lookup " in text or "(lookup " in text
    return OutsideLookups(organization_id, Lookups(documents), forms, named, asked, headers, step, mode)


def form_of(document: Mapping[str, Any], *, at: str) -> Form:
    own: dict[str, Any] = {"name": document["name"], "allow_failures": document.get("allowFailures") is True}
    if document.get("map") is not None:
        return Form(**own)
    if document.get("_lookupCacheId"):
        return Form(cache_id=parse_id(document["_lookupCacheId"]), **own)
    if document.get("query"):
        return Form(statement=str(document["query"]).strip().rstrip(";"), **own)
    if document.get("relativeURI") is None:
        raise ValidationError("needs a map, a _lookupCacheId, a relativeURI or a query", field=at)
    body = document.get("body") or document.get("postBody")
    try:
        return Form(
            method=str(document.get("method") or "GET").upper(),
            uri=Text(document["relativeURI"], place="url"),
            body=Text(body if isinstance(body, str) or body is None else orjson.dumps(body).decode(), place="json"),
            with_headers=bool(document.get("useImportHeaders")),
            **own,
        )
    except TemplateError as error:
        raise ValidationError(str(error), field=at) from None


@dataclass
class LookupDesk:
    """One page's questions and answers. It stands in a RecordContext as its `lookup`."""

    plan: OutsideLookups
    connection: OpenConnection | None
    base: Mapping[str, Any]
    recorder: Recorder | None
    env: RenderEnv
    answers: dict[Hashable, Any] = field(default_factory=dict)
    wanted: dict[Hashable, Any] = field(default_factory=dict)
    noting: bool = False

    def resolve(self, work: Callable[[], T]) -> T:
        """What `work` gives once everything it looks up is known. It is run anew until it wants nothing more."""
        for _ in range(ROUNDS):
            self.wanted, self.noting = {}, True
            try:
                result = work()
            finally:
                self.noting = False
            if not self.wanted:
                return result
            self.ask(self.wanted)
        return work()  # what is still unknown is asked one by one

    def __call__(self, name: str, key: str, record: Any) -> Any:
        """The engine's port: MISSING for nothing found. Raises MappingError."""
        form = self.plan.forms[name]
        try:
            identity, question = self.question(form, key, record)
        except (TemplateError, InvalidRequest) as error:
            return self.failed(form, str(error))
        answer = self.answers.get(identity, UNKNOWN)
        if answer is UNKNOWN:
            if self.noting:
                self.wanted[identity] = question
                return MISSING
            self.ask({identity: question})
            answer = self.answers[identity]
        if isinstance(answer, GatewayError):
            if isinstance(answer, RetryLater) or marks.cannot_be_reached(answer):
                raise LookupDelayedError(name, answer)
            return self.failed(form, answer.message)
        return answer

    def failed(self, form: Form, message: str) -> Any:
        if form.allow_failures:
            return MISSING
        raise MappingError(f"lookup {form.name}", message)

    def by_key(self, name: str, key: str) -> Any:
        """The helper `lookup` of templates: a map or a cache by key. Raises TemplateError."""
        if name not in self.plan.known:
            raise TemplateError(f"there is no lookup {name!r} here")
        try:
            found = self.plan.known[name].value(key, {}, RecordContext(lookup=self), field=f"lookup {name}")
        except MappingError as error:
            raise TemplateError(str(error)) from None
        return "" if found is MISSING else found

    def scope_of(self, record: Any) -> dict[str, Any]:
        """`lookup` of templates: the values of the lookups they name. Raises MappingError."""
        context = RecordContext(lookup=self)
        found = {name: self.plan.known[name].value("", record, context, field="") for name in self.plan.in_texts}
        return {name: value for name, value in found.items() if value is not MISSING}

    def has(self, name: str, record: Any) -> bool:
        """Whether a lookup finds something, as checks for existing records ask. Raises MappingError."""
        found = self.plan.known[name].peek("", record, RecordContext(lookup=self), field=f"lookup {name}")
        return found not in (MISSING, None, "", [], {})

    def question(self, form: Form, key: str, record: Any) -> tuple[Hashable, Any]:
        """(what tells it from others, what is asked). Raises TemplateError, InvalidRequest."""
        if form.cache_id is not None:
            return ("cache", form.cache_id, key), (form.cache_id, key)
        if self.connection is None:
            raise InvalidRequest("There is no connection to look it up through.")
        scope = lookup_scope({**self.base, "connection": self.connection.values}, record)
        if form.statement:
            dialect = sql_dialect(sql_target(self.connection).engine)
            text, values = compile_sql(form.statement, dialect=dialect).bind(scope, env=self.env)
            text = text if values else text.replace("%%", "%")
            return ("sql", text, tuple(values)), (text, list(values))
        body = form.body.render(scope, self.env).encode() if form.body else b""
        headers = self.plan.headers if form.with_headers else ()
        request = make_request(
            self.connection,
            method=form.method,
            relative_uri=form.uri.render(scope, self.env) if form.uri else "",
            headers={name: text.render(scope, self.env) for name, text in headers},
            body=b"" if form.method == "GET" else body,
        )
        return ("http", request.method, request.url, request.body, tuple(request.headers.items())), request

    def ask(self, wanted: Mapping[Hashable, Any]) -> None:
        """Answers all of it: caches by one query each, calls together, statements in one session."""
        by_cache: dict[uuid.UUID, dict[str, Hashable]] = {}
        calls: dict[Hashable, Request] = {}
        statements: dict[Hashable, tuple[str, list[Any]]] = {}
        for identity, question in wanted.items():
            if isinstance(question, Request):
                calls[identity] = question
            elif isinstance(question[0], uuid.UUID):
                by_cache.setdefault(question[0], {})[question[1]] = identity
            else:
                statements[identity] = question
        for cache_id, keys in by_cache.items():
            found = values_of(organization_id=self.plan.organization_id, cache_id=cache_id, keys=keys)
            self.answers.update({identity: found.get(key, MISSING) for key, identity in keys.items()})
        if calls:
            self.call(calls)
        if statements:
            self.query(statements)

    def call(self, calls: Mapping[Hashable, Request]) -> None:
        assert self.connection is not None  # noqa: S101 - the requests are made for it
        context = sending.send_context(
            self.connection, step=self.plan.step, mode=self.plan.mode, recorder=self.recorder
        )
        together = self.connection.concurrency
        got = sending.send_many(self.connection, list(calls.values()), concurrency=together, context=context)
        self.answers.update({identity: read(answer) for identity, answer in zip(calls, got, strict=True)})

    def query(self, statements: Mapping[Hashable, tuple[str, list[Any]]]) -> None:
        assert self.connection is not None  # noqa: S101 - the statements are bound for it
        context = sending.send_context(
            self.connection, step=self.plan.step, mode=self.plan.mode, recorder=self.recorder
        )
        try:
            with open_session(self.connection, context=context) as session:
                for identity, (text, values) in statements.items():
                    try:
                        # Two, since a lookup may want its default when there are several.
                        self.answers[identity] = list(islice(session.query(text, values, fetch_size=2), 2)) or MISSING
                    except GatewayError as error:
                        if session.broken:
                            raise
                        self.answers[identity] = error
        except GatewayError as error:
            for identity in statements:
                self.answers.setdefault(identity, error)


def read(answer: Response | GatewayError) -> Any:
    """The parsed body, MISSING for 404 and for nothing; an error for any other refusal."""
    if isinstance(answer, GatewayError):
        return answer
    if answer.status == 404 or (answer.ok and not answer.body):
        return MISSING
    if not answer.ok:
        shown = answer.body[:200].decode("utf-8", "replace")
        return InvalidRequest(f"the target answered {answer.status}: {shown}")
    if answer.planned:
        return answer.json()
    try:
        return load_json(answer.body)
    except orjson.JSONDecodeError:
        return answer.body.decode("utf-8", "replace")
