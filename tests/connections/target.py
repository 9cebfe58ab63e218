"""A third party on loopback that counts how many calls it serves at once."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Target:
    """`answer(seen)` gives (status, headers, JSON or bytes)."""

    answer: Callable[[Seen], tuple[int, dict[str, str], object]]
    seconds: float = 0.0
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(answer=lambda seen: (200, {}, {}), *, seconds: float = 0.0, port: int = 0) -> Iterator[Target]:
    target = Target(answer, seconds)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 64 * 1024  # head and body in one packet: apart they wait 40 ms for an acknowledgement

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen = Seen(self.command, self.path, dict(self.headers.items()), body)
            with target.lock:
                target.seen.append(seen)
                target.times.append(time.monotonic())
                target.in_flight += 1
                target.most_in_flight = max(target.most_in_flight, target.in_flight)
            try:
                if target.seconds:
                    time.sleep(target.seconds)
                status, headers, content = target.answer(seen)
            finally:
                with target.lock:
                    target.in_flight -= 1
            payload = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_one

        def log_message(self, *args) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request, client_address) -> None:
            pass  # clients that are killed in the middle of a call are what some tests do

    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    target.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield target
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
