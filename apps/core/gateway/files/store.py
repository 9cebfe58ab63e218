"""What differs between places that hold files, behind one small interface, and the rules for paths there."""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from ..errors import FileRefused

CHUNK = 256 * 1024
TEMPORARY = ".junction-"


@dataclass(frozen=True, slots=True)
class FileInfo:
    """`path` as it is asked for again; `etag` changes when the content does."""

    path: str
    name: str
    size: int
    modified: datetime
    etag: str


class Store(Protocol):
    """Raises GatewayError. `address` of a path is what a recording shows."""

    def address(self, path: str) -> str: ...

    def list_files(self, folder: str, *, starts_with: str) -> Iterator[FileInfo]:
        """Plain files; `starts_with` may be taken as a hint. Subfolders are not entered."""

    def open_file(self, path: str) -> AbstractContextManager[tuple[BinaryIO, FileInfo]]: ...

    def write(self, path: str, chunks: Iterable[bytes], *, temporary: str) -> FileInfo:
        """The whole file or none, by way of the name `temporary` where the place knows names that change."""

    def move(self, path: str, to_folder: str) -> FileInfo: ...

    def delete(self, path: str) -> None: ...


def temporary_name(given: str) -> str:
    if "/" in given or given in (".", ".."):
        raise FileRefused(f"{given!r} is not a file name.")
    return given or f"{TEMPORARY}{secrets.token_hex(8)}"


def remote_path(path: str, *, is_folder: bool = False) -> str:
    """A path on somebody's server, without `..` or what would end a command line there; FileRefused."""
    if len(path) > 4096 or any(ord(letter) < 32 or ord(letter) == 127 for letter in path):
        raise FileRefused(f"{path[:80]!r} is not a path.")
    if ".." in path.split("/"):
        raise FileRefused(f"{path!r} climbs up with '..'.")
    clean = posixpath.normpath(path) if path else ""
    clean = "" if clean == "." else f"/{clean.lstrip('/')}" if clean.startswith("/") else clean
    if not clean.strip("/") and not is_folder:
        raise FileRefused("The path names no file.")
    return clean


def below(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder else name


def split_path(path: str) -> tuple[str, str]:
    """(folder, name); the folder of a file at the root is "/"."""
    folder, slash, name = path.rpartition("/")
    return folder or slash, name
