"""How the rows of an import become a file's bytes, a piece at a time."""

import codecs
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from apps.core.errors import ValidationError
from apps.engine.errors import DocumentError
from apps.engine.formats import CsvWriting, FormatError, csv_text, csv_writing, json_text, xlsx_file, xml_text
from apps.engine.formats.archives import zipped
from apps.engine.formats.cursor import codec
from apps.engine.formats.xml_writing import names_of
from apps.engine.mapping.columns import mapped_columns
from apps.engine.records import table_rows
from apps.engine.templates import RenderEnv
from apps.flows.pipeline.scopes import Text, batch_scope
from apps.flows.pipeline.sources.parsing import TYPES

MOST_TEMPLATE_ROWS = 50_000  # a template sees all rows of its file at once
GZIP = 31  # zlib's word for a gzip wrapping


@dataclass(frozen=True)
class FileForm:
    """`xml` is file.xml.body, the template of a whole document; `header` whether a sheet begins with its columns."""

    type: str
    csv: CsvWriting
    resource_path: str
    xml: Text
    header: bool
    encoding: str
    packed: str  # gzip, zip, or empty
    columns: tuple[str, ...] = ()  # those that a sheet has whatever its first row lacks

    def content(
        self, rows: Iterable[Any], scope: Mapping[str, Any], env: RenderEnv, *, name: str = ""
    ) -> Iterator[bytes]:
        """Raises FormatError and TemplateError as it is read. `name` is the file's own, for an archive."""
        pieces = (
            xlsx_file(table_rows(rows), include_header=self.header, order=self.columns)
            if self.type == "xlsx"
            else encoded(self.text(rows, scope, env), self.encoding)
        )
        if self.packed == "zip":
            return zipped(pieces, name=name.rpartition("/")[2].removesuffix(".zip") or "file")
        return gzipped(pieces) if self.packed else pieces

    def text(self, rows: Iterable[Any], scope: Mapping[str, Any], env: RenderEnv) -> Iterator[str]:
        match self.type:
            case "csv":
                return csv_text(table_rows(rows), self.csv)
            case "json":
                return json_text(rows, resource_path=self.resource_path)
            case "xml" if self.xml.is_template or self.xml.fixed:
                return iter([self.xml.render(batch_scope(scope, few(rows)), env)])
            case "xml":
                return xml_text(rows, resource_path=self.resource_path)
        return (orjson.dumps(row).decode() + "\n" for row in rows)


def few(rows: Iterable[Any]) -> list[Any]:
    held = []
    for row in rows:
        held.append(row)
        if len(held) > MOST_TEMPLATE_ROWS:
            raise FormatError(f"file.xml.body can take {MOST_TEMPLATE_ROWS} rows a file; without it there is no limit")
    return held


def encoded(pieces: Iterable[str], encoding: str) -> Iterator[bytes]:
    """What the encoding does not have is written as a question mark."""
    encode = codecs.getincrementalencoder(codec(encoding))(errors="replace").encode
    return (encode(piece) for piece in pieces)


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Without a time stamp: the same rows twice are the same bytes."""
    packer = zlib.compressobj(wbits=GZIP)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def columns_of(document: dict[str, Any]) -> tuple[str, ...]:
    """None where a hook has the last word on what a record is."""
    if ((document.get("hooks") or {}).get("postMap") or {}).get("function"):
        return ()
    try:
        return mapped_columns(document)
    except DocumentError as error:
        raise ValidationError(error.reason, field=error.path) from None


def file_form(document: dict[str, Any]) -> FileForm:
    """Raises ValidationError naming the member."""
    file = document.get("file") or {}
    kind = file.get("type")
    if kind not in TYPES:
        raise ValidationError(f"must be one of {', '.join(TYPES)}", field="file.type")
    packed = file.get("compressionFormat")
    if packed not in (None, "", "gzip", "zip"):
        raise ValidationError("must be gzip, zip, or absent", field="file.compressionFormat")
    rules = file.get(kind) or {}
    columns = columns_of(document)
    try:
        codec(file.get("encoding") or "utf8")
        if kind == "xml":
            names_of(rules.get("resourcePath") or "")
    except FormatError as error:
        raise ValidationError(error.message, field=f"file.{'xml' if kind == 'xml' else 'encoding'}") from None
    return FileForm(
        type=kind,
        csv=csv_writing(file.get("csv") or {}, order=columns),
        resource_path=rules.get("resourcePath") or "",
        xml=Text(rules.get("body") if kind == "xml" else "", place="xml"),
        header=rules.get("includeHeader") is not False,
        encoding="utf8" if kind == "xml" else file.get("encoding") or "utf8",
        packed=packed or "",
        columns=columns,
    )
