"""The embedded web server: waitress, which lets the one header with an underscore through that clients send."""

import re
import threading
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer

STOP_SECONDS = 5.0
# waitress drops names with an underscore, since X_Forwarded_For would pass for X-Forwarded-For.
API_KEY_LINE = re.compile(rb"(?<=\r\n)api_key(?=:)", re.IGNORECASE)


class Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(API_KEY_LINE.sub(b"api-key", header_plus))


class Channel(HTTPChannel):
    parser_class = Parser


class EmbeddedServer(TcpWSGIServer):
    """`run` serves in its caller's thread until another thread calls `stop`; requests in hand are answered first."""

    channel_class = Channel

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.stopping = False
        self._told = threading.Event()  # `stop` is through with the trigger, which may now be closed

    def run(self) -> None:
        while not self.stopping:
            wasyncore.loop(timeout=1.0, map=self._map, use_poll=True, count=1)
        self.task_dispatcher.shutdown(timeout=STOP_SECONDS)
        wasyncore.loop(timeout=0.0, map=self._map, use_poll=True, count=3)  # the last bytes of the last answers
        self._told.wait()
        wasyncore.close_all(self._map)

    def stop(self) -> None:
        self.stopping = True
        try:
            self.pull_trigger()
        finally:
            self._told.set()


def embedded_server(application: Callable[..., Any], *, host: str, port: int, threads: int = 8) -> EmbeddedServer:
    """Listens at once; requests wait until `run()`. Raises OSError when the address cannot be had."""
    options = {"clear_untrusted_proxy_headers": True, "ident": "junction", "max_request_body_size": 64 * 1024 * 1024}
    return EmbeddedServer(application, host=host, port=port, threads=threads, **options)
