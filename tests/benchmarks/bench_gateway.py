"""Requests a second through gateway.send_many against plain aiohttp, in turn within one run.

    python tests/benchmarks/bench_gateway.py [--source ../shared/bench/source_sink.py] [--rounds 5] [--requests 4000]

Prints the medians and their ratio; exits 1 when the ratio is below `--least` (0.75).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

SERVE = """
import asyncio, importlib.util, sys

# The load source is an ASGI application. It is served by the least that speaks HTTP/1.1 with Content-Length, so that
# the server is not what is measured.
spec = importlib.util.spec_from_file_location("source_sink", sys.argv[1])
source = importlib.util.module_from_spec(spec)
spec.loader.exec_module(source)


class Peer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\\r\\n\\r\\n")) >= 0:
            head = self.buffer[:end].split(b"\\r\\n")
            headers = [tuple(part.strip() for part in line.split(b":", 1)) for line in head[1:]]
            size = next((int(value) for name, value in headers if name.lower() == b"content-length"), 0)
            if len(self.buffer) < end + 4 + size:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + size], self.buffer[end + 4 + size :]
            method, target, _ = head[0].split(b" ")
            path, _, query = target.partition(b"?")
            scope = {"type": "http", "method": method.decode(), "path": path.decode(), "query_string": query,
                     "headers": headers}
            step = source.app(scope, Feed(body), self.send)
            try:
                step.send(None)
            except StopIteration:
                pass

    async def send(self, message):
        if message["type"] == "http.response.start":
            lines = b"".join(b"%b: %b\\r\\n" % header for header in message["headers"])
            self.head = b"HTTP/1.1 %d X\\r\\n%b\\r\\n" % (message["status"], lines)
        else:
            self.transport.write(self.head + message["body"])


class Feed:
    def __init__(self, body):
        self.body = body

    async def __call__(self):
        return {"type": "http.request", "body": self.body}


async def main():
    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", int(sys.argv[2]))
    await server.serve_forever()

asyncio.run(main())
"""


def plain_aiohttp(url: str, bodies: list[bytes], concurrency: int) -> float:
    import aiohttp

    async def run() -> float:
        headers = {"Content-Type": "application/json", "Authorization": "Bearer a-known-secret"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:
            queue = iter(enumerate(bodies))

            async def work() -> None:
                for index, body in queue:
                    sent = {**headers, "Idempotency-Key": f"record-{index}"}
                    async with session.post(url, data=body, headers=sent) as answer:
                        await answer.read()

            began = time.perf_counter()
            await asyncio.gather(*(work() for _ in range(concurrency)))
            return len(bodies) / (time.perf_counter() - began)

    return asyncio.run(run())


def through_gateway(url: str, bodies: list[bytes], concurrency: int, *, page: int) -> float:
    """Pages of records, as an import makes them; one hand-over a page, with recorder and limiter in place."""
    from apps.core import gateway
    from apps.core.gateway.limits import Rules

    limiter = gateway.BlockLimiter(gateway.MemoryBlockStore({"bench": Rules(concurrency=concurrency)}))
    context = gateway.SendContext(
        limit_key="bench", limiter=limiter, recorder=gateway.MemoryRecorder(), secrets=("a-known-secret",)
    )
    headers = {"Content-Type": "application/json", "Authorization": "Bearer a-known-secret"}
    began = time.perf_counter()
    for start in range(0, len(bodies), page):
        requests = [
            gateway.Request(
                method="POST",
                url=url,
                headers=headers,
                body=body,
                effect="write",
                write_kind="key",
                idempotency_key=f"record-{start + index}",
            )
            for index, body in enumerate(bodies[start : start + page])
        ]
        for outcome in gateway.send_many(requests, concurrency=concurrency, context=context):
            if isinstance(outcome, gateway.GatewayError) or not outcome.ok:
                raise SystemExit(f"A call failed: {outcome}")
    return len(bodies) / (time.perf_counter() - began)


def main() -> int:
    parser = argparse.ArgumentParser()
    default = os.environ.get("JUNCTION_BENCH_SOURCE", str(ROOT.parent / "shared" / "bench" / "source_sink.py"))
    parser.add_argument("--source", type=Path, default=Path(default))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--concurrency", type=int, default=25)
    parser.add_argument("--page", type=int, default=1000)
    parser.add_argument("--least", type=float, default=0.75)
    args = parser.parse_args()

    from django.conf import settings

    from apps.core.networks import parse_allow_networks

    settings.configure(JUNCTION_ALLOW_NETWORKS=parse_allow_networks("127.0.0.0/8"))  # all that the gateway asks for
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "SOURCE_TOTAL": "1000", "SOURCE_WARM": ""}
    server = subprocess.Popen([sys.executable, "-c", SERVE, str(args.source), str(port)], env=environment)
    try:
        url = f"http://127.0.0.1:{port}/sink"
        wait_for(port)
        bodies = [b'{"external_id":%d,"full_name":"Ana Okafor","city":"Lisbon"}' % n for n in range(args.requests)]
        figures: dict[str, list[float]] = {"aiohttp": [], "gateway": []}
        costs: list[float] = []
        for turn in range(args.rounds + 1):
            begun = time.process_time()
            plain = plain_aiohttp(url, bodies, args.concurrency)
            between = time.process_time()
            ours = through_gateway(url, bodies, args.concurrency, page=args.page)
            if turn:  # the first round warms up
                figures["aiohttp"].append(plain)
                figures["gateway"].append(ours)
                costs.append((between - begun) / (time.process_time() - between))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats") as answer:
            print("sink:", answer.read().decode())
    finally:
        server.terminate()
        server.wait()
    ratio = statistics.median(o / p for o, p in zip(figures["gateway"], figures["aiohttp"], strict=True))
    for name, values in figures.items():
        print(f"{name:8} {statistics.median(values):8.0f}/s   {[round(value) for value in values]}")
    print(f"CPU time of plain aiohttp / of the gateway: {statistics.median(costs):.2f}")
    print(f"ratio    {ratio:.2f} (at least {args.least})")
    return 0 if ratio >= args.least else 1


def wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    raise SystemExit(main())
