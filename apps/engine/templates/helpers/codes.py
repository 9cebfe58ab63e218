"""Encoding, JSON and digests, with Node.js' leniency: what cannot be decoded stays, or loses its bad part."""

import base64
import binascii
import hashlib
import hmac
import json
import math
import re
from typing import Any
from urllib.parse import unquote

import orjson

from apps.engine.javascript_values import to_text
from apps.engine.json_values import load_json
from apps.engine.templates.handlebars.places import encode_component, escape_json, escape_xml
from apps.engine.templates.helpers.registry import helper

_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#39|#x27|#34|#x22);", re.IGNORECASE)
_CHARACTERS = {
    "lt": "<",
    "gt": ">",
    "amp": "&",
    "quot": '"',
    "apos": "'",
    "#39": "'",
    "#x27": "'",
    "#34": '"',
    "#x22": '"',
}
_SCHEME = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*:(?=//)")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
# Whole doubles from 1e21 on stay as they are. Text that looks like one only costs a second pass.
_WHOLE_DOUBLE = re.compile(rb"\d\.0(?!\d)|\de\+(?:1[6-9]|20)(?!\d)")
_CODECS = {
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "ascii": "ascii",
    "binary": "latin-1",
    "latin1": "latin-1",
    "ucs2": "utf-16-le",
    "ucs-2": "utf-16-le",
    "utf16le": "utf-16-le",
    "utf-16le": "utf-16-le",
}
_ENCODINGS = ("hex", "base64")


@helper("base64Encode")
def base64_encode(value: Any, form: Any = "utf8") -> str:
    """`hex` gives the text in hexadecimal; the other names say how the text becomes bytes."""
    text, form = to_text(value), to_text(form).lower() or "utf8"
    if form == "hex":
        return text.encode("utf-8", "replace").hex()
    data = text.encode("utf-8" if form == "base64" else _codec(form), "replace")
    return base64.b64encode(data).decode()


@helper("base64Decode")
def base64_decode(value: Any, form: Any = "utf8") -> str:
    data, form = _from_base64(to_text(value)), to_text(form).lower() or "utf8"
    if form in _ENCODINGS:
        return _digest_text(data, form)
    if form == "ascii":
        data = bytes(byte & 0x7F for byte in data)
    return data.decode(_codec(form), "replace")


def _from_base64(text: str) -> bytes:
    digits = _NOT_BASE64.sub("", text.partition("=")[0].replace("-", "+").replace("_", "/"))
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + "=" * (-len(digits) % 4))


def _codec(form: str) -> str:
    if form not in _CODECS:
        raise ValueError(f"{form!r} is not one of {', '.join((*_CODECS, *_ENCODINGS))}")
    return _CODECS[form]


@helper("encodeURI")
def encode_uri(value: Any) -> str:
    return encode_component(to_text(value))


@helper("decodeURI")
def decode_uri(value: Any) -> str:
    text = to_text(value)
    if _BAD_ESCAPE.search(text):
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


@helper("htmlEncode")
def html_encode(value: Any) -> str:
    return escape_xml(to_text(value))


@helper("htmlDecode")
def html_decode(value: Any) -> str:
    return _ENTITY.sub(lambda entity: _CHARACTERS[entity.group()[1:-1].lower()], to_text(value))


@helper("jsonSerialize", "jsonStringify")
def json_serialize(value: Any) -> str:
    """Compact JSON with whole doubles as JavaScript writes them. Raises ValueError for what nests too deeply."""
    try:
        try:
            data = orjson.dumps(value, default=_plain_json)
        except orjson.JSONEncodeError:
            data = orjson.dumps(value, default=_plain_json, option=orjson.OPT_NON_STR_KEYS)
        # Most records have none of these; looking for them is much cheaper than the pattern.
        if (b".0" in data or b"e+" in data) and _WHOLE_DOUBLE.search(data):
            data = orjson.dumps(_javascript(value, 0))
    except (orjson.JSONEncodeError, RecursionError):
        # Integers past 64 bits and lone surrogates are beyond orjson.
        return json.dumps(_javascript(value, 0), ensure_ascii=False, separators=(",", ":"))
    return data.decode()


def _plain_json(value: Any) -> Any:
    return dict(value) if hasattr(value, "keys") else to_text(value)


def _javascript(value: Any, depth: int) -> Any:
    if depth > 200:
        raise ValueError("the value nests deeper than 200 levels")
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, (str, int)) or value is None:
        return value
    if isinstance(value, (list, tuple)):
        return [_javascript(item, depth + 1) for item in value]
    if hasattr(value, "keys"):
        return {to_text(key): _javascript(value[key], depth + 1) for key in value}
    return to_text(value)


@helper("jsonEncode")
def json_encode(value: Any) -> str:
    return escape_json(to_text(value))


@helper("jsonParse")
def json_parse(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return value
    try:
        return load_json(to_text(value))
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None


@helper("stripProtocol")
def strip_protocol(value: Any) -> str:
    return _SCHEME.sub("", to_text(value))


@helper("stripQuerystring")
def strip_query_string(value: Any) -> str:
    return to_text(value).partition("?")[0]


@helper("hash")
def digest(algorithm: Any, encoding: Any, value: Any, *rest: Any) -> str:
    """With four arguments it is `hmac algorithm key encoding value`, as its options pages show it."""
    if rest:
        return keyed_digest(algorithm, encoding, value, rest[0])
    name = _algorithm(algorithm)
    return _digest_text(hashlib.new(name, _utf8(value), usedforsecurity=False).digest(), to_text(encoding))


@helper("hmac")
def keyed_digest(algorithm: Any, key: Any, encoding: Any, value: Any, key_encoding: Any = "utf8") -> str:
    match to_text(key_encoding).lower():
        case "" | "utf8" | "utf-8":
            secret = _utf8(key)
        case "base64":
            secret = _from_base64(to_text(key))
        case other:
            raise ValueError(f"the key's encoding is utf8 or base64, not {other!r}")
    return _digest_text(hmac.new(secret, _utf8(value), _algorithm(algorithm)).digest(), to_text(encoding))


def _utf8(value: Any) -> bytes:
    return to_text(value).encode("utf-8", "replace")


def _algorithm(value: Any) -> str:
    name = to_text(value).lower().replace("-", "")
    if name not in hashlib.algorithms_available or name.startswith("shake"):
        raise ValueError(f"{to_text(value)!r} is not a known digest")
    return name


def _digest_text(data: bytes, encoding: str) -> str:
    match encoding.lower():
        case "hex":
            return data.hex()
        case "base64":
            return base64.b64encode(data).decode()
    raise ValueError(f"the encoding is hex or base64, not {encoding!r}")
