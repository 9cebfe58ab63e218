"""Automations at speed: hooks answered and accepted (W1, W1a), steps (W3, W4), and the knee of an open loop (W5).

    python -m tests.benchmarks.bench_automations [--rounds 3] [--seconds 5] [--queued 5000] [--only W1,W1a,W3,W4,W5]

Wants PostgreSQL and Redis as bench_hooks does, whose yardstick views and load it uses. Each yardstick is measured in
the same run, in turn: only the ratios within one run count.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.bench_hooks import PEERS, ROOT, SERVER, hammer, insert_call, running, wait_for

DATABASE = "junction_bench_automations"
OURS, THEIRS, TARGET_PORT = 8951, 8952, 8953
os.environ["DATABASE_URL"] = f"{SERVER}/{DATABASE}"
os.environ["JUNCTION_PUBLIC_URL"] = f"http://127.0.0.1:{OURS}"
NULLS = """
import os
from celery import Celery
app = Celery("nulls", broker=os.environ["BROKER_URL"])
app.conf.task_ignore_result = True
app.conf.task_default_queue = "nulls"
@app.task(name="null")
def null():
    pass
"""
MAPPED = {
    "name": "{{ data.first_name }} {{ data.last_name }}",
    "email": "{{ data.email | lower }}",
    "amount": "{{ data.amount_cents / 100 }}",
    "status": "{{ data.status | default('new') }}",
    "city": "{{ data.address.city }}",
    "tags": "{{ data.tags | length }}",
}
BODY = {
    "first_name": "Ada", "last_name": "Lovelace", "email": "Ada@Example.org", "amount_cents": 1250, "status": "active",
    "address": {"city": "Oulu"}, "tags": ["a", "b"],
}  # fmt: skip
FIBONACCI = (
    "function run(n) { return n < 2 ? n : run(n - 1) + run(n - 2); }\nfunction main(i) { return run(i.input.data.n); }"
)


def hook_call(index, number):
    return json.dumps(BODY).encode(), {"Content-Type": "application/json"}


class Target(asyncio.Protocol):
    """A server that answers every request at once."""

    ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'

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
            self.transport.write(self.ANSWER)


def serve_target():
    async def serve():
        server = await asyncio.get_running_loop().create_server(Target, "127.0.0.1", TARGET_PORT)
        await server.serve_forever()

    asyncio.run(serve())


def prepare():
    """A fresh database with one automation a workload; the hooks' addresses by its name."""
    import psycopg

    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {DATABASE}")
    subprocess.run([sys.executable, "manage.py", "prepare"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    import django

    django.setup()
    from apps.accounts.models import Organization
    from apps.automations.models import Automation
    from apps.automations.services import upsert_automation
    from apps.connectors import services as connectors
    from apps.core.actors import system_actor
    from apps.inbound.direct import direct_url
    from apps.inbound.models import DirectHook

    organization = Organization.objects.filter(is_system=False).first()
    connector = connectors.create_connector(organization_id=organization.id, name="bench")
    connectors.publish_version(version=connectors.create_version(connector=connector))
    program = {"language": "javascript", "source": FIBONACCI, "function": "main"}
    connectors.create_component(
        connector=connector, kind="action", name="fibonacci", logic={"execute": program}, published=True
    )
    call = {"type": "callWebhook", "args": {"url": f"http://127.0.0.1:{TARGET_PORT}/in", "body": {"n": "{{ data.n }}"}}}
    count = {"type": "executeAction", "args": {"connector": "bench", "action": "fibonacci", "input": {"n": 10}}}
    documents = {
        "w1": {"triggers": [{"type": "onHook", "respond": "sync"}], "outputs": MAPPED},
        "w1a": {"triggers": [{"type": "onHook"}], "outputs": MAPPED},
        "w3": {"triggers": [{"type": "onHook"}], "actions": [call] * 3},
        "w4": {"triggers": [{"type": "onHook"}], "actions": [count] * 40},
    }
    found = {}
    for name, document in documents.items():
        whole = {"id": name, "title": name, "type": "automation", **document}
        row = upsert_automation(actor=system_actor(organization.id), document=whole)
        found[name] = direct_url(DirectHook.objects.get(target_id=Automation.objects.get(pk=row.pk).id))
    return found


@contextmanager
def web():
    manage = [sys.executable, "manage.py", "web", "--bind", f"127.0.0.1:{OURS}", "--workers", "2", "--threads", "4"]
    with running(*manage):
        wait_for(f"http://127.0.0.1:{OURS}/healthz")
        yield


@contextmanager
def yardstick():
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "4", "-b",
               f"127.0.0.1:{THEIRS}", "a2_django_app:application"]  # fmt: skip
    env = {"BENCH_DB": f"{SERVER}/{DATABASE}", "PYTHONDONTWRITEBYTECODE": "1", "DJANGO_SETTINGS_MODULE": ""}
    subprocess.run([sys.executable, "a2_django_app.py", "setup"], cwd=PEERS, env={**os.environ, **env}, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    with running(*command, env=env, cwd=PEERS):
        wait_for(f"http://127.0.0.1:{THEIRS}/raw")
        yield


@contextmanager
def workers(count=2):
    worker = [sys.executable, "manage.py", "worker", "--concurrency", "1"]
    with ExitStack() as stack:
        stack.enter_context(running(sys.executable, "manage.py", "scheduler"))
        for _ in range(count):
            stack.enter_context(running(*worker))
        yield


def compare(name, rounds, ours, theirs, target):
    ratios = []
    for _ in range(rounds):
        yard, own = theirs(), ours()
        ratios.append(own / yard)
        print(f"{name}: {own:,.0f}/s, yardstick {yard:,.0f}/s, ratio {ratios[-1]:.2f}", flush=True)
    print(f"{name}, median of {rounds}: ratio {statistics.median(ratios):.2f} (target {target})", flush=True)


def w1(urls, args):
    with web(), yardstick():
        hook = f"http://127.0.0.1:{THEIRS}/hook"
        hammer(hook, hook_call, 1, 200)
        hammer(urls["w1"], hook_call, 1, 200)
        compare("W1", args.rounds, lambda: hammer(urls["w1"], hook_call, args.seconds, 200),
                lambda: hammer(hook, hook_call, args.seconds, 200), 0.60)  # fmt: skip


def w1a(urls, args):
    with web(), yardstick():
        insert = f"http://127.0.0.1:{THEIRS}/insert"
        hammer(insert, insert_call, 1, 201)
        hammer(urls["w1a"], hook_call, 1, 202)
        compare("W1a accept", args.rounds, lambda: hammer(urls["w1a"], hook_call, args.seconds, 202),
                lambda: hammer(insert, insert_call, args.seconds, 201), 0.70)  # fmt: skip
    nulls = celery_nulls(args.queued)
    queue("w1a", args.queued)
    with workers():
        rows = wait_all("w1a")
    first, last = min(row[1] for row in rows), max(row[2] for row in rows)
    rate = len(rows) / (last - first).total_seconds()
    print(f"W1a worked off: {rate:,.0f}/s of {len(rows):,}, bare Celery {nulls:,.0f}/s, ratio {rate / nulls:.2f}"
          " (target 1.00)", flush=True)  # fmt: skip


def queue(name, count):
    """So many runs, accepted, with nobody to take them; what was there before is gone."""
    from apps.automations.hooks import accept
    from apps.automations.models import Automation
    from apps.executions.models import Execution
    from apps.inbound.models import DirectHook
    from apps.inbound.targets import Arrival
    from apps.work.models import WorkItem

    WorkItem.objects.filter(kind="execution").delete()
    row = Automation.objects.get(slug=name)
    Execution.objects.filter(target_id=row.id).delete()
    hook = DirectHook.objects.get(target_id=row.id)
    for number in range(count):
        accept(Arrival(hook=hook, method="POST", headers={}, query={}, body={**BODY, "n": number}))


def wait_all(name, seconds=300):
    """(created, started, ended) of each of an automation's runs, once all have ended."""
    from apps.automations.models import Automation
    from apps.executions.models import Execution

    rows = Execution.objects.filter(target_id=Automation.objects.get(slug=name).id)
    ends = time.monotonic() + seconds
    while rows.filter(ended_at=None).exists():
        if time.monotonic() > ends:
            raise SystemExit(f"{name}: {rows.filter(ended_at=None).count()} runs have not ended")
        time.sleep(0.05)
    bad = rows.exclude(state="succeeded").values_list("reason", flat=True).first()
    if bad:
        raise SystemExit(f"{name}: a run failed: {bad}")
    return list(rows.values_list("created_at", "started_at", "ended_at"))


def celery_nulls(count):
    """Null tasks drained a second by two processes."""
    import redis

    broker = redis.Redis.from_url(os.environ["BROKER_URL"])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "nulls.py").write_text(NULLS)
        sys.path.insert(0, folder)
        from nulls import null  # type: ignore[import-not-found]

        broker.delete("nulls", "unacked")
        for _ in range(count):
            null.delay()
        command = [sys.executable, "-m", "celery", "-A", "nulls", "worker", "-c", "2", "-Q", "nulls", "-l", "ERROR"]
        with running(*command, env={"PYTHONPATH": folder, "DJANGO_SETTINGS_MODULE": ""}, cwd=folder):
            while broker.llen("nulls") == count:
                time.sleep(0.005)
            left, started = broker.llen("nulls"), time.monotonic()
            while broker.llen("nulls") or broker.hlen("unacked"):
                time.sleep(0.005)
            return left / (time.monotonic() - started)


def w3(urls, args):
    threading.Thread(target=serve_target, daemon=True).start()
    with web(), workers():
        one_by_one("w3", urls, 5)
        waits = one_by_one("w3", urls, args.turns)
        print(f"W3 in turn: median {statistics.median(waits):.1f} ms of {len(waits)} (target 30)", flush=True)
        queue("w3", args.burst)
        rows = wait_all("w3")
        seconds = (max(row[2] for row in rows) - min(row[1] for row in rows)).total_seconds()
        print(f"W3 queued: {len(rows) / seconds:,.0f}/s of {len(rows)} with two workers (target 150)", flush=True)


def w4(urls, args):
    with web(), workers():
        one_by_one("w4", urls, 2)
        waits = one_by_one("w4", urls, max(5, args.turns // 10))
        print(f"W4: median {statistics.median(waits):.0f} ms for 40 steps (target 500)", flush=True)


def one_by_one(name, urls, count):
    """Milliseconds from accept to end of each."""
    from apps.automations.models import Automation
    from apps.executions.models import Execution

    Execution.objects.filter(target_id=Automation.objects.get(slug=name).id).delete()
    waits = []
    for _ in range(count):
        post(urls[name])
        rows = wait_all(name)
        created, _, ended = max(rows)
        waits.append((ended - created).total_seconds() * 1000)
    return waits


def post(url):
    import urllib.request

    request = urllib.request.Request(url, json.dumps(BODY).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def w5(urls, args):
    """The last rate of an open loop at which 95 of 100 runs end within a second of their call."""
    from apps.automations.models import Automation
    from apps.executions.models import Execution

    target_id, knee = Automation.objects.get(slug="w1a").id, 0
    with web(), workers():
        one_by_one("w1a", urls, 20)  # they have started
        for rate in args.rates:
            Execution.objects.filter(target_id=target_id).delete()
            reached = open_loop(urls["w1a"], rate, args.seconds)
            waits = sorted((ended - created).total_seconds() for created, _, ended in wait_all("w1a"))
            p95 = waits[int(len(waits) * 0.95)]
            print(f"W5: {reached * 60:,.0f} a minute, p95 {p95 * 1000:,.0f} ms", flush=True)
            if p95 > 1 or reached < 0.9 * rate:
                break
            knee = reached * 60
    print(f"W5: knee at or above {knee:,.0f} a minute (target 12,000)", flush=True)


def open_loop(url, rate, seconds, lines=10):
    """Calls at fixed moments, whether or not the ones before were answered; answers the rate that was reached."""
    import http.client
    from urllib.parse import urlsplit

    parts, total, started = urlsplit(url), int(rate * seconds), time.monotonic() + 0.2

    def work(index):
        opened = http.client.HTTPConnection(parts.netloc, timeout=30)
        for number in range(index, total, lines):
            pause = started + number / rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            opened.request("POST", parts.path, *hook_call(index, number))
            opened.getresponse().read()
        opened.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(lines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total / (time.monotonic() - started)


WORKLOADS = {"W1": w1, "W1a": w1a, "W3": w3, "W4": w4, "W5": w5}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--queued", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--burst", type=int, default=200)
    parser.add_argument("--rates", type=lambda text: [float(part) for part in text.split(",")],
                        default=[100.0, 200.0, 300.0, 400.0, 600.0, 800.0])  # fmt: skip
    parser.add_argument("--only", default=",".join(WORKLOADS))
    args = parser.parse_args()
    urls = prepare()
    for name in args.only.split(","):
        WORKLOADS[name](urls, args)


if __name__ == "__main__":
    main()
