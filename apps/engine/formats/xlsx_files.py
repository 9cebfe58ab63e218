"""XLSX as records, both ways without holding the sheet: openpyxl's read-only and write-only modes.

Values, not formulas; the first sheet. A reader needs a file that can be sought in: the format is a zip, read from its
end. What is written is text, number or truth value, never a formula.
"""

import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

import orjson
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from .cursor import CHUNK, Cursor, FormatError
from .xlsx import XlsxRules

MOST_ROWS = 1_048_576  # of a sheet, header included
LONGEST_CELL = 32_767
MOST_SHARED = 256 * 1024 * 1024  # the table of texts, which is read whole
LARGEST_ROW = 16 * 1024 * 1024  # of its XML: what is packed into a megabyte may unpack to a thousand
_SHARED = ("xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml")


def parse_xlsx(stream: BinaryIO, rules: XlsxRules, cursor: Cursor) -> Iterator[tuple[dict[str, Any], Cursor]]:
    """(record, cursor behind it). Without a header fields are Column1, Column2…; empty rows are no records.

    Dates are ISO texts. Resuming reads over the rows before the cursor.
    """
    try:
        with ZipFile(stream) as archive:
            sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        if any(sizes.get(name, 0) > MOST_SHARED for name in _SHARED):
            raise FormatError(f"The workbook's table of texts is larger than {MOST_SHARED} bytes.")
        stream.seek(0)
        reader = _Reader(stream, read_only=True, data_only=True, keep_links=False)
        reader.read()
        with closing(reader.wb) as book:
            if not book.worksheets:
                raise FormatError("The workbook has no sheet.")
            yield from _records(_rows(book.worksheets[0]), rules, cursor)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, ParseError, EOFError) as error:
        raise FormatError(f"The file is no XLSX workbook: {error}.") from None


class _Source:
    """A sheet's XML as it is unpacked. `since` counts what has come since a row was last given out."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.since = 0

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self._inner.read(size)
        self.since += len(piece)
        if self.since > LARGEST_ROW:
            raise FormatError(
                f"A row of the sheet, or what stands before the rows, is larger than {LARGEST_ROW} bytes."
            )
        return piece

    def __enter__(self) -> "_Source":
        return self

    def __exit__(self, *_: object) -> None:
        self._inner.close()


class _Sheet(ReadOnlyWorksheet):
    """What a file says of its size may be wrong, and a file that does not say was read whole to find out."""

    source: _Source | None = None

    def _get_size(self) -> None:
        self.reset_dimensions()

    def _get_source(self) -> _Source:
        self.source = _Source(super()._get_source())
        return self.source


class _Reader(ExcelReader):
    """Of the first sheet that is one of cells."""

    def read_worksheets(self) -> None:
        for sheet, link in self.parser.find_sheets():
            if link.target in self.valid_files and "chartsheet" not in link.Type:
                self.wb._sheets.append(_Sheet(self.wb, sheet.name, link.target, self.shared_strings))
                return


def _rows(sheet: Any) -> Iterator[Sequence[Any]]:
    for row in sheet.iter_rows(values_only=True, max_row=MOST_ROWS):
        sheet.source.since = 0
        yield row


def xlsx_file(
    records: Iterable[Mapping[str, Any]], *, include_header: bool = True, order: Sequence[str] = ()
) -> Iterator[bytes]:
    """The workbook as pieces of bytes, by way of a temporary file.

    Columns are those in `order`, then the first record's.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    columns: Sequence[str] = ()
    count = 0
    for record in records:
        if not columns:
            columns = list(dict.fromkeys([*order, *record]))
            if include_header:
                sheet.append([_cell(sheet, name) for name in columns])
                count += 1
        count += 1
        if count > MOST_ROWS:
            raise FormatError(f"A sheet holds at most {MOST_ROWS} rows.")
        sheet.append([_cell(sheet, record.get(column)) for column in columns])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while piece := file.read(CHUNK):
            yield piece


def _records(
    rows: Iterable[Sequence[Any]], rules: XlsxRules, cursor: Cursor
) -> Iterator[tuple[dict[str, Any], Cursor]]:
    header: list[str] = []
    number = skipped = 0
    needs_header = rules.has_header
    for row in rows:
        if skipped < rules.skip_rows:
            skipped += 1
            continue
        if all(value is None or value == "" for value in row):
            continue
        if needs_header:
            header, needs_header = _header(row), False
            continue
        number += 1
        if number <= cursor.record:
            continue
        if len(row) > len(header):
            header += [f"Column{i + 1}" for i in range(len(header), len(row))]
        values = (_value(value, rules) for value in row)
        yield dict(zip(header, values, strict=False)), replace(cursor, offset=0, record=number)


def _header(row: Sequence[Any]) -> list[str]:
    """Blank headers are named by position, repeated ones get a number."""
    seen: dict[str, int] = {}
    found = []
    for position, value in enumerate(row, start=1):
        name = "" if value is None else str(_value(value, XlsxRules())).strip()
        name = name or f"Column{position}"
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    while found and row[len(found) - 1] in (None, ""):  # cells behind the last header
        found.pop()
    return found


def _value(value: Any, rules: XlsxRules) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.strip() if rules.trim and isinstance(value, str) else value


def _cell(sheet: Any, value: Any) -> Any:
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    if len(text) > LONGEST_CELL:
        raise FormatError(f"A cell holds at most {LONGEST_CELL} characters; one of {len(text)} was to be written.")
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))
    cell.data_type = "s"  # however it begins: it is no formula
    return cell
