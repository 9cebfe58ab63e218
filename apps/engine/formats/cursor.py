"""Where reading stopped, and the bytes of a stream as UTF-8 from there on.

Offsets count bytes of the file where its encoding is a superset of ASCII, and of its UTF-8 form where it is not
(UTF-16): then resuming reads and drops what lies before.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

ENCODINGS = {
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "win1252": "cp1252",
    "utf-16le": "utf-16-le",
    "gb18030": "gb18030",
    "macroman": "mac-roman",
    "iso88591": "latin-1",
    "shiftjis": "cp932",
}
CHUNK = 256 * 1024


class FormatError(Exception):
    """The file is not what it should be; the message names the place."""

    def __init__(self, message: str, *, record: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.record = record


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def seek(self, offset: int, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Cursor:
    """`record` records have been given out; the next begins at `offset`. `etag` is the file's, to notice another."""

    offset: int = 0
    record: int = 0
    etag: str = ""
    header: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        return {"offset": self.offset, "record": self.record, "etag": self.etag, "header": list(self.header)}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Cursor:
        return cls(document["offset"], document["record"], document["etag"], tuple(document["header"]))

    def check(self, etag: str) -> None:
        """FormatError if the file is no longer the one that the cursor was made for."""
        if self.record and self.etag != etag:
            raise FormatError(
                f"The file changed after {self.record} records were read (was {self.etag}, is {etag}); "
                f"going on would skip or repeat records."
            )


def codec(encoding: str) -> str:
    try:
        return ENCODINGS[encoding.lower()]
    except KeyError:
        raise FormatError(f"encoding: {encoding!r} is none of {', '.join(ENCODINGS)}.") from None


def utf16(encoding: str) -> bool:
    return codec(encoding) == "utf-16-le"


def chunks(stream: Stream, *, offset: int, encoding: str) -> Iterator[bytes]:
    """The file's bytes from `offset`, without a byte order mark; UTF-16 comes as UTF-8."""
    if not utf16(encoding):
        stream.seek(offset)
        first = offset == 0
        while piece := stream.read(CHUNK):
            if first and codec(encoding) == "utf-8":
                piece = piece.removeprefix(codecs.BOM_UTF8)
            first = False
            yield piece
        return
    stream.seek(0)
    decoder = codecs.getincrementaldecoder("utf-16-le")()
    skip = offset
    first = True
    while True:
        raw = stream.read(CHUNK)
        try:
            text = decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise FormatError(f"The file is not valid utf-16le: {error.reason}.") from None
        piece = (text.removeprefix("\ufeff") if first and text else text).encode()
        first = first and not text
        dropped, skip = piece[:skip], max(0, skip - len(piece))
        if piece := piece[len(dropped) :]:
            yield piece
        if not raw:
            return


def mark_length(stream: Stream, *, encoding: str) -> int:
    """Bytes of a leading byte order mark that `chunks` leaves out and offsets must count."""
    if codec(encoding) != "utf-8":
        return 0
    stream.seek(0)
    return len(codecs.BOM_UTF8) if stream.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0
