"""Bodies out and in: a JSON value as its media type has it, and an answer's body as a JSON value."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from apps.connections.reading import spelled
from apps.core.gateway import BadResponse, InvalidRequest, Response
from apps.engine.formats import CsvRules, CsvWriting, FormatError, XmlRules, csv_text, read_xml
from apps.engine.formats.csv_files import read_text
from apps.engine.records import table_rows

CONTENT_TYPES = {
    "json": "application/json",
    "xml": "application/xml",
    "csv": "text/csv",
    "urlencoded": "application/x-www-form-urlencoded",
    "form-data": "multipart/form-data",
    "plaintext": "text/plain; charset=utf-8",
    "octet-stream": "application/octet-stream",
}
FORMS = ("urlencoded", "form-data")
_CHARSETS = ("utf-8", "iso-8859-1", "latin-1", "us-ascii", "windows-1252", "utf-16")
_BOUNDARY_OF = "--junction-"


def encode_body(value: Any, *, media_type: str, csv: CsvWriting | None = None) -> bytes:
    """A value for the wire. Texts go as they are; forms take an object, nested values as JSON text.

    CSV takes a record or a list of them.
    """
    try:
        return _encoded(value, media_type=media_type, csv=csv)
    except (UnicodeEncodeError, orjson.JSONEncodeError) as error:  # lone surrogates, more levels than JSON is written
        raise InvalidRequest(f"The body cannot be sent as {media_type}: {str(error)[:200]}.") from None


def _encoded(value: Any, *, media_type: str, csv: CsvWriting | None) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and media_type != "json":
        return value.encode()
    if media_type in FORMS:
        if not isinstance(value, Mapping):
            raise InvalidRequest("A form body must be a JSON object.")
        return urlencode(list(_pairs(value))).encode() if media_type == "urlencoded" else _multipart(value)
    if media_type == "csv":
        rows = value if isinstance(value, list) else [value]
        return "".join(csv_text(table_rows(rows), csv or CsvWriting())).encode()
    return orjson.dumps(value)


def encode_file(fields: Mapping[str, Any], *, name: str, content: bytes, content_type: str) -> bytes:
    """A multipart form with the object's members and, as its last part `file`, a file."""
    shown = "".join(letter for letter in name.replace('"', "%22") if letter.isprintable())
    kind = content_type if content_type.isprintable() and content_type else CONTENT_TYPES["octet-stream"]
    head = f'Content-Disposition: form-data; name="file"; filename="{shown}"\r\nContent-Type: {kind}\r\n\r\n'
    return _multipart(fields, last=head.encode() + content + b"\r\n")


def encode_text(text: str, *, media_type: str) -> bytes:
    """A body template's text for the wire: as it is, but that of a JSON object makes the form it describes."""
    if media_type in FORMS and text.lstrip().startswith("{"):
        try:
            return encode_body(orjson.loads(text), media_type=media_type)
        except orjson.JSONDecodeError:
            pass
    return encode_body(text, media_type="plaintext")


def content_type(media_type: str, body: bytes) -> str:
    """The header's value; that of a multipart form names the boundary, which its body begins with."""
    if media_type == "form-data":
        boundary = body[2 : body.find(b"\r\n")].decode("latin-1") if body.startswith(_BOUNDARY_OF.encode()) else "-"
        return f"{CONTENT_TYPES[media_type]}; boundary={boundary}"
    return CONTENT_TYPES[media_type]


def decode_body(response: Response) -> Any:
    """What an answer says by its own content type: a JSON value, a form's object, else text; empty is None."""
    if response.planned:
        return response.json()
    if not response.body:
        return None
    kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return response.json()
    text = _text(response)
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(text, keep_blank_values=True))
    if not kind and text.lstrip()[:1] in ("{", "["):
        return response.json()
    return text


def read_body(response: Response, *, media_type: str, csv: CsvRules | None = None, xml: XmlRules | None = None) -> Any:
    """What an answer says by the media type that its document declares; empty is None. Raises BadResponse.

    XML is `{root: …}`, CSV a list of rows, plain text one text.
    """
    if response.planned:
        return response.json()
    if not response.body:
        return None
    try:
        if media_type == "xml":
            return read_xml(*_xml_of(response, xml or XmlRules()))
        if media_type == "csv":
            return read_text(_text(response), csv or CsvRules())
        if media_type == "plaintext":
            return _text(response)
    except FormatError as error:
        what = f"The body is not the {media_type} it should be (status {response.status})"
        raise BadResponse(f"{what}: {error.message}") from None
    return response.json()


def answer_type(response: Response, *, declared: str, sent: str, otherwise: str) -> str:
    """The media type of an answer: as its document declares it, else that of the request, unless the answer says.

    `otherwise` is the connection's.
    """
    if declared or sent not in ("json", "xml") or sent == otherwise:
        return declared or otherwise
    kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    told = {"json": "json", "xml": "xml"}.get(kind.rpartition("/")[2].rpartition("+")[2], "")
    return told or sent


def _xml_of(response: Response, rules: XmlRules) -> tuple[bytes, XmlRules]:
    """A charset in the header counts more than what the document says of itself."""
    if "charset=" not in response.headers.get("Content-Type", "") or _charset(response) == "utf-16":
        return response.body, rules
    return _text(response).encode(), replace(rules, encoding="utf8")


def _text(response: Response) -> str:
    return response.body.decode(_charset(response), errors="replace")


def _charset(response: Response) -> str:
    _, _, name = response.headers.get("Content-Type", "").partition("charset=")
    name = name.split(";")[0].strip(" \"'").lower()
    return name if name in _CHARSETS else "utf-8"


def _pairs(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        for one in item if isinstance(item, list) else [item]:
            if one is not None:
                yield name, orjson.dumps(one).decode() if isinstance(one, dict | list) else spelled(one)


def _multipart(value: Mapping[str, Any], *, last: bytes = b"") -> bytes:
    """The boundary is made of what is sent: the same form twice is the same body twice. `last`: a part of its own."""
    pairs = [(name.replace("\\", "\\\\").replace('"', "%22"), text) for name, text in _pairs(value)]
    if any(mark in name for name, _ in pairs for mark in "\r\n"):
        raise InvalidRequest("The name of a form's field must not hold line breaks.")
    boundary = _BOUNDARY_OF + hashlib.sha256(repr(pairs).encode() + last).hexdigest()[:32]
    lines = [f'{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in pairs]
    file = f"{boundary}\r\n".encode() + last if last else b""
    return "".join(lines).encode() + file + f"{boundary}--\r\n".encode()
