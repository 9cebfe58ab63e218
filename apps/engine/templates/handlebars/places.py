"""What double braces do in each place a template stands in. Triple braces are raw everywhere."""

import json
import re
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

from apps.engine.templates.handlebars.syntax import Mustache, Path

Place = Literal["url", "sql", "json", "xml", "raw"]
PLACES: tuple[Place, ...] = ("url", "sql", "json", "xml", "raw")

_JSON_SPECIAL = re.compile(r'["\\\x00-\x1f]')
_XML_SPECIAL = re.compile(r"[&<>\"']")
_XML_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}


def encode_component(text: str) -> str:
    """JavaScript's encodeURIComponent; a lone surrogate becomes a question mark instead of an exception."""
    if text.isascii() and text.isalnum():
        return text
    return quote(text, safe="!~*'()", errors="replace")


def escape_json(text: str) -> str:
    """The text as it stands inside JSON quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1] if _JSON_SPECIAL.search(text) else text


def escape_xml(text: str) -> str:
    return _XML_SPECIAL.sub(lambda match: _XML_ENTITIES[match.group()], text)


# SQL is not here: its values stay values until the statement around them is read.
ESCAPES: dict[str, Callable[[str], str] | None] = {
    "url": encode_component,
    "json": escape_json,
    "xml": escape_xml,
    "raw": None,
    "sql": None,
}

# A tag whose helper already encodes for its place is not encoded twice.
_ALREADY_ENCODED = {"url": "encodeURI", "json": "jsonEncode", "xml": "htmlEncode"}


def escape_for(node: Mustache, place: Place) -> Callable[[str], str] | None:
    target = node.call.target
    if not node.escaped:
        return None
    if isinstance(target, Path) and node.call.params and target.original == _ALREADY_ENCODED.get(place):
        return None
    return ESCAPES[place]
