"""An organization's folder, walked by open directory handles: no name can lead out of it, not even in a race.

Symbolic links are followed by hand, one component at a time, and only as far as the folder itself.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from .errors import FileMissing, FileRefused

_MAX_LINKS = 20
_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Root:
    """`JUNCTION_FILE_ROOT/<organization>`, made at first use."""

    def __init__(self, organization: str) -> None:
        if not settings.JUNCTION_FILE_ROOT:
            raise FileRefused("This deployment offers no files: JUNCTION_FILE_ROOT is not set.")
        if not _ORGANIZATION.match(organization):
            raise FileRefused(f"{organization!r} does not name an organization's folder.")
        self.path = Path(settings.JUNCTION_FILE_ROOT).resolve() / organization

    @contextmanager
    def folder(self, path: str, *, create: bool = False) -> Iterator[int]:
        """An open handle of the folder at `path` ("" is the root)."""
        handles, name = self._walk(path, create=create, want_folder=True)
        try:
            assert not name  # noqa: S101 - a folder walk consumes the whole path
            yield handles[-1]
        finally:
            _close(handles)

    @contextmanager
    def parent(self, path: str, *, create: bool = False) -> Iterator[tuple[int, str]]:
        """(handle of the folder, last name) of a file; links on the last name are resolved, the file may be missing."""
        handles, name = self._walk(path, create=create, want_folder=False)
        try:
            yield handles[-1], name
        finally:
            _close(handles)

    def open_file(self, path: str) -> int:
        """A read-only handle of a plain file."""
        with self.parent(path) as (folder, name):
            try:
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            except FileNotFoundError:
                raise FileMissing(f"There is no file {path!r}.") from None
            except OSError as error:
                raise FileRefused(f"{path!r} cannot be read: {os.strerror(error.errno or 0)}.") from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise FileRefused(f"{path!r} is not a plain file.")
        return handle

    def existing_path(self, path: str, *, create: bool = False) -> Path:
        """The real path of a plain file, for libraries that open by path only; `create` makes it, empty."""
        with self.parent(path, create=create) as (folder, name):
            flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | (os.O_CREAT if create else 0)
            try:
                handle = os.open(name, flags, 0o600, dir_fd=folder)
            except FileNotFoundError:
                raise FileMissing(f"There is no file {path!r}.") from None
            except OSError as error:
                raise FileRefused(f"{path!r} cannot be opened: {os.strerror(error.errno or 0)}.") from error
            try:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise FileRefused(f"{path!r} is not a plain file.")
                real = Path(f"/proc/self/fd/{handle}").readlink()
            finally:
                os.close(handle)
        if not real.is_relative_to(self.path.resolve()):
            raise FileRefused(f"{path!r} leads out of the organization's folder.")
        return real

    def _walk(self, path: str, *, create: bool, want_folder: bool) -> tuple[list[int], str]:
        """Open folder handles from the root down, and the last name (empty for a folder)."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        todo = _components(path)
        if not todo and not want_folder:
            raise FileRefused("The path names no file.")
        handles = [os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        links = 0
        try:
            while todo:
                name = todo.pop(0)
                if name == "..":  # from a link; paths that are given hold none
                    if len(handles) == 1:
                        raise FileRefused(f"{path!r} leads out of the organization's folder.")
                    os.close(handles.pop())
                    continue
                target = _link_target(name, handles[-1])
                if target is not None:
                    links += 1
                    if links > _MAX_LINKS:
                        raise FileRefused(f"{path!r} goes through more than {_MAX_LINKS} symbolic links.")
                    todo = self._spliced(target, handles, path) + todo
                elif todo or want_folder:
                    handles.append(_enter(name, handles[-1], path=path, create=create))
                else:
                    return handles, name
        except BaseException:
            _close(handles)
            raise
        if want_folder:
            return handles, ""
        _close(handles)
        raise FileRefused(f"{path!r} is a folder, not a file.")

    def _spliced(self, target: str, handles: list[int], path: str) -> list[str]:
        if target.startswith("/"):
            try:
                target = str(Path(os.path.normpath(target)).relative_to(self.path))
            except ValueError:
                raise FileRefused(f"{path!r} is a link out of the organization's folder.") from None
            _close(handles[1:])
            del handles[1:]
        return [part for part in target.split("/") if part not in ("", ".")]


def _components(path: str) -> list[str]:
    if path.startswith("/"):
        raise FileRefused(f"{path!r} is absolute; paths are relative to the organization's folder.")
    if "\0" in path or len(path) > 4096:
        raise FileRefused(f"{path[:80]!r} is not a path.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise FileRefused(f"{path!r} climbs up with '..'.")
    return parts


def _link_target(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):  # no link; or nothing there, which the next step tells
            return None
        raise FileRefused(f"{name!r} cannot be used: {os.strerror(error.errno or 0)}.") from error


def _enter(name: str, folder: int, *, path: str, create: bool) -> int:
    try:
        if create:
            try:
                os.mkdir(name, 0o700, dir_fd=folder)
            except FileExistsError:
                return os.open(name, _FOLDER_FLAGS, dir_fd=folder)
        return os.open(name, _FOLDER_FLAGS, dir_fd=folder)
    except FileNotFoundError:
        raise FileMissing(f"There is no folder {name!r} on the way to {path!r}.") from None
    except OSError as error:
        # ELOOP: it became a link between looking and opening.
        raise FileRefused(
            f"{name!r} on the way to {path!r} is not a folder: {os.strerror(error.errno or 0)}."
        ) from error


def _close(handles: list[int]) -> None:
    for handle in handles:
        os.close(handle)
