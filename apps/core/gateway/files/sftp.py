"""Files by SFTP. The server proves itself by its host key: the one that is pinned, or at first sight any.

The surprise: reading asks for a window of blocks at a time, since a library that prefetches the whole file holds it.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import posixpath
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

import paramiko

from ..errors import Category, ConnectFailed, Disconnected, FileMissing, FileRefused, GatewayError, TimedOut
from .dialing import dial
from .sftp_target import SftpTarget
from .store import CHUNK, FileInfo, below, remote_path, split_path

ANSWER_SECONDS = 60.0
LOGIN_SECONDS = 20.0
BLOCK = 32 * 1024
WINDOW = 64 * BLOCK
_KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


@contextmanager
def open_sftp(target: SftpTarget) -> Iterator[SftpStore]:
    """Raises GatewayError."""
    transport = paramiko.Transport(dial(target.host, target.port, timeout=ANSWER_SECONDS))
    transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = LOGIN_SECONDS
    try:
        with _translated(target.host):
            _prefer_pinned(transport, target.host_key)
            transport.start_client(timeout=LOGIN_SECONDS)
            _check_server(transport, target)
            _log_in(transport, target)
            client = paramiko.SFTPClient.from_transport(transport)
            client.get_channel().settimeout(ANSWER_SECONDS)
        yield SftpStore(client, target.host)
    finally:
        transport.close()


class SftpStore:
    def __init__(self, client: Any, host: str) -> None:
        self._client, self._host = client, host

    def address(self, path: str) -> str:
        return f"sftp://{self._host}/{path.lstrip('/')}"

    def list_files(self, folder: str, *, starts_with: str) -> Iterator[FileInfo]:
        folder = remote_path(folder, is_folder=True)
        with _translated(self._host, folder or "/"):
            for entry in self._client.listdir_iter(folder or "."):
                if stat.S_ISREG(entry.st_mode or 0):
                    yield _info(below(folder, entry.filename), entry)

    @contextmanager
    def open_file(self, path: str) -> Iterator[tuple[BinaryIO, FileInfo]]:
        path = remote_path(path)
        with _translated(self._host, path):
            status = self._client.stat(path)
            if not stat.S_ISREG(status.st_mode or 0):
                raise FileRefused(f"{path!r} is not a plain file.")
            handle = self._client.open(path, "rb")
        with handle, io.BufferedReader(_Windows(handle, host=self._host, path=path), CHUNK) as stream:
            yield cast(BinaryIO, stream), _info(path, status)

    def write(self, path: str, chunks: Iterable[bytes], *, temporary: str) -> FileInfo:
        path = remote_path(path)
        folder, name = split_path(path)
        part = below(folder, temporary)
        with _translated(self._host, path):
            self._make_folder(folder)
            try:
                with self._client.open(part, "wb") as handle:
                    handle.set_pipelined(True)
                    for chunk in chunks:
                        handle.write(chunk)
                self._replace(part, path)
            except BaseException:
                with suppress(OSError, EOFError, paramiko.SSHException):
                    self._client.remove(part)
                raise
            return _info(below(folder, name), self._client.stat(path))

    def move(self, path: str, to_folder: str) -> FileInfo:
        path, to_folder = remote_path(path), remote_path(to_folder, is_folder=True)
        moved = below(to_folder, split_path(path)[1])
        with _translated(self._host, path):
            self._client.stat(path)
            self._make_folder(to_folder)
            self._replace(path, moved)
            return _info(moved, self._client.stat(moved))

    def delete(self, path: str) -> None:
        path = remote_path(path)
        with _translated(self._host, path), suppress(FileNotFoundError):
            self._client.remove(path)

    def _replace(self, path: str, by: str) -> None:
        if path == by:
            return
        try:
            self._client.posix_rename(path, by)
        except OSError:  # an extension that not every server has
            with suppress(FileNotFoundError):
                self._client.remove(by)
            self._client.rename(path, by)

    def _make_folder(self, folder: str) -> None:
        if not folder or folder == "/":
            return
        try:
            self._client.stat(folder)
        except FileNotFoundError:
            self._make_folder(posixpath.dirname(folder))
            with suppress(OSError):  # another was faster; if it was not, the next step tells
                self._client.mkdir(folder)


class _Windows(io.RawIOBase):
    """A file read block by block, a window of them under way at once."""

    def __init__(self, handle: Any, *, host: str, path: str) -> None:
        self._handle, self._host, self._path = handle, host, path
        self._at = 0
        self._held: list[bytes] = []

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        if base is None:
            with _translated(self._host, self._path):
                base = self._handle.stat().st_size or 0
        if base + offset != self._at:
            self._held = []
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        if not self._held:
            with _translated(self._host, self._path):
                blocks = [(self._at + start, BLOCK) for start in range(0, WINDOW, BLOCK)]
                size = (self._handle.stat().st_size or 0) - self._at
                wanted = [(offset, min(BLOCK, size - (offset - self._at))) for offset, _ in blocks]
                self._held = [bytes(b) for b in self._handle.readv([w for w in wanted if w[1] > 0]) if b][::-1]
        if not self._held:
            return 0
        piece = self._held.pop()
        taken, rest = piece[: len(buffer)], piece[len(buffer) :]
        if rest:
            self._held.append(rest)
        buffer[: len(taken)] = taken
        self._at += len(taken)
        return len(taken)


def fingerprint_of(key: Any) -> str:
    """`ssh-ed25519 SHA256:…`, as ssh-keygen prints it."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    return f"{key.get_name()} SHA256:{digest}"


def _check_server(transport: Any, target: SftpTarget) -> None:
    key = transport.get_remote_server_key()
    if not target.host_key:
        if target.learn is not None:
            target.learn(fingerprint_of(key))
        return
    parts = target.host_key.split()
    known = {fingerprint_of(key).split()[1], key.get_base64()}
    if not known.intersection(part if part.startswith("SHA256:") else part.rstrip() for part in parts):
        raise ConnectFailed(
            f"{target.host} shows the host key {fingerprint_of(key)}, not the one that is known. If the server was "
            f"changed on purpose, set the connection's ftp.hostKey to the new one.",
            category=Category.CONFIGURATION,
        )


def _prefer_pinned(transport: Any, host_key: str) -> None:
    """Of a server's several keys the one that is known is asked for first."""
    name = host_key.split(maxsplit=1)[0] if " " in host_key else ""
    options = transport.get_security_options()
    wanted = [one for one in options.key_types if one == name or (name == "ssh-rsa" and one.startswith("rsa-sha2"))]
    if wanted:
        options.key_types = (*wanted, *(one for one in options.key_types if one not in wanted))


def _log_in(transport: Any, target: SftpTarget) -> None:
    try:
        left = transport.auth_publickey(target.user, _private_key(target)) if target.key else ["password"]
        if left and target.password:
            transport.auth_password(target.user, target.password)
        if not transport.is_authenticated():
            raise paramiko.AuthenticationException("it asks for more than is known")
    except paramiko.AuthenticationException as error:
        raise ConnectFailed(
            f"{target.host} refuses the login of {target.user}: {error}.", category=Category.CONFIGURATION
        ) from error


def _private_key(target: SftpTarget) -> Any:
    for kind in _KEYS:
        with suppress(paramiko.SSHException, ValueError, IndexError):
            return kind.from_private_key(io.StringIO(target.key), password=target.passphrase or None)
    raise ConnectFailed(
        "The private key cannot be read: it is of no known kind, or its passphrase is missing or wrong.",
        category=Category.CONFIGURATION,
    )


@contextmanager
def _translated(host: str, path: str = "") -> Iterator[None]:
    """The library's errors as ours."""
    try:
        yield
    except GatewayError:
        raise
    except FileNotFoundError:
        raise FileMissing(f"There is no {path!r} on {host}.") from None
    except TimeoutError as error:
        raise TimedOut(f"{host} did not answer in time.", maybe_sent=bool(path)) from error
    except PermissionError:
        raise FileRefused(f"{host} does not permit that for {path!r}.") from None
    except (EOFError, paramiko.SSHException) as error:
        if path:
            raise Disconnected(f"{host} ended the connection: {error}.") from error
        raise ConnectFailed(f"No SFTP session with {host}: {error or 'it hung up'}.") from error
    except OSError as error:
        if error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED):
            raise Disconnected(f"{host} ended the connection: {error}.") from error
        raise FileRefused(f"{host} refuses {path!r}: {error}.") from error


def _info(path: str, status: Any) -> FileInfo:
    size, modified = int(status.st_size or 0), int(status.st_mtime or 0)
    return FileInfo(
        path=path,
        name=split_path(path)[1],
        size=size,
        modified=datetime.fromtimestamp(modified, UTC),
        etag=f"{size:x}-{modified:x}",
    )
