"""XLSX as records. The surprise: the library behind it is loaded with the first workbook, since it takes a third of a
second of every start otherwise.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO

from .cursor import Cursor


@dataclass(frozen=True, slots=True)
class XlsxRules:
    has_header: bool = True
    trim: bool = False
    skip_rows: int = 0


def parse_xlsx(stream: BinaryIO, rules: XlsxRules, cursor: Cursor) -> Iterator[tuple[dict[str, Any], Cursor]]:
    """As `xlsx_files.parse_xlsx`."""
    yield from _files().parse_xlsx(stream, rules, cursor)


def xlsx_file(
    records: Iterable[Mapping[str, Any]], *, include_header: bool = True, order: Sequence[str] = ()
) -> Iterator[bytes]:
    """As `xlsx_files.xlsx_file`."""
    yield from _files().xlsx_file(records, include_header=include_header, order=order)


def _files() -> Any:
    return import_module("apps.engine.formats.xlsx_files")
