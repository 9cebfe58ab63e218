"""A peer on loopback that answers byte for byte what a test tells it, and remembers what it was asked."""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from apps.core.networks import parse_allow_networks
from tests.core.gateway.sql_servers import mysql_database, postgresql_database

__all__ = ["mysql_database", "postgresql_database"]

Answer = bytes | Callable[["Asked", socket.socket], None]


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def reply(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + body


@dataclass
class Peer:
    """`answers[path]` are used up in order; the last one repeats."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    busiest: int = 0
    connections: int = 0
    _busy: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def on(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return self.url(path)

    def hang(self, asked: Asked, connection: socket.socket) -> None:
        """Answer nothing until the test is over."""
        self.released.wait(30)

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        with connection, connection.makefile("rb") as stream:
            while True:
                try:
                    asked = self._read(stream)
                except OSError:
                    return
                if asked is None:
                    return
                with self._lock:
                    self.asked.append(asked)
                    self._busy += 1
                    self.busiest = max(self.busiest, self._busy)
                    waiting = self.answers[asked.path.partition("?")[0]]
                    answer = waiting.pop(0) if len(waiting) > 1 else (waiting[0] if waiting else reply(404))
                try:
                    if callable(answer):
                        answer(asked, connection)
                        return
                    connection.sendall(answer)
                except OSError:
                    return
                finally:
                    with self._lock:
                        self._busy -= 1

    def _read(self, stream) -> Asked | None:
        first = stream.readline().decode()
        if not first:
            return None
        method, path, _ = first.split(" ")
        headers = {}
        while line := stream.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return Asked(method, path, headers, stream.read(int(headers.get("content-length", 0))))


@pytest.fixture
def peer() -> Iterator[Peer]:
    yield from serve_peer()


@pytest.fixture
def other_peer() -> Iterator[Peer]:
    yield from serve_peer()


def serve_peer() -> Iterator[Peer]:
    listener = socket.create_server(("127.0.0.1", 0))
    peer = Peer(port=listener.getsockname()[1])

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=peer.serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield peer
    peer.released.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=5)


@pytest.fixture(autouse=True)
def loopback_allowed(settings) -> None:
    settings.JUNCTION_ALLOW_NETWORKS = parse_allow_networks("127.0.0.0/8")
