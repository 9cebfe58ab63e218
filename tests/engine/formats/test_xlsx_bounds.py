"""Workbooks that unpack to more than anybody has memory for."""

import io
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from apps.engine.formats import xlsx_files
from apps.engine.formats.cursor import Cursor, FormatError
from apps.engine.formats.xlsx_files import XlsxRules, parse_xlsx

HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = b"</sheetData></worksheet>"


def workbook(*pieces):
    """A good workbook whose sheet is replaced by these pieces of XML."""
    good, bad = io.BytesIO(), io.BytesIO()
    Workbook().save(good)
    with ZipFile(good) as source, ZipFile(bad, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            if name != "xl/worksheets/sheet1.xml":
                target.writestr(name, source.read(name))
        with target.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for piece in (HEAD, *pieces, TAIL):
                sheet.write(piece)
    bad.seek(0)
    return bad


def records(file, **rules):
    return [record for record, _ in parse_xlsx(file, XlsxRules(**rules), Cursor())]


def row(number, text):
    return f'<row r="{number}"><c r="A{number}" t="inlineStr"><is><t>{text}</t></is></c></row>'.encode()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(xlsx_files, "LARGEST_ROW", 200_000)


def test_a_sheet_larger_than_a_row_may_be_is_read_row_by_row():
    rows = [row(number, "x" * 1000) for number in range(2, 502)]
    assert len(records(workbook(row(1, "name"), *rows))) == 500


@pytest.mark.parametrize(
    "pieces",
    [
        (b'<row r="1"><c t="inlineStr"><is><t>', *[b"x" * 10_000] * 100, b"</t></is></c></row>"),
        (b'<row r="1">', *[b"<c><v>1</v></c>" * 1000] * 100, b"</row>"),
        (b"<!--", *[b"x" * 10_000] * 100, b"-->"),
    ],
    ids=["one cell", "one row", "one comment"],
)
def test_a_row_that_unpacks_without_end_is_refused(pieces):
    with pytest.raises(FormatError, match="is larger than 200000 bytes"):
        records(workbook(*pieces))


def test_a_row_beyond_the_last_one_that_a_sheet_can_have_ends_it():
    assert records(workbook(row(1, "a"), row(999_999_999_999, "b")), has_header=False) == [{"Column1": "a"}]
