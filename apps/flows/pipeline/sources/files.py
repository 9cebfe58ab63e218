"""Records from files of a folder, whatever their format. The cursor names the files, and where in which one to go on.

A file is deleted, or moved to the backup folder, only when the cursor behind it has been committed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.files import open_files
from apps.connections.pgp import decrypted
from apps.core.errors import ValidationError
from apps.core.gateway import FileMissing, Mode, Recorder
from apps.core.gateway.files import FileInfo, Files
from apps.engine.formats import Cursor, FormatError
from apps.engine.records import sort_records
from apps.engine.templates import TemplateError
from apps.flows.pipeline.scopes import Surroundings, Text, environment
from apps.flows.pipeline.sources import Fetched, KeepBlob, OfflineError
from apps.flows.pipeline.sources.http import SourceError
from apps.flows.pipeline.sources.parsing import FileParser
from apps.flows.pipeline.sources.places import place_of

RECORDS_PER_READ = 2000
MOST_SORTED = 500_000


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(256 * 1024):
        yield piece


def origin_of(info: FileInfo) -> str:
    return f"file:{info.path}:{info.etag}"


def modified_of(info: FileInfo) -> str:
    return info.modified.isoformat().replace("+00:00", "Z")


def facts_of(info: FileInfo) -> dict[str, Any]:
    """What a file filter sees."""
    return {"filename": info.name, "filesize": info.size, "lastmodified": modified_of(info)}


def meta_of(info: FileInfo) -> dict[str, Any]:
    """What a hook sees of the file that a record was read from."""
    return {"fileName": info.name, "fileSize": info.size, "lastModifiedTime": modified_of(info)}


class FileSource:
    """The adaptor's own member says where files lie; `file` says how to read them."""

    def __init__(
        self,
        document: Mapping[str, Any],
        *,
        open_connection: Callable[[], OpenConnection],
        recorder: Recorder,
        step: str,
        mode: Mode,
        surroundings: Surroundings | None = None,
        keep: Callable[[dict[str, Any]], bool] | None = None,
        store: KeepBlob | None = None,
    ) -> None:
        """`keep` tells of a file, by its metadata, whether it is read at all. `store` keeps one unparsed.

        `surroundings` are what the templates of its folders and names see.
        """
        self.place = place_of(document)
        self.file = document.get("file") or {}
        self.store = store
        self.parser = None if store or self.file.get("output") == "metadata" else FileParser(document)
        self.keep, self.surroundings = keep, surroundings
        self.together = int(self.file.get("batchSize") or 1)
        self.only = self.place.name or self.file.get("fileName") or ""  # the one file that is read, where it is named
        self.meta: dict[str, Any] | None = None
        self.sort_by = self.file.get("sortByFields") or []
        self.open_connection, self.recorder, self.step, self.mode = open_connection, recorder, step, mode
        self.reading: tuple[Any, Iterator[tuple[Any, Cursor]]] | None = None
        self.open_files = ExitStack()

    def start(self) -> dict[str, Any]:
        place, connection = self.place, self.online()
        folder, starts, ends, only, unfinished = (
            self.rendered(text, connection)
            for text in (place.directory, place.starts_with, place.ends_with, self.only, place.in_progress)
        )
        with self.session(connection) as files:
            names = files.list_files(place.folder(connection, folder), starts_with=starts, ends_with=ends)
        names = [info for info in names if only in ("", info.name) and info.name != unfinished]
        if self.keep is not None:
            names = [info for info in names if self.keep(facts_of(info))]
        return {"files": [info.path for info in names], "at": 0, "position": None, "done": []}

    def fetch(self, cursor: dict[str, Any]) -> Fetched:
        done = self.put_away_due(cursor)
        if cursor["at"] >= len(cursor["files"]):
            return Fetched(records=[], cursor=None)
        path = cursor["files"][cursor["at"]]
        try:
            records, position = self.read(path, cursor["position"])
        except FileMissing:
            records, position = [], None  # another run was faster, or somebody took it away: nothing of it is lost
        except FormatError as error:
            raise SourceError(f"{path}: {error.message}", code="parse_failed") from None
        if position is not None:
            following = {**cursor, "position": position, "done": done}
            return Fetched(records=records, cursor=following, file=self.meta)
        following = {**cursor, "at": cursor["at"] + 1, "position": None, "done": [*done, path]}
        return Fetched(records=records, cursor=following, commit_first=True, file=self.meta)

    def read(self, path: str, position: dict[str, Any] | None) -> tuple[list[Any], dict[str, Any] | None]:
        """Some records, and where to go on in this file; None at its end."""
        if position is None or self.reading is None or self.reading[0] != (path, position):
            self.open_files.close()
            connection = self.online()
            files = self.open_files.enter_context(self.session(connection))
            stream, info = self.open_files.enter_context(files.read(path))
            if self.file.get("decrypt"):
                stream = self.open_files.enter_context(decrypted(stream, connection.pgp))
            cursor = Cursor.from_document(position) if position else Cursor(etag=info.etag)
            cursor.check(info.etag)
            self.meta = meta_of(info)
            self.reading = ((path, position), self.records(stream, info, cursor))
        rows = self.reading[1]
        try:
            some = list(islice(rows, RECORDS_PER_READ))
        except BaseException:
            self.close()  # it would end early if it were asked again: what breaks is read anew
            raise
        if len(some) < RECORDS_PER_READ:
            self.open_files.close()
            self.reading = None
            return [record for record, _ in some], None
        behind = some[-1][1].as_document()
        self.reading = ((path, behind), rows)
        return [record for record, _ in some], behind

    def records(self, stream: BinaryIO, info: FileInfo, cursor: Cursor) -> Iterator[tuple[Any, Cursor]]:
        """The file's records; of metadata there is one a file, whose content is not read."""
        if self.parser is not None and self.sort_by:
            return self.sorted_records(self.parser, stream, cursor)
        if self.parser is not None:
            return self.parser.parse(stream, cursor)
        kept = {} if self.store is None else {"blobKey": self.store(pieces(stream), info.name, origin_of(info))}
        record = kept | meta_of(info) | {"filePath": info.path}
        return iter([(record, cursor)])

    def sorted_records(self, parser: FileParser, stream: BinaryIO, cursor: Cursor) -> Iterator[tuple[Any, Cursor]]:
        """The surprise: an order needs the whole file, so going on in it reads and sorts it again."""
        held = []
        for record, _ in parser.parse(stream, Cursor(etag=cursor.etag)):
            held.append(record)
            if len(held) > MOST_SORTED:
                raise FormatError(f"file.sortByFields can sort {MOST_SORTED} records a file, and there are more")
        ordered = sort_records(held, self.sort_by)
        for number, record in enumerate(ordered[cursor.record :], start=cursor.record + 1):
            yield record, replace(cursor, record=number)

    def put_away_due(self, cursor: dict[str, Any]) -> list[str]:
        """Files are put away as many together as the export says; what is to wait for others is given back.

        Where no others come, since reading ends early, `put_away` is for who has committed the end.
        """
        done: list[str] = cursor["done"]
        if len(done) < self.together and cursor["at"] < len(cursor["files"]):
            return done
        self.put_away(done)
        return []

    def put_away(self, paths: list[str]) -> None:
        """What has been read and committed leaves the folder, unless it is to stay."""
        if not paths or self.file.get("skipDelete"):
            return
        connection = self.online()
        backup = self.rendered(self.place.backup(connection, self.file.get("backupPath") or ""), connection)
        with self.session(connection) as files:
            for path in paths:
                if backup:
                    with suppress(FileMissing):  # moved by an earlier worker that vanished before it could say so
                        files.move(path, backup)
                else:
                    files.delete(path)

    def close(self) -> None:
        """Lets go of the file under way, and of its session. What comes after begins at a cursor again."""
        self.reading = None
        self.open_files.close()

    def rendered(self, text: str, connection: OpenConnection) -> str:
        """A folder or a name of the document, which may be a template."""
        if self.surroundings is None:
            return text
        try:
            return Text(text).render(self.surroundings.base(connection.values), environment())
        except TemplateError as error:
            raise ValidationError(f"The name {text!r} cannot be rendered: {error}", field=self.place.kind) from None

    def online(self) -> OpenConnection:
        connection = self.open_connection()
        if connection.offline:
            raise OfflineError(connection)
        return connection

    def session(self, connection: OpenConnection) -> AbstractContextManager[Files]:
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=self.recorder)
        return open_files(connection, context=context, region=self.place.region)
