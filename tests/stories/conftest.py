"""An installation as its operator starts it: `manage.py up` in a process of its own, asked over real sockets."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests import processes, servers
from tests.mail import Mailbox
from tests.systems import System

KEY = "a-key-of-our-own-0123456789"
ENVIRONMENT = {
    "JUNCTION_API_KEY": KEY,
    "JUNCTION_ADMIN_EMAIL": "owner@acme.example",
    "JUNCTION_ADMIN_PASSWORD": "correct horse battery",
    "JUNCTION_ALLOW_NETWORKS": "127.0.0.0/8",
    "JUNCTION_LOG_LEVEL": "WARNING",
}
START_SECONDS = 240.0
PATIENCE = 180.0  # seconds that a condition may take to come true on a machine that does much else


@dataclass
class Installation:
    """`mailbox` is its mail server. It is reached, and names itself, by the port."""

    data: Path
    mailbox: Mailbox
    port: int
    process: processes.Process | None = None

    def up(self) -> None:
        variables = {
            **ENVIRONMENT,
            "JUNCTION_DATA": str(self.data),
            "JUNCTION_PUBLIC_URL": self.url,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mailbox.port}",
        }
        self.process = processes.Process(["up", "--no-demo", "--port", str(self.port)], variables)
        self.process.wait_for("Junction is up", seconds=START_SECONDS)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, method: str, path: str, body: object = None, *, key: str = KEY, **headers: str) -> tuple[int, Any]:
        """The status, and the answer: read as JSON where it is."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as client:
            kept = {
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {key}"} if key else {}),
                **headers,
            }
            text = body if isinstance(body, str) else json.dumps(body) if body is not None else None
            client.request(method, path, text, kept)
            answer = client.getresponse()
            content = answer.read()
            is_json = "json" in (answer.getheader("Content-Type") or "")
            return answer.status, json.loads(content) if content and is_json else content.decode()

    def call(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        """The answer to what must go well."""
        status, found = self.send(method, path, body, **options)
        assert status < 300, (method, path, status, found)
        return found

    def make(self, resource: str, body: object) -> str:
        return str(self.call("POST", f"/v1/{resource}", body)["_id"])


def until(condition: Callable[[], Any], *, what: str, seconds: float = PATIENCE) -> Any:
    """What the condition answers once that is true. It is asked again and again, and may fail to connect."""
    ends, found = time.monotonic() + seconds, None
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


@pytest.fixture
def letters() -> Iterator[Mailbox]:
    running = Mailbox().start()
    yield running
    running.stop()


@pytest.fixture
def junction(tmp_path: Path, letters: Mailbox) -> Iterator[Installation]:
    found = Installation(tmp_path / "data", letters, servers.free_port())
    try:
        found.up()
        yield found
    finally:  # also of one that did not come up in time
        found.kill()


@pytest.fixture
def shop() -> Iterator[System]:
    """Somebody else's system, which a test may stop and bring back."""
    running = System()
    yield running
    running.stop()
