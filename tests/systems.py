"""Other people's systems, real servers on loopback: a paged source and a recording sink whose behaviour a test sets."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db import connections


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Answer:
    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    hang_up: bool = False  # close after half of the body


class System:
    """`routes` maps "METHOD /path" to a function from Call to Answer (or a value to send as JSON).

    `port`: where one stood that was stopped, for a system that comes back.
    """

    def __init__(self, *, port: int = 0) -> None:
        self.calls: list[Call] = []
        self.routes: dict[str, Callable[[Call], object]] = {}
        self._lock = threading.Lock()
        system = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                parts = urlsplit(self.path)
                size = int(self.headers.get("Content-Length") or 0)
                query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
                call = Call(self.command, parts.path, query, dict(self.headers), self.rfile.read(size))
                with system._lock:
                    system.calls.append(call)
                route = system.routes.get(f"{self.command} {parts.path}") or system.routes.get(f"{self.command} *")
                try:
                    result = route(call) if route else Answer(404, {"error": "no such route"})
                finally:
                    connections.close_all()  # a route may look at the database, on a thread that ends
                if not isinstance(result, Answer):
                    result = Answer(200, result)
                body = result.raw if result.raw is not None else json.dumps(result.body).encode()
                self.send_response(result.status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in {"Content-Type": "application/json", **result.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if result.hang_up:
                    self.wfile.write(body[: len(body) // 2])
                    self.close_connection = True
                else:
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *args: object) -> None:
                """Tests look at `calls`."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128
            kept_open: set[socket.socket] = set()

            def process_request(self, request: Any, client_address: Any) -> None:
                self.kept_open.add(request)
                super().process_request(request, client_address)

            def shutdown_request(self, request: Any) -> None:
                self.kept_open.discard(request)
                super().shutdown_request(request)

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that went away is part of some tests."""

        self.server = Server(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """As a machine that is switched off: connections that were kept open are gone too."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.server.kept_open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def made(self, start: str) -> list[Call]:
        with self._lock:
            return [call for call in self.calls if f"{call.method} {call.path}".startswith(start)]

    def serve_pages(self, path: str, records: list[object], *, size: int = 10) -> None:
        """GET path?page=1.. answers {"data": [...], "pages": n}."""

        def page(call: Call) -> object:
            number = int(call.query.get("page", "1"))
            rows = records[(number - 1) * size : number * size]
            return {"data": rows, "page": number, "pages": -(-len(records) // size), "total": len(records)}

        self.routes[f"GET {path}"] = page

    def take(self, path: str, *, method: str = "POST") -> None:
        """Accepts whatever is sent and answers an id."""
        self.routes[f"{method} {path}"] = lambda call: {"id": f"r{len(self.calls)}"}
