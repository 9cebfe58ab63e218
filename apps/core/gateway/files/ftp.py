"""Files by FTP, in the clear or inside TLS. Transfers go to the address of the session, whatever the server names.

The surprise: a session does one thing at a time. While a file is read nothing else can be asked of it.
"""

from __future__ import annotations

import ftplib
import io
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast

from ..connector import ssl_context
from ..context import DEFAULT_TLS, Tls
from ..errors import Category, ConnectFailed, Disconnected, FileMissing, FileRefused, GatewayError, TimedOut
from .dialing import dial, dial_again
from .store import CHUNK, FileInfo, below, remote_path, split_path

ANSWER_SECONDS = 60.0
_NOT_THERE = "550"


@dataclass(frozen=True, slots=True)
class FtpTarget:
    """`secured`: TLS from the login on (FTPS, explicit), with port 990 from the first byte on."""

    host: str
    user: str
    port: int = 21
    password: str = field(default="", repr=False)
    secured: bool = False
    tls: Tls = DEFAULT_TLS


@contextmanager
def open_ftp(target: FtpTarget) -> Iterator[FtpStore]:
    """Raises GatewayError."""
    client = _GuardedTls(target) if target.secured else _Guarded(target)
    try:
        with _translated(target.host):
            client.begin()
            try:
                client.login(target.user, target.password)
            except ftplib.error_perm as error:
                raise ConnectFailed(
                    f"{target.host} refuses the login of {target.user}: {error}.", category=Category.CONFIGURATION
                ) from error
            if isinstance(client, _GuardedTls):
                client.prot_p()
            client.voidcmd("TYPE I")
        yield FtpStore(client, target)
    finally:
        with suppress(OSError, EOFError, ftplib.Error):
            client.close()


class FtpStore:
    def __init__(self, client: ftplib.FTP, target: FtpTarget) -> None:
        self._client, self._target, self._host = client, target, target.host

    def address(self, path: str) -> str:
        return f"{'ftps' if self._target.secured else 'ftp'}://{self._host}/{path.lstrip('/')}"

    def list_files(self, folder: str, *, starts_with: str) -> Iterator[FileInfo]:
        folder = remote_path(folder, is_folder=True)
        with _translated(self._host, folder or "/"):
            try:
                listed = list(self._client.mlsd(folder, ["type", "size", "modify"]))
            except ftplib.error_perm as error:
                if str(error)[:3] not in ("500", "501", "502", "504"):
                    raise
                listed = self._listed_by_name(folder)  # an old server: every name is asked after
            self._client.voidcmd("TYPE I")  # a listing is text, and leaves the session so
            for name, facts in listed:
                if facts.get("type", "file").lower() == "file":
                    yield _info(below(folder, name), facts.get("size", ""), facts.get("modify", ""))

    @contextmanager
    def open_file(self, path: str) -> Iterator[tuple[BinaryIO, FileInfo]]:
        path = remote_path(path)
        with _translated(self._host, path):
            info = self.status(path)
        with io.BufferedReader(_Transfer(self, path), CHUNK) as stream:
            yield cast(BinaryIO, stream), info

    def write(self, path: str, chunks: Iterable[bytes], *, temporary: str) -> FileInfo:
        path = remote_path(path)
        folder, _ = split_path(path)
        part = below(folder, temporary)
        with _translated(self._host, path):
            self._make_folder(folder)
            try:
                self._store(part, chunks)
                self._replace(part, path)
            except BaseException:
                with suppress(OSError, EOFError, ftplib.Error):
                    self._client.delete(part)
                raise
            return self.status(path)

    def move(self, path: str, to_folder: str) -> FileInfo:
        path, to_folder = remote_path(path), remote_path(to_folder, is_folder=True)
        moved = below(to_folder, split_path(path)[1])
        with _translated(self._host, path):
            self.status(path)
            self._make_folder(to_folder)
            self._replace(path, moved)
            return self.status(moved)

    def delete(self, path: str) -> None:
        path = remote_path(path)
        with _translated(self._host, path), suppress(FileMissing):
            self.status(path)
            self._client.delete(path)

    def _store(self, path: str, chunks: Iterable[bytes]) -> None:
        transfer = self._client.transfercmd(f"STOR {path}")
        try:
            for chunk in chunks:
                transfer.sendall(chunk)
            if isinstance(transfer, ssl.SSLSocket):
                with suppress(OSError):  # many servers hang up without the last word
                    transfer.unwrap()
        except BaseException:
            transfer.close()
            with suppress(OSError, EOFError, ftplib.Error):
                self._client.voidresp()  # what is said of the half must not be taken for the answer to what follows
            raise
        transfer.close()
        self._client.voidresp()

    def status(self, path: str) -> FileInfo:
        """FileMissing if it is not there, or no file."""
        try:
            size = self._client.size(path)
        except ftplib.error_perm as error:
            if str(error).startswith(_NOT_THERE):
                raise FileMissing(f"There is no file {path!r} on {self._host}.") from None
            raise
        modified = ""
        with suppress(ftplib.error_perm):
            modified = self._client.voidcmd(f"MDTM {path}")[4:].strip()
        return _info(path, str(size or 0), modified)

    def retrieve(self, path: str, offset: int) -> Any:
        return self._client.transfercmd(f"RETR {path}", rest=offset or None)

    def end_transfer(self) -> None:
        self._client.voidresp()

    def _listed_by_name(self, folder: str) -> list[tuple[str, dict[str, str]]]:
        found: list[tuple[str, dict[str, str]]] = []
        names = self._client.nlst(*([folder] if folder else []))
        self._client.voidcmd("TYPE I")
        for line in names:
            name = split_path(line)[1]
            with suppress(FileMissing):
                info = self.status(below(folder, name))
                found.append((name, {"size": str(info.size), "modify": info.modified.strftime("%Y%m%d%H%M%S")}))
        return found

    def _replace(self, path: str, by: str) -> None:
        if path == by:
            return
        try:
            self._client.rename(path, by)
        except ftplib.error_perm:  # there is one of that name, and the server minds
            self._client.delete(by)
            self._client.rename(path, by)

    def _make_folder(self, folder: str) -> None:
        parts = [part for part in folder.split("/") if part]
        for count in range(1, len(parts) + 1):
            with suppress(ftplib.error_perm):  # it is there; if it is not, the next step tells
                self._client.mkd(("/" if folder.startswith("/") else "") + "/".join(parts[:count]))


class _Transfer(io.RawIOBase):
    """A file as it comes; another place in it is asked for with a transfer of its own."""

    def __init__(self, store: FtpStore, path: str) -> None:
        self._store, self._path = store, path
        self._at = 0
        self._socket: Any = None
        self._ended = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _translated(self._store._host, self._path):
            if whence == io.SEEK_END:
                offset += self._store.status(self._path).size
            elif whence == io.SEEK_CUR:
                offset += self._at
            if offset != self._at:
                self._stop()
                self._at, self._ended = offset, False
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._ended:
            return 0
        with _translated(self._store._host, self._path):
            if self._socket is None:
                self._socket = self._store.retrieve(self._path, self._at)
            count: int = self._socket.recv_into(buffer)
            if not count:
                self._stop()
                self._ended = True
            self._at += count
            return count

    def close(self) -> None:
        if not self.closed:
            with suppress(GatewayError, OSError, EOFError, ftplib.Error):
                self._stop()
        super().close()

    def _stop(self) -> None:
        """The server's last word on the transfer: cut short, it complains, which is no news."""
        if self._socket is not None:
            transfer, self._socket = self._socket, None
            transfer.close()
            with suppress(ftplib.error_temp, ftplib.error_perm):
                self._store.end_transfer()


class _Guarded(ftplib.FTP):
    """Dials checked addresses only."""

    def __init__(self, target: FtpTarget) -> None:
        super().__init__(timeout=ANSWER_SECONDS, encoding="utf-8")
        self._target = target
        self.host = target.host

    def begin(self) -> None:
        self.sock = self._secured(dial(self._target.host, self._target.port, timeout=ANSWER_SECONDS))
        self.af = self.sock.family
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[Any, int | None]:
        _, port = self.makepasv()
        assert self.sock is not None  # noqa: S101 - begun
        transfer = dial_again(self.sock, self._target.host, port, timeout=ANSWER_SECONDS)
        try:
            if rest is not None:
                self.sendcmd(f"REST {rest}")
            answer = self.sendcmd(cmd)
            if answer[0] == "2":
                answer = self.getresp()
            if answer[0] != "1":
                raise ftplib.error_reply(answer)  # noqa: S321
            return self._wrapped(transfer), None
        except BaseException:
            transfer.close()
            raise

    def _secured(self, sock: Any) -> Any:
        return sock

    def _wrapped(self, transfer: Any) -> Any:
        return transfer


class _GuardedTls(_Guarded, ftplib.FTP_TLS):
    """The session's TLS carries over to transfers, which many servers ask for."""

    def __init__(self, target: FtpTarget) -> None:
        self._context = ssl_context(target.tls)
        ftplib.FTP_TLS.__init__(self, timeout=ANSWER_SECONDS, context=self._context, encoding="utf-8")  # noqa: S321
        self._target = target
        self.host = target.host

    def login(self, user: str = "", passwd: str = "", acct: str = "", secure: bool = True) -> str:
        encrypted = isinstance(self.sock, ssl.SSLSocket)
        return ftplib.FTP_TLS.login(self, user, passwd, acct, secure and not encrypted)  # noqa: S321

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[Any, int | None]:
        return _Guarded.ntransfercmd(self, cmd, rest)

    def _secured(self, sock: Any) -> Any:
        if self._target.port == 990:
            return self._context.wrap_socket(sock, server_hostname=self.host)
        return sock

    def _wrapped(self, transfer: Any) -> Any:
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        return self._context.wrap_socket(transfer, server_hostname=self.host, session=session)


@contextmanager
def _translated(host: str, path: str = "") -> Iterator[None]:
    """The library's errors as ours."""
    try:
        yield
    except GatewayError:
        raise
    except TimeoutError as error:
        raise TimedOut(f"{host} did not answer in time.", maybe_sent=bool(path)) from error
    except ftplib.error_perm as error:
        if str(error).startswith(_NOT_THERE) and path:
            raise FileMissing(f"{host} has no {path!r}, or does not give it: {error}.") from None
        raise FileRefused(f"{host} refuses {path!r}: {error}.") from None
    except ssl.SSLError as error:
        raise ConnectFailed(f"TLS with {host} was not agreed: {error}.", category=Category.CONFIGURATION) from error
    except (EOFError, OSError, ftplib.Error) as error:
        if path:
            raise Disconnected(f"{host} broke off: {error}.") from error
        raise ConnectFailed(f"No FTP session with {host}: {error or 'it hung up'}.") from error


def _info(path: str, size: str, modified: str) -> FileInfo:
    stamp = modified.partition(".")[0]
    known = len(stamp) == 14 and stamp.isdigit()
    moment = datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC) if known else datetime.fromtimestamp(0, UTC)
    number = int(size) if size.isdigit() else 0
    return FileInfo(path=path, name=split_path(path)[1], size=number, modified=moment, etag=f"{number:x}-{modified}")
