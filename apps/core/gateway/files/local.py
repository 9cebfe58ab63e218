"""Files in the organization's own folder, by open directory handles."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import BinaryIO

from ..errors import FileMissing, FileRefused, GatewayError
from ..roots import Root
from .store import CHUNK, TEMPORARY, FileInfo


class LocalStore:
    def __init__(self, organization: str) -> None:
        self._root = Root(organization)

    def address(self, path: str) -> str:
        return f"file:///{path.lstrip('/')}"

    def list_files(self, folder: str, *, starts_with: str) -> Iterator[FileInfo]:
        with self._root.folder(folder) as handle:
            for name in os.listdir(handle):  # noqa: PTH208 - a handle, not a path
                # Vanished since, a folder, or a link: none is a file of this folder.
                with suppress(FileNotFoundError):
                    status = os.stat(name, dir_fd=handle, follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        yield _info(f"{folder.strip('/')}/{name}".lstrip("/"), status)

    @contextmanager
    def open_file(self, path: str) -> Iterator[tuple[BinaryIO, FileInfo]]:
        handle = self._root.open_file(path)
        with os.fdopen(handle, "rb", buffering=CHUNK) as stream:
            yield stream, _info(path, os.fstat(handle))

    def write(self, path: str, chunks: Iterable[bytes], *, temporary: str) -> FileInfo:
        with self._root.parent(path, create=True) as (folder, name):
            if name.startswith(TEMPORARY):  # a link may lead there
                raise FileRefused(f"Names that begin with {TEMPORARY!r} are kept for files in the making.")
            return _write_renamed(folder, name, path=path, temporary=temporary, chunks=chunks)

    def move(self, path: str, to_folder: str) -> FileInfo:
        with (
            self._root.parent(path) as (folder, name),
            self._root.folder(to_folder, create=True) as destination,
        ):
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    raise FileRefused(f"{path!r} is not a plain file.")
                os.rename(name, name, src_dir_fd=folder, dst_dir_fd=destination)
            except FileNotFoundError:
                raise FileMissing(f"There is no file {path!r}.") from None
            except OSError as error:
                raise _refused(path, error) from error
            return _info(f"{to_folder.strip('/')}/{name}".lstrip("/"), status)

    def delete(self, path: str) -> None:
        with self._root.parent(path) as (folder, name):
            try:
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                return
            except OSError as error:
                raise _refused(path, error) from error


def _write_renamed(folder: int, name: str, *, path: str, temporary: str, chunks: Iterable[bytes]) -> FileInfo:
    try:
        handle = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
        )
    except OSError as error:
        raise _refused(path, error) from error
    try:
        with os.fdopen(handle, "wb", buffering=CHUNK) as stream:
            for chunk in chunks:
                stream.write(chunk)
            stream.flush()
            os.fsync(handle)
            status = os.fstat(handle)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)  # the name, too, survives a power cut
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        if isinstance(error, OSError):
            raise _refused(path, error) from error
        raise
    return _info(path, status)


def _info(path: str, status: os.stat_result) -> FileInfo:
    return FileInfo(
        path=path,
        name=path.rpartition("/")[2],
        size=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
        etag=f"{status.st_size:x}-{status.st_mtime_ns:x}",
    )


def _refused(path: str, error: OSError) -> GatewayError:
    said = os.strerror(error.errno or 0)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return GatewayError(f"{path!r}: {said}.")
    return FileRefused(f"{path!r}: {said}.")
