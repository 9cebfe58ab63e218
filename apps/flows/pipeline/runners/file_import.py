"""An import into files of a folder. A page's rows are kept with its commit; the file is written when all are through.

With `skipAggregation` each page makes a file of its own. Files appear by temporary name and rename (`ledger`).
"""

import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import IO, Any

from apps.connections import marks, sending
from apps.connections.access import OpenConnection
from apps.connections.files import open_files
from apps.connections.pgp import encrypted
from apps.core.errors import ValidationError
from apps.core.gateway import GatewayError, Mode, Recorder, RetryLater
from apps.engine.formats import FormatError
from apps.engine.templates import TemplateError
from apps.executions.payloads import pack
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.capturing import plan_recorder
from apps.flows.pipeline.runners.failing import failure_of, held_up, offline, postpone
from apps.flows.pipeline.runners.file_form import FileForm
from apps.flows.pipeline.runners.mapping import ImportMapping, Mapped
from apps.flows.pipeline.scopes import Surroundings, Text, environment, record_scope
from apps.flows.pipeline.sources import OfflineError
from apps.flows.pipeline.sources.places import Place
from apps.flows.pipeline.steps import Failure, Outcome, Turn

PIECE = 256 * 1024


@dataclass(frozen=True)
class FileImportRunner:
    form: FileForm
    name: Text
    directory: Text
    place: Place
    in_progress: Text
    backup: Text  # a folder that keeps a copy; empty: none
    batch_size: int  # records of a page's file at most; 0: all of the page
    in_place: bool
    encrypts: bool  # with the connection's key
    page_files: bool
    mapping: ImportMapping
    open_connection: Callable[[], OpenConnection]
    surroundings: Surroundings
    began: datetime
    execution_id: uuid.UUID
    step: str
    mode: Mode
    effect: str = field(default="ledger", init=False)

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        connection = self.open_connection()
        if connection.offline and self.page_files:
            return [offline(part, connection) for part in parts]
        outcomes = []
        for part in parts:
            if some_are_behind(part):
                reason = "other records of its page are on their way to the same file"
                outcomes.append(Outcome(later=set(range(len(part.records))), reason=reason))
                continue
            mapped = self.mapping.map_part(part, connection)
            rows = [mapped.records[i] for i in mapped.submitted()]
            if rows and self.page_files:
                turn.check()
                self.write_page(connection, part, mapped, turn.recorder)
                if self.mode is not Mode.PLAN or self.mapping.answers:
                    self.mapping.after_submit(mapped)
            elif rows:
                mapped.outcome.kept = pack({"rows": rows, "first": part.records[0]})
            outcomes.append(mapped.outcome)
        return outcomes

    def write_page(self, connection: OpenConnection, part: Part, mapped: Mapped, recorder: Recorder) -> None:
        """The name is of the page's own time, so that a page worked twice writes one file."""
        submitted, size = mapped.submitted(), self.batch_size or len(mapped.records)
        taken: set[str] = set()
        for first in range(0, len(submitted), size):
            some = submitted[first : first + size]
            capture = plan_recorder(recorder)
            with capture.owned_by([part.keys[i] for i in some]) if capture else nullcontext():
                self.write_some(part, mapped, some, connection=connection, taken=taken, recorder=recorder)

    def write_some(
        self,
        part: Part,
        mapped: Mapped,
        indexes: list[int],
        *,
        connection: OpenConnection,
        taken: set[str],
        recorder: Recorder,
    ) -> None:
        """`taken` are names of the page's other files: an equal one gets a number."""
        page, outcome = part.batch.page, mapped.outcome
        rows, first = [mapped.records[i] for i in indexes], part.records[indexes[0]]
        unique = page.id if indexes[0] == 0 else uuid.uuid5(page.id, str(indexes[0]))
        try:
            name = self.write(
                connection, rows, first, now=page.created_at, unique=unique, recorder=recorder, taken=taken
            )
            said = {"id": "", "_json": {"fileName": name}, "errors": [], "ignored": False, "statusCode": 200}
            outcome.responses.update({index: dict(said) for index in indexes})
        except TemplateError as error:
            failure = Failure(source="application", code="invalid_file_name", message=str(error))
            outcome.failures.update(dict.fromkeys(indexes, failure))
        except FormatError as error:
            failure = Failure(source="application", code="unwritable", message=error.message)
            outcome.failures.update(dict.fromkeys(indexes, failure))
        except GatewayError as error:
            if isinstance(error, RetryLater):
                for index in indexes:
                    postpone(outcome, index, error)
            elif not held_up(outcome, indexes, error, connection):
                outcome.failures.update(dict.fromkeys(indexes, failure_of(error, source="application")))

    def repeat(self, wholes: Sequence[Mapping[str, Any]], connection: OpenConnection, recorder: Recorder) -> None:
        """Writes what a plan has captured. Raises GatewayError."""
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=recorder)
        place = self.place
        with open_files(connection, context=context, region=place.region, encryption=place.encryption) as files:
            for whole in wholes:
                files.repeat(whole)

    def close(self, rows: Iterable[Any], first: Any, recorder: Recorder) -> None:
        """Writes the whole file of a run. Raises GatewayError, ValidationError, OfflineError when nobody is there."""
        connection = self.open_connection()
        if connection.offline:
            raise OfflineError(connection)
        try:
            self.write(connection, rows, first, now=self.began, unique=self.execution_id, recorder=recorder)
        except GatewayError as error:
            if connection.id is not None and marks.cannot_be_reached(error):
                raise OfflineError(connection) from error
            raise
        except TemplateError as error:
            raise ValidationError(f"The file's name or body cannot be rendered: {error}", field="file") from None
        except FormatError as error:
            raise ValidationError(f"The file cannot be written: {error.message}", field="file") from None

    def write(
        self,
        connection: OpenConnection,
        rows: Iterable[Any],
        first: Any,
        *,
        now: datetime,
        unique: uuid.UUID,
        recorder: Recorder,
        taken: set[str] | None = None,
    ) -> str:
        """The file's name. `unique` stands for {UUID} in it, and is the same when the file is written again."""
        scope = record_scope(self.surroundings.base(connection.values), first)
        env = replace(environment(), now=now)
        name = self.name.render(scope, env).replace("{UUID}", unique.hex).strip("/")
        if not name:
            raise ValidationError("A file needs a name.", field="file.fileName")
        if taken is not None:
            name = not_taken(name, taken)
        folder = self.place.folder(connection, self.directory.render(scope, env))
        path = self.place.path(folder, name)
        unfinished = path.rpartition("/")[2] if self.in_place else self.in_progress.render(scope, env)
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=recorder)
        place = self.place
        with open_files(connection, context=context, region=place.region, encryption=place.encryption) as files:
            content = self.form.content(rows, scope, env, name=name)
            if self.encrypts:
                content = encrypted(content, connection.pgp)
            backup = self.backup.render(scope, env)
            if not backup:
                files.write(path, content, in_progress_name=unfinished)
                return name
            with tempfile.TemporaryFile() as copy:  # rows can be read once, and may not fit into memory
                for piece in content:
                    copy.write(piece)
                files.write(path, pieces_of(copy), in_progress_name=unfinished)
                files.write(place.path(place.folder(connection, backup), name), pieces_of(copy))
        return name


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


def not_taken(name: str, taken: set[str]) -> str:
    """The name, with a number before its ending where another file has it already."""
    stem, dot, ending = name.partition(".")
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{stem}-{number}{dot}{ending}"
    taken.add(found)
    return found


def some_are_behind(part: Part) -> bool:
    """A page comes to its file whole: its rows stand together, and are kept, or written, once."""
    at = part.batch.at
    return any(0 <= other < at[part.places[0]] for other in at)
