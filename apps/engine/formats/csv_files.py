"""Reads CSV by the rules of Celigo's file documents. One character as delimiter goes through the csv module."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .cursor import Cursor, FormatError, Stream, chunks, codec, mark_length, utf16

_LONGEST_RECORD = 16 * 1024 * 1024
_ANY_ROW_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class CsvRules:
    """`row_delimiter` empty: any of \\n, \\r\\n, \\r. `quoting` False is disableQuoteAndStripEnclosingQuotes."""

    column_delimiter: str = ","
    row_delimiter: str = ""
    has_header: bool = True
    trim: bool = False
    skip_rows: int = 0
    quoting: bool = True
    encoding: str = "utf8"


def parse_csv(stream: Stream, rules: CsvRules, cursor: Cursor) -> Iterator[tuple[dict[str, str], Cursor]]:
    """(record, cursor behind it), from `cursor` on. Without a header fields are Column0, Column1…

    Cells beyond the header get such names too; missing ones are left out. Empty lines are no records.
    """
    if not rules.column_delimiter:
        raise FormatError("csv.columnDelimiter is empty.")
    offset = cursor.offset or mark_length(stream, encoding=rules.encoding)
    header = list(cursor.header)
    record = cursor.record
    pending_skips = 0 if cursor.record or cursor.header else rules.skip_rows
    needs_header = rules.has_header and not header
    for row, behind in _rows(stream, rules, offset=offset):
        if pending_skips:
            pending_skips -= 1
            continue
        if not row or row == [""]:
            continue
        if needs_header:
            header = _unique([cell.strip() for cell in row])
            needs_header = False
            continue
        cells = [cell.strip() for cell in row] if rules.trim else row
        if len(cells) > len(header):
            header += [f"Column{number}" for number in range(len(header), len(cells))]
        record += 1
        yield (
            dict(zip(header, cells, strict=False)),
            replace(cursor, offset=behind, record=record, header=tuple(header)),
        )


def _rows(stream: Stream, rules: CsvRules, *, offset: int) -> Iterator[tuple[list[str], int]]:
    """(cells, offset behind the row). The csv module pulls the lines that a quoted cell spans one by one."""
    lines = _Lines(stream, rules, offset=offset)
    if not rules.quoting:
        for text in lines:
            cells = [_stripped(cell) for cell in lines.bare(text).split(rules.column_delimiter)]
            yield cells, lines.offset
    elif len(rules.column_delimiter) == 1:
        try:
            for cells in csv.reader(lines, delimiter=rules.column_delimiter, strict=False):
                yield cells, lines.offset
        except csv.Error as error:
            raise FormatError(f"The CSV cannot be read near byte {lines.offset}: {error}.") from None
    else:
        yield from _long_delimiter_rows(lines, rules.column_delimiter)


def _long_delimiter_rows(lines: _Lines, delimiter: str) -> Iterator[tuple[list[str], int]]:
    cell = re.compile(rf'"((?:[^"]|"")*)"(?:{re.escape(delimiter)}|\Z)|(.*?)(?:{re.escape(delimiter)}|\Z)', re.DOTALL)
    for text in lines:
        parts, quotes, size = [text], text.count('"'), len(text)
        while quotes % 2:
            more = next(lines, None)
            if more is None:
                raise FormatError(f"A quoted cell is not closed before the end, byte {lines.offset}.")
            parts.append(more)
            quotes, size = quotes + more.count('"'), size + len(more)
            if size > _LONGEST_RECORD:
                raise FormatError(f"The row before byte {lines.offset} is longer than {_LONGEST_RECORD} bytes.")
        row = lines.bare("".join(parts))
        cells, position = [], 0
        while True:
            found = cell.match(row, position)
            if found is None:
                raise FormatError(f"The CSV cannot be read near byte {lines.offset}.")
            cells.append(found[1].replace('""', '"') if found[1] is not None else found[2])
            position = found.end()
            if not found[0].endswith(delimiter):
                break
        yield cells, lines.offset


class _Lines:
    """Decoded lines, each with a plain \\n where its row delimiter was; `offset` is behind the last one given out."""

    def __init__(self, stream: Stream, rules: CsvRules, *, offset: int) -> None:
        self.offset = offset
        self._codec = "utf-8" if utf16(rules.encoding) else codec(rules.encoding)
        self._pieces = chunks(stream, offset=offset, encoding=rules.encoding)
        delimiter = rules.row_delimiter.encode(self._codec)
        self._end = re.compile(re.escape(delimiter)) if delimiter else _ANY_ROW_END
        self._lookahead = max(len(delimiter), 2)
        self._buffer = b""
        self._position = 0
        self._ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while True:
            found = self._end.search(self._buffer, self._position)
            # A \r at the very end of the buffer may be half of \r\n: wait for more.
            if found and (self._ended or found.end() + self._lookahead <= len(self._buffer) or found[0][-1:] == b"\n"):
                return self._give(found.start(), found.end())
            if self._ended:
                if self._position >= len(self._buffer):
                    raise StopIteration
                return self._give(len(self._buffer), len(self._buffer))
            self._read_on()

    @staticmethod
    def bare(text: str) -> str:
        return text.removesuffix("\n")

    def _give(self, end: int, behind: int) -> str:
        raw = self._buffer[self._position : end]
        self.offset += behind - self._position
        self._position = behind
        try:
            return raw.decode(self._codec) + ("\n" if behind > end else "")
        except UnicodeDecodeError as error:
            raise FormatError(
                f"The bytes before byte {self.offset} are not valid {self._codec}: {error.reason}."
            ) from None

    def _read_on(self) -> None:
        if len(self._buffer) - self._position > _LONGEST_RECORD:
            raise FormatError(f"The row at byte {self.offset} is longer than {_LONGEST_RECORD} bytes.")
        piece = next(self._pieces, None)
        if piece is None:
            self._ended = True
        else:
            self._buffer = self._buffer[self._position :] + piece
            self._position = 0


def _stripped(cell: str) -> str:
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _unique(names: list[str]) -> list[str]:
    """Blank headers are named by position, repeated ones get a number."""
    seen: dict[str, int] = {}
    found = []
    for position, given in enumerate(names):
        name = given or f"Column{position}"
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


csv.field_size_limit(_LONGEST_RECORD)


def read_text(text: str, rules: CsvRules) -> list[dict[str, str]]:
    """All records of a text that is in memory already, as of an HTTP answer."""
    stream = io.BytesIO(text.encode())
    return [record for record, _ in parse_csv(stream, replace(rules, encoding="utf8"), Cursor())]


def csv_rules(document: Mapping[str, Any], *, encoding: str = "") -> CsvRules:
    """The rules of a document's `csv` member for reading."""
    return CsvRules(
        column_delimiter=document.get("columnDelimiter") or ",",
        row_delimiter=document.get("rowDelimiter") or "",
        has_header=document.get("hasHeaderRow") is not False,
        trim=bool(document.get("trimSpaces")),
        skip_rows=int(document.get("rowsToSkip") or 0),
        quoting=not document.get("disableQuoteAndStripEnclosingQuotes"),
        encoding=encoding or "utf8",
    )
