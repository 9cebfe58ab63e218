"""JSON files: a list at a path is read item by item, so memory holds one item and not the list; and JSON lines."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from apps.engine.json_values import load_json, why_unkeepable

from .cursor import Cursor, FormatError, Stream, chunks, codec, mark_length, utf16

LONGEST_VALUE = 16 * 1024 * 1024
_SPACE = re.compile(r"[ \t\r\n]*")
_SCAN = json.JSONDecoder().raw_decode
_COMPACT = 1024 * 1024


def parse_json(
    stream: Stream, *, resource_path: str, cursor: Cursor, encoding: str = "utf8"
) -> Iterator[tuple[Any, Cursor]]:
    """(record, cursor behind it) for each item of the list at `resource_path` (dots, no index; empty: the root).

    A single object there is one record; a path that leads nowhere gives none. Resuming reads over the records
    before the cursor, since only the beginning tells where the list is.
    """
    text = _Text(stream, encoding=encoding)
    path = resource_path.split(".") if resource_path else []
    if not _descend(text, path):
        return
    values = _items(text) if text.peek() == "[" else iter([text.value()])
    for number, value in enumerate(values, start=1):
        if number > cursor.record:
            yield value, replace(cursor, record=number)
    # What follows the list is read too: a file that breaks off must not pass for a whole one.
    text.finish(depth=len(path))


def parse_json_lines(stream: Stream, *, cursor: Cursor, encoding: str = "utf8") -> Iterator[tuple[Any, Cursor]]:
    """(record, cursor behind it) for each line; blank lines are none."""
    offset = cursor.offset or mark_length(stream, encoding=encoding)
    record = cursor.record
    name = "utf-8" if utf16(encoding) else codec(encoding)
    for raw in _lines(chunks(stream, offset=offset, encoding=encoding)):
        offset += len(raw)
        if not raw.strip():
            continue
        record += 1
        try:
            value = load_json(raw if name == "utf-8" else raw.decode(name))
        except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
            raise FormatError(f"Line {record} is not JSON: {error}.", record=record) from None
        yield value, replace(cursor, offset=offset, record=record)


def json_text(records: Iterable[Any], *, resource_path: str = "") -> Iterator[str]:
    """A JSON file as pieces of text, the list wrapped at `resource_path`."""
    path: Sequence[str] = resource_path.split(".") if resource_path else []
    yield "".join(f"{{{json.dumps(key)}:" for key in path) + "["
    for number, record in enumerate(records):
        yield ("," if number else "") + orjson.dumps(record, default=str).decode()
    yield "]" + "}" * len(path)


class _Text:
    """A window of decoded text that moves over the stream; values are scanned in it and dropped behind it."""

    def __init__(self, stream: Stream, *, encoding: str) -> None:
        name = "utf-8" if utf16(encoding) else codec(encoding)
        self._decoder = codecs.getincrementaldecoder(name)()
        self._pieces = chunks(stream, offset=0, encoding=encoding)
        self._window = ""
        self._at = 0
        self._dropped = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is no space, "" at the end."""
        while True:
            found = _SPACE.match(self._window, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        got = self.peek()
        if got != wanted:
            self.fail(f"{wanted!r} is missing" if got else f"it ends where {wanted!r} should be")
        self._at += 1

    def value(self) -> Any:
        """The value that begins here, whole."""
        self.peek()
        wanted = 0
        while True:
            try:
                value, end = _SCAN(self._window, self._at)
                # A number may go on in the next piece; everything else has an end of its own.
                if self._ended or (end < len(self._window) and self._window[end] not in ".eE+-"):
                    self._at = end
                    if self._at > _COMPACT:
                        self._drop()
                    if unkeepable := why_unkeepable(value):
                        self.fail(f"a value {unkeepable}")
                    return value
            except json.JSONDecodeError as error:
                if self._ended:
                    self.fail(error.msg.lower(), at=error.pos)
            except RecursionError:
                self.fail("it is nested too deeply")
            # Twice as much each time, or a long value would be scanned once per piece.
            wanted = max(wanted * 2, len(self._window) - self._at + 1)
            if len(self._window) - self._at > LONGEST_VALUE:
                self.fail(f"a value is longer than {LONGEST_VALUE} characters")
            while len(self._window) - self._at < wanted and self._more():
                pass

    def finish(self, *, depth: int) -> None:
        """Read the rest of `depth` objects that are open, and the end."""
        for _ in range(depth):
            while self.peek() == ",":
                self._at += 1
                self.member()
                self.value()
            self.take("}")
        if self.peek():
            self.fail("something follows the end")

    def member(self) -> str:
        name = self.value()
        if not isinstance(name, str):
            self.fail("a member has no name")
        self.take(":")
        return str(name)

    def fail(self, what: str, *, at: int | None = None) -> None:
        raise FormatError(
            f"The file is not JSON: {what}, character {self._dropped + (self._at if at is None else at)}."
        )

    def _more(self) -> bool:
        if self._ended:
            return False
        piece = next(self._pieces, b"")
        self._drop()
        try:
            self._window += self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise FormatError(f"The file is not valid in its encoding: {error.reason}.") from None
        self._ended = not piece
        return not self._ended

    def _drop(self) -> None:
        self._dropped += self._at
        self._window = self._window[self._at :]
        self._at = 0


def _descend(text: _Text, path: Sequence[str]) -> bool:
    """Move to the value at `path`; members before it are read over. False: there is no such path."""
    for position, wanted in enumerate(path):
        if text.peek() != "{":
            text.value()
            text.finish(depth=position)
            return False
        text.take("{")
        if text.peek() == "}":
            text.take("}")
            text.finish(depth=position)
            return False
        while text.member() != wanted:
            text.value()
            if text.peek() != ",":
                text.finish(depth=position + 1)
                return False
            text.take(",")
    return True


def _items(text: _Text) -> Iterator[Any]:
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.peek() != ",":
            text.take("]")
            return
        text.take(",")


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Lines with their ends. A newline byte is a newline in every encoding but UTF-16, which comes as UTF-8."""
    rest: list[bytes] = []
    held = 0
    for piece in pieces:
        *whole, last = piece.split(b"\n")
        for line in whole:
            yield b"".join((*rest, line, b"\n"))
            rest, held = [], 0
        rest.append(last)
        held += len(last)
        if held > LONGEST_VALUE:
            raise FormatError(f"A line is longer than {LONGEST_VALUE} bytes.")
    if any(rest):
        yield b"".join(rest)
