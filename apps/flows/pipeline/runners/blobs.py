"""Imports of files unparsed: what a blob key names, as it is, a piece at a time where the target takes that."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from apps.connections import sending
from apps.connections.access import OpenConnection
from apps.connections.files import open_files
from apps.connections.pgp import encrypted
from apps.core.errors import ValidationError
from apps.core.gateway import GatewayError, InvalidRequest, Mode, RetryLater
from apps.core.gateway.files import Files
from apps.engine.paths import MISSING
from apps.engine.templates import TemplateError
from apps.flows.models import Blob
from apps.flows.pipeline.batch import Part
from apps.flows.pipeline.runners.failing import failure_of, held_up, offline, postpone
from apps.flows.pipeline.runners.mapping import ImportMapping
from apps.flows.pipeline.scopes import Surroundings, Text, environment, lookup_scope
from apps.flows.pipeline.sources.places import Place
from apps.flows.pipeline.steps import Failure, Outcome, Turn
from apps.flows.services.blobs import BlobMissingError, content_of, find_blob, let_go, pieces_of

MOST_IN_MEMORY = 64 * 1024 * 1024  # of a request's body


@dataclass(frozen=True)
class BlobReader:
    """`key_of` reads the key from a record. `deletes`: what was imported may go. `form`: as what text it is sent."""

    key_of: Callable[[Any], Any]
    deletes: bool
    form: str = ""

    def find(self, record: Any, mapped: Any, connection: OpenConnection) -> Blob:
        """Raises InvalidRequest for a record that names none."""
        key = self.key_of(record)
        if key in (MISSING, None, ""):
            key = self.key_of(mapped)
        if key in (MISSING, None, ""):
            raise InvalidRequest("The record names no blob at blobKeyPath.")
        try:
            return find_blob(key, organization_id=connection.organization_id)
        except BlobMissingError as error:
            raise InvalidRequest(str(error)) from None

    def content(self, blob: Blob) -> bytes:
        try:
            return as_text(content_of(blob, most=MOST_IN_MEMORY), self.form)
        except BlobMissingError as error:
            raise InvalidRequest(str(error)) from None

    def done(self, blobs: Sequence[Blob]) -> None:
        if self.deletes and blobs:
            let_go(blobs)


def as_text(content: bytes, form: str) -> bytes:
    """`blobFormat`: base64 and hex for bytes, the encodings for the characters of a text; the way an export decodes."""
    if form == "base64":
        return base64.b64encode(content)
    if form == "hex":
        return content.hex().encode()
    if form in ("ucs2", "utf-16le"):
        return content.decode("utf-8", "replace").encode("utf-16-le")
    return content


@dataclass(frozen=True)
class BlobFileRunner:
    """Each record's blob becomes a file; `name` empty: called as it was where it came from."""

    reader: BlobReader
    name: Text
    directory: Text
    place: Place
    in_progress: Text
    in_place: bool
    encrypts: bool
    mapping: ImportMapping
    open_connection: Callable[[], OpenConnection]
    surroundings: Surroundings
    step: str
    mode: Mode
    effect: str = field(default="ledger", init=False)

    def run(self, parts: Sequence[Part], turn: Turn) -> list[Outcome]:
        connection = self.open_connection()
        if connection.offline:
            return [offline(part, connection) for part in parts]
        return [self.run_part(part, connection, turn) for part in parts]

    def run_part(self, part: Part, connection: OpenConnection, turn: Turn) -> Outcome:
        mapped = self.mapping.map_part(part, connection, turn.recorder)
        outcome, left = mapped.outcome, mapped.submitted()
        context = sending.send_context(connection, step=self.step, mode=self.mode, recorder=turn.recorder)
        place, done = self.place, []
        try:
            with open_files(connection, context=context, region=place.region, encryption=place.encryption) as files:
                for index in list(left):
                    turn.check()
                    try:
                        blob = self.reader.find(mapped.sources[index], mapped.records[index], connection)
                        self.write(files, blob, mapped.records[index], part, connection)
                        done.append(blob)
                    except (InvalidRequest, TemplateError, ValidationError) as error:
                        said = getattr(error, "message", str(error))
                        outcome.failures[index] = Failure("application", "invalid_request", said)
                    left.remove(index)
        except GatewayError as error:
            if isinstance(error, RetryLater):
                for index in left:
                    postpone(outcome, index, error)
            elif left and not held_up(outcome, left, error, connection):
                failure = failure_of(error, source="application")
                outcome.failures.update(dict.fromkeys(left, failure))
        self.reader.done(done)
        return outcome

    def write(self, files: Files, blob: Blob, record: Any, part: Part, connection: OpenConnection) -> None:
        scope = lookup_scope(self.surroundings.base(connection.values), record)
        scope |= {"blob": {"name": blob.name, "size": blob.size}}
        env = replace(environment(), now=part.batch.page.created_at)
        name = self.name.render(scope, env).replace("{UUID}", blob.id.hex).strip("/") or blob.name
        path = self.place.path(self.place.folder(connection, self.directory.render(scope, env)), name)
        unfinished = path.rpartition("/")[2] if self.in_place else self.in_progress.render(scope, env)
        content = encrypted(pieces_of(blob), connection.pgp) if self.encrypts else pieces_of(blob)
        files.write(path, content, in_progress_name=unfinished)
