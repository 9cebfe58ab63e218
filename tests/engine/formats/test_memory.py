"""Big files pass through little memory, whatever their format."""

import resource
import tracemalloc

import pytest

from apps.engine.formats import (
    CsvRules,
    Cursor,
    XmlRules,
    csv_text,
    json_text,
    parse_csv,
    parse_json,
    parse_xml,
    xml_text,
)
from apps.engine.formats.csv_writing import CsvWriting
from apps.engine.formats.cursor import CHUNK

MEGABYTE = 1024 * 1024
ROW = {"id": 123456, "name": "Order, a long one", "note": "x" * 150, "cc": "DE"}


class Endless:
    """A file that is made as it is read: `head`, `unit` again and again up to about `size` bytes, `tail`."""

    def __init__(self, head, unit, tail, *, size):
        self.head, self.tail = head, tail
        self.block = unit * (CHUNK // len(unit))
        self.blocks = size // len(self.block)
        self.records = self.blocks * (CHUNK // len(unit))
        self.seek(0)

    def seek(self, offset):
        assert offset == 0
        self.pieces = iter([self.head, *[self.block] * self.blocks, self.tail])

    def read(self, size):
        return next(self.pieces, b"")


def source(format, size):
    row = "".join(csv_text([ROW], CsvWriting(include_header=False))).encode()
    if format == "csv":
        return Endless(b"id,name,note,cc\n", row, b"", size=size)
    if format == "json":
        item = "".join(json_text([ROW])).encode()[1:-1]
        return Endless(b"[" + item, b"," + item, b"]", size=size)
    item = "".join(xml_text([ROW])).encode().splitlines(keepends=True)[2]
    return Endless(b"<records>", item, b"</records>", size=size)


def read(format, stream):
    match format:
        case "csv":
            return parse_csv(stream, CsvRules(), Cursor(offset=0))
        case "json":
            return parse_json(stream, resource_path="", cursor=Cursor())
    return parse_xml(stream, XmlRules(path="/records/record"), Cursor())


def peak(format, size):
    stream = source(format, size)
    tracemalloc.start()
    try:
        count = sum(1 for _ in read(format, stream))
        return count - stream.records, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("format", ["csv", "json", "xml"])
def test_a_file_three_times_as_long_needs_no_more_memory(format):
    _, short = peak(format, MEGABYTE)
    extra, long = peak(format, 3 * MEGABYTE)
    assert extra == (format == "json") and long < short * 1.1 and long < 6 * MEGABYTE


@pytest.mark.long
@pytest.mark.parametrize(("format", "megabytes"), [("csv", 2048), ("json", 2048), ("xml", 256)])
def test_a_file_of_gigabytes_is_read_in_the_memory_of_a_small_one(format, megabytes):
    """Of the whole process, as its system counts; XML is read slower, and so is shorter."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stream = source(format, megabytes * MEGABYTE)
    assert sum(1 for _ in read(format, stream)) - stream.records == (format == "json")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024
