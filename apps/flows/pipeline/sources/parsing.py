"""From a document's `file` member to records: which format, by which rules, packed or not."""

import gzip
import io
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, cast

from apps.core.errors import ValidationError
from apps.engine.formats import (
    Cursor,
    FormatError,
    XmlRules,
    csv_rules,
    parse_csv,
    parse_json,
    parse_json_lines,
    parse_xlsx,
    parse_xml,
)
from apps.engine.formats.archives import members_of
from apps.engine.formats.xlsx import XlsxRules
from apps.engine.formats.xml_files import path_of

TYPES = ("csv", "json", "jsonl", "xlsx", "xml")
COPIED = 1024 * 1024


class FileParser:
    """`parsers` of an export say how XML becomes JSON; a format's own member says the rest.

    Raises ValidationError naming the member.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.file = document.get("file") or {}
        self.type = self.file.get("type")
        if self.type not in TYPES:
            raise ValidationError(f"must be one of {', '.join(TYPES)}", field="file.type")
        packed = self.file.get("compressionFormat")
        if packed not in (None, "", "gzip", "zip"):
            raise ValidationError("must be gzip, zip, or absent", field="file.compressionFormat")
        self.packed, self.zipped = packed == "gzip", packed == "zip"
        self.rules = self.file.get(self.type) or {}
        self.encoding = self.file.get("encoding") or ""
        self.xml = xml_rules(document, self.rules, encoding=self.encoding) if self.type == "xml" else XmlRules()

    def parse(self, stream: BinaryIO, cursor: Cursor) -> Iterator[tuple[Any, Cursor]]:
        """(record, cursor behind it) from the cursor on. Raises FormatError as it is read."""
        if self.zipped:
            yield from self._members(stream, cursor)
            return
        if self.packed:
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=stream))
        try:
            yield from self._parse(stream, cursor)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise FormatError(f"The file is not packed as file.compressionFormat says: {error}.") from None

    def _members(self, stream: BinaryIO, cursor: Cursor) -> Iterator[tuple[Any, Cursor]]:
        """The records of all files of an archive, one after the other. Going on reads it again from its beginning."""
        number = 0
        for member in members_of(stream):
            for record, _ in self._parse(member, Cursor(etag=cursor.etag)):
                number += 1
                if number > cursor.record:
                    yield record, replace(cursor, record=number)

    def _parse(self, stream: BinaryIO, cursor: Cursor) -> Iterator[tuple[Any, Cursor]]:
        match self.type:
            case "json":
                path = self.rules.get("resourcePath") or ""
                return parse_json(stream, resource_path=path, cursor=cursor, encoding=self.encoding or "utf8")
            case "jsonl":
                return parse_json_lines(stream, cursor=cursor, encoding=self.encoding or "utf8")
            case "xml":
                return parse_xml(stream, self.xml, cursor)
            case "xlsx":
                return self._sheet(stream, cursor)
        return parse_csv(stream, csv_rules(self.rules, encoding=self.encoding), cursor)

    def _sheet(self, stream: BinaryIO, cursor: Cursor) -> Iterator[tuple[Any, Cursor]]:
        """A workbook is read from its end: what comes over a network is laid down on disk first."""
        rules = XlsxRules(
            has_header=self.rules.get("hasHeaderRow") is not False,
            trim=bool(self.rules.get("trimSpaces")),
            skip_rows=int(self.rules.get("rowsToSkip") or 0),
        )
        if isinstance(stream, io.BufferedReader):
            yield from parse_xlsx(stream, rules, cursor)
            return
        with tempfile.TemporaryFile() as copy:
            stream.seek(0)
            while piece := stream.read(COPIED):
                copy.write(piece)
            copy.seek(0)
            yield from parse_xlsx(cast(BinaryIO, copy), rules, cursor)


def xml_rules(document: Mapping[str, Any], xml: Mapping[str, Any], *, encoding: str = "") -> XmlRules:
    """Raises ValidationError for a path that leads to no elements."""
    try:
        path_of(xml.get("resourcePath") or "")
    except FormatError as error:
        raise ValidationError(error.message, field="file.xml.resourcePath") from None
    parsers = document.get("parsers")
    first = parsers[0] if isinstance(parsers, list) and parsers else {}
    rules = first.get("rules") if isinstance(first, dict) else None
    own: dict[str, Any] = rules if isinstance(rules, dict) and rules.get("V0_json") is False else {}
    return XmlRules(
        path=xml.get("resourcePath") or "",
        trim=bool(own.get("trimSpaces")),
        strip_newlines=bool(own.get("stripNewLineChars")),
        attribute_prefix=str(own.get("attributePrefix") or ""),
        text_name=str(own.get("textNodeName") or "&txt"),
        lists=names(own, "listNodes"),
        include=names(own, "includeNodes"),
        exclude=names(own, "excludeNodes"),
        encoding=encoding,
    )


def names(rules: Mapping[str, Any], member: str) -> frozenset[str]:
    """Elements are named, or led to: the last name of a path is what counts."""
    listed = rules.get(member)
    if not isinstance(listed, list):
        return frozenset()
    return frozenset(str(one).rstrip("/").rpartition("/")[2] for one in listed if isinstance(one, str))


def read_whole(parser: FileParser, body: bytes) -> list[Any]:
    """All records of a file that is in memory already. Raises FormatError."""
    return [record for record, _ in parser.parse(io.BytesIO(body), Cursor())]
