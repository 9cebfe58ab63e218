"""From a connection and what a step wants to a request for the gateway; and from its answer to 'wait' or 'go on'."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson
from django.conf import settings

from apps.connections.access import OpenConnection
from apps.connections.documents import BasicAuth, HttpDocument, RateLimit, TokenAuth
from apps.connections.joining import join
from apps.connections.media import CONTENT_TYPES, content_type, read_body
from apps.connections.reading import spelled
from apps.connections.signing import signing_scope
from apps.core import clock
from apps.core.gateway import BadResponse, InvalidRequest, Request, Response, RetryLater
from apps.core.gateway.messages import Effect, WriteKind
from apps.core.gateway.retries import DEFAULT_PAUSE, parse_retry_after
from apps.engine.paths import MISSING
from apps.engine.templates import TemplateError, compile
from apps.engine.xml_paths import compile_answer_getter


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same for all requests by a connection: the base address, and the headers of what goes there."""

    base: str
    headers: Mapping[str, str]


def frame_of(connection: OpenConnection, *, base_uri: str = "") -> Frame:
    """Raises InvalidRequest."""
    headers: dict[str, str] = {}
    for name, template in http_document(connection).plain_headers:
        _put(headers, name, _render(connection, template, what=f"header {name}"))
    return Frame(base_uri or render_base(connection), headers)


def make_request(
    connection: OpenConnection,
    *,
    method: str,
    relative_uri: str,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    media_type: str = "",
    effect: Effect = "read",
    write_kind: WriteKind = "none",
    idempotency_key: str = "",
    base_uri: str = "",
    frame: Frame | None = None,
    foreign: bool = False,
    authenticated: bool = True,
    timeout: float = 0.0,
    max_response_bytes: int = 64 * 1024 * 1024,
) -> Request:
    """`relative_uri`, `headers` and `body` are rendered already. A step's headers win over the connection's.

    A request that fetches a token goes without one (`authenticated` false).
    An absolute address elsewhere (`foreign`) gets neither the connection's credentials nor its headers.
    `frame` is for callers that make many requests.
    Raises InvalidRequest.
    """
    document = http_document(connection)
    frame = frame or frame_of(connection, base_uri=base_uri)
    url, at_base = join(frame.base, relative_uri, foreign=foreign)
    fields = dict(frame.headers) if at_base else {}
    for name, template in document.fresh_headers if at_base else ():
        _put(fields, name, _render(connection, template, what=f"header {name}"))
    if body:
        _put(fields, "Content-Type", content_type(media_type or document.media_type, body))
    for name, value in (headers or {}).items():
        _put(fields, name, value)
    if at_base and authenticated and document.auth is not None:
        url, body = _authenticate(document.auth, url=url, fields=fields, body=body)
    if at_base and document.signing_headers:
        secrets = (connection.values.get(connection.type) or {}).get("encrypted") or {}
        scope = signing_scope(
            "".join(template for _, template in document.signing_headers),
            method=method.upper(),
            url=url,
            base=frame.base,
            relative=relative_uri,
            fields=fields,
            body=body,
            secrets=secrets,
        )
        own = {name.lower() for name in headers or {}}
        for name, template in document.signing_headers:
            if name.lower() not in own:
                _put(fields, name, _render(connection, template, what=f"header {name}", **scope))
    return Request(
        method=method.upper(),
        url=url,
        headers=fields,
        body=body,
        effect=effect,
        write_kind=write_kind,
        idempotency_key=idempotency_key,
        timeout=timeout or settings.CALL_TIMEOUT_SECONDS,
        max_response_bytes=max_response_bytes,
    )


def http_document(connection: OpenConnection) -> HttpDocument:
    if not isinstance(connection.document, HttpDocument):
        raise InvalidRequest(f"The connection {connection.name} is of type {connection.type}, not http.")
    return connection.document


def render_base(connection: OpenConnection, template: str = "") -> str:
    """The base address: the connection's own, else `template` (its connector version's)."""
    text = http_document(connection).base_uri or template
    return _render(connection, text, what="the base address") if text else ""


def rate_limited(document: HttpDocument, response: Response) -> RetryLater | None:
    """The wait an answer asks for in the connection's own terms. (The gateway has judged 429 by then.)"""
    limit = document.rate_limit
    if response.planned or not is_sign(document, limit, response):
        return None
    seconds = parse_retry_after(response.headers.get(document.retry_header), now=clock.now())
    if seconds is None:
        seconds = DEFAULT_PAUSE
    reason = f"The target answered {response.status}, which its connection reads as too many requests"
    return RetryLater(clock.now() + timedelta(seconds=max(1.0, seconds)), reason, response=response)


def with_retry_header(document: HttpDocument, later: RetryLater) -> RetryLater:
    """A 429's wait, read from the connection's own header where it names another than Retry-After."""
    response = later.response
    if response is None or document.retry_header.lower() == "retry-after":
        return later
    seconds = parse_retry_after(response.headers.get(document.retry_header), now=clock.now())
    if seconds is None:
        return later
    return RetryLater(clock.now() + timedelta(seconds=max(1.0, seconds)), later.reason, response=response)


def matches(body: Any, path: str, values: Sequence[str]) -> bool:
    """Whether the value at `path` is one of `values`, compared as text; without values, whether there is one."""
    found = compile_answer_getter(path)(body)
    if found is MISSING or found is None:
        return False
    if not values:
        return True
    candidates = found if isinstance(found, list) else [found]
    return any(spelled(candidate) in values for candidate in candidates)


def is_sign(document: HttpDocument, sign: RateLimit, response: Response) -> bool:
    """Whether an answer is the one that the connection describes."""
    if response.status == sign.fail_status:
        return True
    if not sign.fail_path:
        return False
    try:
        return matches(read_body(response, media_type=document.error_media_type), sign.fail_path, sign.fail_values)
    except BadResponse:
        return False  # not what its connection says: there is no such path in it


def _authenticate(auth: BasicAuth | TokenAuth, *, url: str, fields: dict[str, str], body: bytes) -> tuple[str, bytes]:
    if isinstance(auth, BasicAuth):
        _put(fields, "Authorization", basic_header(auth))
        return url, body
    if not auth.token:
        raise InvalidRequest("The connection has no token yet: it must be authorized first.")
    match auth.location:
        case "header":
            _put(fields, auth.header_name, f"{auth.scheme} {auth.token}".lstrip())
        case "url":
            parts = urlsplit(url)
            query = [*parse_qsl(parts.query, keep_blank_values=True), (auth.param_name, auth.token)]
            url = urlunsplit(parts._replace(query=urlencode(query)))
        case "body":
            body = _with_member(body, name=auth.param_name, value=auth.token, fields=fields)
    return url, body


def basic_header(auth: BasicAuth) -> str:
    return "Basic " + b64encode(f"{auth.username}:{auth.password}".encode()).decode()


def _with_member(body: bytes, *, name: str, value: str, fields: dict[str, str]) -> bytes:
    kind = next((text for field, text in fields.items() if field.lower() == "content-type"), "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return urlencode([*parse_qsl(body.decode(), keep_blank_values=True), (name, value)]).encode()
    try:
        document = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise InvalidRequest("The connection puts its token into the body, which must be a JSON object or a form.")
    _put(fields, "Content-Type", kind or CONTENT_TYPES["json"])
    return orjson.dumps({**document, name: value})


def _render(connection: OpenConnection, text: str, *, what: str, **scope: Any) -> str:
    if "{{" not in text:
        return text
    try:
        return compile(text, "handlebars").render({"connection": connection.values, **scope})
    except TemplateError as error:
        raise InvalidRequest(f"{what} of the connection {connection.name} cannot be rendered: {error}.") from None


def _put(fields: dict[str, str], name: str, value: str) -> None:
    """Header names ignore case: the later one takes the place."""
    for known in [known for known in fields if known.lower() == name.lower()]:
        del fields[known]
    fields[name] = value
