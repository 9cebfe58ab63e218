"""Writes CSV by the rules of Celigo's file documents (section 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class CsvWriting:
    """`wrap_all` False quotes only where needed. `columns` empty: those in `order`, then the first record's.

    `defuse`: what a spreadsheet would take for a formula is written as text. Only where it is asked for: a program
    that reads the file would find another value than was sent.
    """

    column_delimiter: str = ","
    row_delimiter: str = "\n"
    include_header: bool = True
    wrap_all: bool = False
    replace_tabs: bool = False
    replace_newlines: bool = False
    truncate_last_delimiter: bool = False
    custom_header_rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    order: Sequence[str] = ()
    defuse: bool = False


def csv_text(records: Iterable[dict[str, Any]], writing: CsvWriting) -> Iterator[str]:
    """The file as pieces of text, a row each. Nested values become JSON text."""
    delimiter, end = writing.column_delimiter, writing.row_delimiter
    needs_quotes = re.compile(f'["\\r\\n]|{re.escape(delimiter)}|{re.escape(end)}')
    columns: Sequence[str] = list(writing.columns)

    def line(values: Iterable[Any]) -> str:
        return delimiter.join(_cell(value, writing, needs_quotes) for value in values)

    def lines() -> Iterator[str]:
        nonlocal columns
        yield from writing.custom_header_rows
        started = False
        for record in records:
            columns = columns or list(dict.fromkeys([*writing.order, *record]))
            if not started and writing.include_header:
                yield line(columns)
            started = True
            yield line(record.get(column) for column in columns)
        if not started and writing.include_header and (columns or writing.order):
            yield line(columns or writing.order)

    held: str | None = None
    for text in lines():
        if held is not None:
            yield held + end
        held = text
    if held is not None:
        yield held if writing.truncate_last_delimiter else held + end


def _cell(value: Any, writing: CsvWriting, needs_quotes: re.Pattern[str]) -> str:
    if value is None:
        text = ""
    elif isinstance(value, str):
        text = value
    else:
        text = orjson.dumps(value, default=str).decode()
    if writing.defuse:
        text = defused(text)
    if writing.replace_tabs:
        text = text.replace("\t", " ")
    if writing.replace_newlines:
        text = re.sub(r"\r\n|\n|\r", " ", text)
    if writing.wrap_all or needs_quotes.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def csv_writing(document: Mapping[str, Any], *, order: Sequence[str] = ()) -> CsvWriting:
    """The rules of a document's `csv` member for writing."""
    return CsvWriting(
        column_delimiter=document.get("columnDelimiter") or ",",
        row_delimiter=document.get("rowDelimiter") or "\n",
        include_header=document.get("includeHeader") is not False,
        wrap_all=bool(document.get("wrapWithQuotes")),
        replace_tabs=bool(document.get("replaceTabWithSpace")),
        replace_newlines=bool(document.get("replaceNewlineWithSpace")),
        truncate_last_delimiter=bool(document.get("truncateLastRowDelimiter")),
        order=tuple(order),
        custom_header_rows=tuple(document.get("customHeaderRows") or ()),
        defuse=bool(document.get("defuseFormulas")),
    )


def defused(text: str) -> str:
    """A cell that a spreadsheet would take for a formula, as text."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
