"""Performs the effects of one running component: requests through its connection, scripts in the sandbox.

The surprise: nothing is sent before its intent is in the journal, and what fails after it may have been sent is told
to the journal before it is told to anyone else.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlencode

import orjson

from apps.connections import sending, tokens
from apps.connections.access import OpenConnection, open_unsaved
from apps.connections.http import make_request, render_base
from apps.connections.journal import Journal
from apps.connections.media import decode_body, encode_body
from apps.connections.reading import spelled
from apps.connections.scope import connection_scope, connector_scope, connector_values
from apps.connectors.models import Connector, ConnectorVersion
from apps.core.gateway import GatewayError, InvalidRequest, Mode, Recorder, Recording, Request, Response
from apps.engine.logic import CallEffect, Effect, RequestEffect, ScriptEffect
from apps.engine.sandbox import Sandbox

MEDIA = {"json": "json", "form": "urlencoded", "text": "plaintext"}
MAX_RESPONSE = 16 * 1024 * 1024
TIMEOUT = 45.0  # below the time any web server or proxy in front of a synchronous caller allows


@dataclass(frozen=True)
class Call:
    """Under what circumstances components run. `connection_for` finds the same person's access to another connector.

    `before_write` is asked before each write: it raises when the lease is lost or the execution is to be canceled.
    `path` and `iteration` are where the caller stands, in calls inside calls. `steps` is what the outermost program
    finds as the results of steps before it: for trying a part of one. `inputs` are members of `input` besides data and
    query, such as the headers of a notification.
    """

    organization_id: uuid.UUID
    journal: Journal
    mode: Mode = Mode.LIVE
    recorder: Recorder | None = None
    recording: Recording | None = None
    connection_for: Callable[[Connector, ConnectorVersion], OpenConnection | None] | None = None
    before_write: Callable[[], None] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0
    path: str = ""
    iteration: str = ""

    def below(self, effect: CallEffect) -> "Call":
        """For the component that `effect` calls."""
        iteration = f"{self.iteration}{effect.iteration}/" if effect.iteration or self.iteration else ""
        return replace(self, depth=self.depth + 1, path=f"{self.path}{effect.path}/", iteration=iteration, steps={})

    def inside(self, hook: str) -> "Call":
        return replace(self, path=f"{self.path}{hook}/", steps={})


@dataclass(frozen=True)
class Effects:
    """`headers` and `query` are what the connector version's auth hook adds to each request."""

    call: Call
    version: ConnectorVersion
    connection: OpenConnection | None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def through(self) -> OpenConnection:
        """The connection, or what stands for it where a connector needs none."""
        return self.connection or no_connection(self.call.organization_id)

    @cached_property
    def base_url(self) -> str:
        return render_base(self.through, self.version.base_url)

    def scope(self, input: Any, *, with_values: bool = True) -> dict[str, Any]:
        """`with_values` False leaves out `vars` and `fn`, for a program that reads neither."""
        variables: dict[str, Any] = {}
        functions: dict[str, Callable[..., Any]] = {}
        if with_values:
            variables, functions = connector_values(self.version.connector, run=self.run_function)
        return {
            "input": {**self.call.inputs, "data": input, "query": dict(self.call.query)},
            "connector": connector_scope(self.version, connection=self.connection, base_url=self.base_url),
            "connection": connection_scope(self.connection),
            "vars": variables,
            "fn": functions,
            "steps": self.call.steps,
        }

    def request(self, effect: RequestEffect) -> dict[str, Any]:
        """The response as programs see it. Raises GatewayError."""
        path, iteration = self._place(effect)
        journal, wrote = self.call.journal, effect.effect == "write" and self.call.mode is Mode.LIVE
        request = self._build(effect, key=effect.key or journal.key(path, iteration))
        if wrote:
            if self.call.before_write is not None:
                self.call.before_write()
            journal.intend(path, iteration, write_kind=effect.repeat)
        else:
            journal.catch_up()
        try:
            response = self._send(effect, request, path=path)
            outcome = seen(response)  # here too: who has sent something unreadable may have acted all the same
        except GatewayError as error:
            if wrote and not error.maybe_sent:
                journal.withdraw(path, iteration, reason=error.message)
            elif wrote and effect.repeat == "none":
                journal.doubt(path, iteration, reason=error.message)
            raise
        if not response.planned:
            journal.settle(path, iteration, outcome, wrote=wrote)
        return outcome

    def _send(self, effect: RequestEffect, request: Request, *, path: str) -> Response:
        """A refused token is renewed, and the call repeated once: who was not let in has done nothing."""
        response = sending.send(self.through, request, context=self._context(path))
        connection = self.connection
        if response.status != 401 or response.planned or connection is None or self.call.mode is Mode.REPLAY:
            return response
        if not tokens.can_renew(connection):
            return response
        anew = replace(self, connection=tokens.renew(connection))
        request = anew._build(effect, key=request.idempotency_key)
        return sending.send(anew.through, request, context=anew._context(path))

    def script(self, effect: ScriptEffect) -> Any:
        self.call.journal.catch_up()
        return self.run_function(effect.source, effect.function, effect.argument, functions=effect.functions)

    def run_function(
        self, source: str, function: str, argument: Any, *, functions: Mapping[str, Callable[..., Any]] | None = None
    ) -> Any:
        tenant = self.call.organization_id.hex
        return sandbox().run_function(source, function, argument, tenant=tenant, functions=functions)

    def keep(self, effect: Effect, result: Any) -> None:
        if self.call.mode is Mode.LIVE:
            path, iteration = self._place(effect)
            self.call.journal.settle(path, iteration, result, wrote=False)

    def _place(self, effect: Effect) -> tuple[str, str]:
        return self.call.path + effect.path, self.call.iteration + effect.iteration

    def _build(self, effect: RequestEffect, *, key: str) -> Request:
        media = MEDIA[effect.encoding]
        query = {**self.query, **effect.query}
        return make_request(
            self.through,
            method=effect.method,
            relative_uri=with_query(effect.url, query),
            headers={**self.headers, **effect.headers},
            body=b"" if effect.body is None else encode_body(effect.body, media_type=media),
            media_type=media,
            effect=effect.effect,
            write_kind=effect.repeat,
            idempotency_key=key,
            base_uri=self.base_url,
            foreign=True,
            timeout=TIMEOUT,
            max_response_bytes=MAX_RESPONSE,
        )

    def _context(self, path: str) -> sending.SendContext:
        call = self.call
        return sending.send_context(
            self.through, step=path, mode=call.mode, recorder=call.recorder, recording=call.recording
        )


def seen(response: Response) -> dict[str, Any]:
    """Header names in lower case: documents look them up by one spelling."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return {"status": response.status, "headers": headers, "body": decode_body(response)}


def with_query(url: str, query: Mapping[str, Any]) -> str:
    """Lists repeat their name; objects are JSON text."""
    if not query:
        return url
    address, mark, fragment = url.partition("#")
    try:
        added = urlencode(list(_pairs(query)))
    except (UnicodeEncodeError, orjson.JSONEncodeError) as error:
        raise InvalidRequest(f"The query cannot be sent: {str(error)[:200]}.") from None
    return f"{address}{'&' if '?' in address else '?'}{added}{mark}{fragment}"


def _pairs(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in query.items():
        for item in value if isinstance(value, list) else [value]:
            yield name, orjson.dumps(item).decode() if isinstance(item, dict | list) else spelled(item)


@lru_cache(maxsize=256)
def no_connection(organization_id: uuid.UUID) -> OpenConnection:
    return open_unsaved(
        document={"http": {}}, type="http", name="(none)", organization_id=organization_id, of_connector=True
    )


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    return Sandbox()
