"""Files of a place: list, read, write by temporary name and rename, move away, delete.

The write kind is `ledger`: a file appears whole under its name or not at all, so doing it again does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, TypeVar

from apps.core import clock

from ..context import Mode, SendContext
from ..errors import EffectNotAllowed, FileRefused, GatewayError
from ..messages import Effect, Response
from ..recording import Exchange, fingerprint, finish
from ..redaction import redactor_for
from ..transactions import refuse_in_transaction
from .local import LocalStore
from .store import TEMPORARY, FileInfo, Store, temporary_name

__all__ = ["FileInfo", "Files", "Store"]

T = TypeVar("T")


class Files:
    """Without a store, the folder of the context's organization. Plan mode reads and lists, and captures the rest."""

    def __init__(self, context: SendContext, store: Store | None = None) -> None:
        self._context = context
        self._store: Store = store or LocalStore(context.organization)

    def list_files(self, folder: str = "", *, starts_with: str = "", ends_with: str = "") -> list[FileInfo]:
        """Plain files in `folder`, by name; both filters must hold and mind the case. Subfolders are not entered."""
        refuse_in_transaction()
        self._refuse_replay()
        found = [
            info
            for info in self._store.list_files(folder, starts_with=starts_with)
            if info.name.startswith(starts_with)
            and info.name.endswith(ends_with)
            and not info.name.startswith(TEMPORARY)
        ]
        return sorted(found, key=lambda info: info.name)

    def probe(self, folder: str = "") -> None:
        """Whether the place can be listed at all; what is in it is not read."""
        refuse_in_transaction()
        self._refuse_replay()
        next(iter(self._store.list_files(folder, starts_with="")), None)

    @contextmanager
    def read(self, path: str) -> Iterator[tuple[BinaryIO, FileInfo]]:
        """A stream of the file's bytes and what it was when opened."""
        refuse_in_transaction()
        self._refuse_replay()
        asked = self._asked("READ", path, effect="read")
        opened = self._store.open_file(path)
        try:
            stream, info = opened.__enter__()
        except GatewayError as error:
            self._record(finish(asked, error, redactor=redactor_for(self._context.secrets)), failed=True)
            raise
        try:
            self._record(replace(asked, status=200, response_size=info.size, response_cut=True), failed=False)
            yield stream, info
        finally:
            opened.__exit__(None, None, None)

    def write(self, path: str, chunks: Iterable[bytes], *, in_progress_name: str = "") -> FileInfo | None:
        """Write the whole file, replacing one of that name; folders on the way are made. None in plan mode."""
        temporary = temporary_name(in_progress_name)
        if path.rpartition("/")[2].startswith(TEMPORARY):
            raise FileRefused(f"Names that begin with {TEMPORARY!r} are kept for files in the making.")
        if self._context.mode is Mode.PLAN:
            content = b"".join(chunks)
            self._plan("WRITE", path, content, {"content": content, "in_progress_name": in_progress_name})
            return None
        return self._effect("WRITE", path, lambda: self._store.write(path, chunks, temporary=temporary))

    def move(self, path: str, to_folder: str) -> FileInfo | None:
        """Move into another folder, as an export's backup; a file of that name there is replaced."""
        if self._context.mode is Mode.PLAN:
            self._plan("MOVE", path, to_folder.encode(), {"to_folder": to_folder})
            return None
        return self._effect("MOVE", path, lambda: self._store.move(path, to_folder))

    def delete(self, path: str) -> None:
        """Delete a plain file; one that is gone already is as good as deleted."""
        if self._context.mode is Mode.PLAN:
            self._plan("DELETE", path, b"", {})
        else:
            self._effect("DELETE", path, lambda: self._store.delete(path))

    def repeat(self, whole: Mapping[str, Any]) -> None:
        """Now does what a plan has captured."""
        if whole["method"] == "WRITE":
            self.write(whole["path"], [whole["content"]], in_progress_name=whole["in_progress_name"])
        elif whole["method"] == "MOVE":
            self.move(whole["path"], whole["to_folder"])
        else:
            self.delete(whole["path"])

    def _plan(self, method: str, path: str, shown: bytes, whole: Mapping[str, Any]) -> None:
        refuse_in_transaction()
        text, encoding, cut = redactor_for(self._context.secrets).body(shown)
        asked = replace(
            self._asked(method, path, effect="write"),
            request_body=text,
            request_encoding=encoding,
            request_size=len(shown),
            request_cut=cut,
        )
        everything = {"method": method, "path": path, **whole}
        self._record(replace(asked, planned=True, key=f"{method} {path}", whole=everything), failed=False)

    def _refuse_replay(self) -> None:
        if self._context.mode is Mode.REPLAY:
            raise EffectNotAllowed("Files cannot be read in a replay; only calls and statements are recorded whole.")

    def _effect(self, method: str, path: str, run: Callable[[], T]) -> T | None:
        refuse_in_transaction()
        asked = self._asked(method, path, effect="write")
        if self._context.mode is Mode.REPLAY:
            self._record(replace(asked, status=200), failed=False)
            return None
        redactor = redactor_for(self._context.secrets)
        try:
            result = run()
        except GatewayError as error:
            self._record(finish(asked, error, redactor=redactor), failed=True)
            raise
        size = result.size if isinstance(result, FileInfo) else 0
        answer = Response(200, {}, b"", (clock.now() - asked.started_at).total_seconds(), asked.url)
        self._record(replace(finish(asked, answer, redactor=redactor), request_size=size), failed=False)
        return result

    def _asked(self, method: str, path: str, *, effect: Effect) -> Exchange:
        url = self._store.address(path)
        redactor = redactor_for(self._context.secrets)
        return Exchange(
            kind="file",
            method=method,
            url=redactor.url(url),
            effect=effect,
            write_kind="ledger" if effect == "write" else "",
            step=self._context.step,
            fingerprint=fingerprint(kind="file", method=method, url=url, body=b"", redactor=redactor),
            started_at=clock.now(),
            elapsed=0.0,
        )

    def _record(self, exchange: Exchange, *, failed: bool) -> None:
        recorder = self._context.recorder
        if recorder is not None and (recorder.wants(step=exchange.step, failed=failed) or exchange.planned):
            recorder.record([exchange])
