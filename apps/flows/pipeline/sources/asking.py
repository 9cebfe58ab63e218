"""The requests of one page of an HTTP source: an export has one of them, a lookup one for each record that asks."""

from typing import Any

from apps.connections.access import OpenConnection
from apps.connections.http import frame_of, http_document, make_request
from apps.connections.media import encode_body, encode_text
from apps.core.gateway import Request
from apps.engine.paging import Pager
from apps.flows.pipeline.scopes import Place, Text, Texts, environment


class RequestMaker:
    """What is the same for every record is settled once. `is_fixed`: the whole request is."""

    def __init__(
        self, http: dict[str, Any], headers: list[tuple[str, Text]], *, pager: Pager, cursor: dict[str, Any],
        connection: OpenConnection, texts: Texts,
    ) -> None:  # fmt: skip
        """`http` is the document's member; `texts` keeps its compiled templates. Raises InvalidRequest."""
        self.connection, self.headers = connection, headers
        self.paged = pager.request_scope(cursor)
        self.address = pager.address_of(cursor)
        self.method = http.get("method") or "GET"
        self.media_type = http.get("requestMediaType") or http_document(connection).media_type
        self.uri = texts.find(pager.relative_uri_of(cursor) or http.get("relativeURI"), "url")
        place: Place = "xml" if self.media_type == "xml" else "json"
        self.body = texts.find(pager.body_of(cursor) or http.get("body"), place)
        self.frame, self.env = frame_of(connection), environment()

    @property
    def is_fixed(self) -> bool:
        return not any(text.is_template for text in (self.uri, self.body, *(text for _, text in self.headers)))

    def make(self, base: dict[str, Any], *, body: Any = None) -> Request:
        """`base` is the scope, with a record in it for a lookup. Raises TemplateError, InvalidRequest.

        `body` is a value that is sent in place of the document's own body.
        """
        scope = {**base, **self.paged}
        scope["export"] = {**base.get("export", {}), **self.paged["export"]}
        if body is None:
            content = encode_text(self.body.render(scope, self.env), media_type=self.media_type)
        else:
            content = encode_body(body, media_type=self.media_type)
        return make_request(
            self.connection,
            method=self.method,
            relative_uri=self.address or self.uri.render(scope, self.env),
            headers={name: text.render(scope, self.env) for name, text in self.headers},
            body=content,
            media_type=self.media_type,
            foreign=self.address is not None,
            frame=self.frame,
        )
