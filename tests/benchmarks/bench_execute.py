"""What POST /v1/execute costs over the bare call it makes: medians, taken in turn on one kept-alive connection each.

    python -m tests.benchmarks.bench_execute [--calls 1000] [--only read,write,pure] [--profile read.svg]

`read` is an action that gets, `write` one that posts (with its intent and outcome committed around the call), `pure`
one that calls nobody. Serves as shipped: gunicorn, PostgreSQL (JUNCTION_BENCH_POSTGRES, default
postgresql://postgres@127.0.0.1:5432; it makes a database of its own) and Redis (JUNCTION_BENCH_REDIS, default
redis://127.0.0.1:6379/9). The machine drifts: only the differences within one run count.
"""

import argparse
import asyncio
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER = os.environ.get("JUNCTION_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
DATABASE = "junction_bench_execute"
TARGET_PORT, WEB_PORT = 8931, 8932
TOKEN = "bench-t0ken"

os.environ["DATABASE_URL"] = f"{SERVER}/{DATABASE}"
os.environ["BROKER_URL"] = os.environ.get("JUNCTION_BENCH_REDIS", "redis://127.0.0.1:6379/9")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["JUNCTION_ALLOW_NETWORKS"] = "127.0.0.0/8"
os.environ.setdefault("JUNCTION_LOG_LEVEL", "WARNING")
os.environ.setdefault("JUNCTION_DATA", str(ROOT / ".junction-bench"))

LEAD = {"name": "Ada Lovelace", "email": "ada@example.com", "tags": ["a", "b"], "score": 7}
FIELDS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "x-required": True},
        "email": {"type": "string", "format": "email"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "score": {"type": "integer"},
    },
}
GIVES = {"type": "object", "required": ["id"]}
GET = {"url": "/leads/{{ input.data.score }}", "query": {"q": "{{ input.data.name }}"}}
READ = {"steps": [{"name": "got", "request": GET}], "output": "{{ steps.got.body }}"}
WRITE = {
    "steps": [{"name": "made", "request": {"method": "POST", "url": "/leads", "body": "{{ input.data }}"}}],
    "output": "{{ steps.made.body }}",
}
PURE = {"output": {"id": "{{ input.data.score }}"}}


class Target(asyncio.Protocol):
    """The third party: reads a request, answers a lead, keeps the connection."""

    ANSWER = json.dumps({"id": 5, **LEAD}).encode()
    HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        found = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        size = int(found[0].split(b":")[1]) if found else 0
        if end and len(body) >= size:
            self.buffer = body[size:]
            self.transport.write(self.HEAD + self.ANSWER)


async def serve_target():
    server = await asyncio.get_running_loop().create_server(Target, "127.0.0.1", TARGET_PORT)
    await server.serve_forever()


class Line:
    """One kept-alive connection."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method, path, body=None, headers=None):
        begun = time.perf_counter()
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - begun
        assert answer.status == 200, (answer.status, text)
        return took * 1000


def seed():
    """A key, a connector of three actions, a person and their credential."""
    import django

    django.setup()
    from apps.accounts import services as accounts
    from apps.connectors import services
    from tests.connections.making import make_action, make_connector, make_credential, make_end_user

    user, key = accounts.first_start(email="bench@example.com", password="correct horse battery")
    organization = user.memberships.get().organization
    connector = make_connector(organization)
    services.create_security(connector=connector, name="token", type="apiKey")
    for name, program in (("read", READ), ("write", WRITE), ("pure", PURE)):
        make_action(connector, name, program, variables=FIELDS, output=GIVES)
    ada = make_end_user(organization)
    make_credential(ada, connector, token=TOKEN, base=f"http://127.0.0.1:{TARGET_PORT}")
    return key


@contextmanager
def processes():
    import psycopg

    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as db:
        db.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        db.execute(f"CREATE DATABASE {DATABASE}")
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], check=True, cwd=ROOT)
    started = [
        subprocess.Popen([sys.executable, "-m", "tests.benchmarks.bench_execute", "--target"], cwd=ROOT),
        subprocess.Popen(
            [*manage, "web", "--bind", f"127.0.0.1:{WEB_PORT}", "--workers", "1"], cwd=ROOT, start_new_session=True
        ),
    ]
    try:
        for port in (TARGET_PORT, WEB_PORT):
            wait_for(port)
        yield started[1]
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(timeout=60)


def wait_for(port):
    for _ in range(600):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


def measure(name, *, key, calls):
    call = {"@type": "action", "connector": "crm", "connectorVersion": "1.0.0", "action": name, "input": LEAD}
    body = json.dumps(call).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    bare, ours = Line(TARGET_PORT), Line(WEB_PORT)
    verb = ("POST", "/leads", json.dumps(LEAD).encode()) if name == "write" else ("GET", "/leads/7?q=Ada", None)
    sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    def pair():
        return bare.ask(*verb, sent), ours.ask("POST", "/v1/execute?userId=ada@example.com", body, headers)

    for _ in range(50):
        pair()
    times = [pair() for _ in range(calls)]
    theirs, own = (sorted(column) for column in zip(*times, strict=True))
    row = {
        "action": name,
        "bare_ms": round(statistics.median(theirs), 2),
        "execute_ms": round(statistics.median(own), 2),
        "cost_ms": round(statistics.median(own) - statistics.median(theirs), 2),
        "execute_p90_ms": round(own[len(own) * 9 // 10], 2),
        "execute_min_ms": round(own[0], 2),
    }
    print(json.dumps(row), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--only", default="read,write,pure")
    parser.add_argument("--profile", help="a file for py-spy to write to, of gunicorn's worker")
    parser.add_argument("--target", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.target:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        asyncio.run(serve_target())
    with processes() as web:
        key = seed()
        spy = None
        if args.profile:
            found = subprocess.run(["pgrep", "-P", str(web.pid)], capture_output=True, text=True, check=True)
            command = ["py-spy", "record", "--pid", found.stdout.split()[0], "--output", args.profile]
            spy = subprocess.Popen([*command, "--format", "raw", "--duration", "3600", "--rate", "500"])
        for name in args.only.split(","):
            measure(name, key=key, calls=args.calls)
        if spy:
            spy.send_signal(signal.SIGINT)
            spy.wait()


if __name__ == "__main__":
    main()
