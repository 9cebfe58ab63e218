"""What a call of an inbound address says, and what of it may be kept and shown."""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from rest_framework.exceptions import ParseError

from apps.core.errors import BadRequestError
from apps.engine.errors import DocumentError
from apps.engine.paths import compile_getter
from apps.inbound.declared import Inlet
from apps.inbound.verification import Incoming
from apps.wire.rendering import read_json

MAX_HEADERS = 100
MAX_FIELDS = 1000
MAX_DEDUPE = 250
HIDDEN = frozenset(["authorization", "cookie", "proxy-authorization", "api-key", "api_key", "x-api-key"])
PROXY = ("x-forwarded-", "x-real-ip", "forwarded")


def provider_id(incoming: Incoming, inlet: Inlet) -> str:
    if inlet.id_header and incoming.headers.get(inlet.id_header.lower()):
        return incoming.headers[inlet.id_header.lower()]
    if not inlet.id_path:
        return ""
    try:
        value = compile_getter(inlet.id_path)(incoming.content)
    except DocumentError:
        return ""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def dedupe_key(text: str, *, listener_id: uuid.UUID | None) -> str | None:
    """Each address has the event once: a provider may tell two listeners of the same one."""
    if not text:
        return None
    return f"{listener_id.hex if listener_id else '-'}:{text[:MAX_DEDUPE]}".replace("\0", "")


def shown_headers(incoming: Incoming, inlet: Inlet) -> dict[str, str]:
    """Without what proves identity, and what proxies add."""
    hidden = HIDDEN | ({inlet.security.header.lower()} if inlet.security.type == "token" else set())
    kept = [name for name in incoming.headers if not name.startswith(PROXY)][:MAX_HEADERS]
    return {name: "******" if name in hidden else incoming.headers[name][:2000] for name in kept}


def shown_query(incoming: Incoming, inlet: Inlet) -> dict[str, str]:
    hidden = {inlet.security.query} if inlet.security.type == "token" else set()
    if inlet.challenge is not None and inlet.challenge.token:
        hidden.add(inlet.challenge.token)
    return {name: "******" if name in hidden else value[:2000] for name, value in incoming.query.items()}


def read_content(body: bytes, content_type: str) -> Any:
    """What a body says: JSON, a form's members, or text. Raises BadRequestError for JSON that cannot be kept."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return {}
    if kind == "application/x-www-form-urlencoded":
        return read_form(body)
    if "json" in kind or not kind or body[:1] in b"{[":
        try:
            return read_json(body)
        except ParseError as error:
            raise BadRequestError(str(error.detail)) from None
    return body.decode("utf-8", "replace").replace("\0", "")


def read_form(body: bytes) -> dict[str, str]:
    text = body.decode("utf-8", "replace").replace("\0", "")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise BadRequestError(f"A form has at most {MAX_FIELDS} members.") from None


def plain(values: Mapping[str, str]) -> dict[str, str]:
    """Texts that a database can keep."""
    return {name.replace("\0", ""): value.replace("\0", "") for name, value in values.items()}
