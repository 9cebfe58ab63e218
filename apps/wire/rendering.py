"""JSON in and out by orjson. The surprise: some good JSON is refused on reading, by the path of what cannot be kept.

A database text cannot hold NUL; PostgreSQL gives 1e30 back as an integer that no 64 bits hold; and code that walks
documents recursively must not meet one that ends the stack.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from apps.wire.stamps import stamp

MAX_DEPTH = 100
MAX_NUMBER = 2**63 - 1
LARGE_NUMBER = re.compile(rb"[0-9]{19}|[0-9][eE][+]?[0-9]")  # may be; whoever matches is looked at


def default(value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str | tuple):
        return str(value) if isinstance(value, str) else list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


class OrjsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None and renderer_context and renderer_context["response"].status_code == 204:
            return b""
        try:
            return orjson.dumps(data, default=default, option=orjson.OPT_PASSTHROUGH_DATETIME)
        except TypeError:  # an integer beyond 64 bits, from a target's answer: the slow way has no such bound
            return json.dumps(data, default=default, separators=(",", ":")).encode()


class OrjsonParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        body = stream.read(most + 1)
        if len(body) > most:
            raise RequestDataTooBig
        return read_json(body)


def read_json(body: bytes) -> Any:
    """Raises ParseError naming line and column, or the path of what cannot be kept."""
    if not body.strip():
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = str(error).rsplit(": line", 1)[0]
        raise ParseError(f"Malformed JSON at line {error.lineno} column {error.colno}: {reason}.") from None
    deep = body.count(b"[") + body.count(b"{") > MAX_DEPTH
    if deep or b"\\u0000" in body or LARGE_NUMBER.search(body):
        refuse_unkeepable(value)
    return value


def refuse_unkeepable(value: Any) -> None:
    """Walks with a list of its own instead of the stack, whose end is what it guards."""
    found: list[tuple[Any, str, int]] = [(value, "", 1)]
    while found:
        current, path, depth = found.pop()
        if isinstance(current, str) and "\0" in current:
            raise ParseError(f"{path or 'The body'} holds a NUL character, which cannot be stored.")
        if isinstance(current, int | float) and abs(current) > MAX_NUMBER:
            raise ParseError(f"{path or 'The body'} is a number beyond 64 bits: send it as text.")
        if not isinstance(current, dict | list):
            continue
        if depth > MAX_DEPTH:
            raise ParseError(f"The body is nested more than {MAX_DEPTH} deep.")
        if isinstance(current, list):
            found.extend((child, f"{path}[{index}]", depth + 1) for index, child in enumerate(current))
            continue
        for key, child in current.items():
            if "\0" in key:
                raise ParseError(f"A member name of {path or 'the body'} holds a NUL character.")
            found.append((child, f"{path}.{key}" if path else key, depth + 1))
