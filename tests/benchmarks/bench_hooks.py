"""Hooks and deliveries at speed: accepting beside the bare insert view, and events fanned out to subscribers.

    python -m tests.benchmarks.bench_hooks [--rounds 3] [--seconds 5] [--events 10000] [--subscribers 10] [--workers 2]
                                           [--only accept,fanout]

Wants PostgreSQL (JUNCTION_BENCH_POSTGRES, default postgresql://postgres@127.0.0.1:5432) and Redis
(JUNCTION_BENCH_REDIS, default redis://127.0.0.1:6379/9). The yardstick is the `insert` view of ../shared/bench, on the
same server with as many processes and threads. Only the ratios within one run count.
"""

import argparse
import hashlib
import hmac
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = ROOT.parent / "shared" / "bench" / "peers"
SERVER = os.environ.get("JUNCTION_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
DATABASE = "junction_bench_hooks"
OURS, THEIRS, SINK = 8931, 8932, 8933
CONNECTIONS = 10
SECRET = "a-secret-of-the-benchmark"

os.environ["DATABASE_URL"] = f"{SERVER}/{DATABASE}"
os.environ["BROKER_URL"] = os.environ.get("JUNCTION_BENCH_REDIS", "redis://127.0.0.1:6379/9")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["JUNCTION_ALLOW_NETWORKS"] = "127.0.0.0/8"
os.environ["JUNCTION_PUBLIC_URL"] = f"http://127.0.0.1:{OURS}"
os.environ.setdefault("JUNCTION_LOG_LEVEL", "WARNING")
os.environ.setdefault("JUNCTION_DATA", str(ROOT / ".junction-bench"))

SINK_SERVER = """
import sys
from aiohttp import web
seen, calls = set(), 0
async def take(request):
    global calls
    calls += 1
    seen.add(request.headers["webhook-id"])
    await request.read()
    return web.Response()
async def count(request):
    return web.json_response({"calls": calls, "messages": len(seen)})
app = web.Application()
app.router.add_post("/{n}", take)
app.router.add_get("/count", count)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
"""


@contextmanager
def running(*command, env=None, cwd=ROOT):
    process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for(address, seconds=120):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            urllib.request.urlopen(address, timeout=2).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing answers at {address}")


def hammer(url, make, seconds, ok):
    """Calls by CONNECTIONS kept-alive connections for some seconds; answers how many a second were `ok`.

    Any other answer, or none, is counted by its thread and ends the benchmark: what was not done is no speed.
    """
    parts, stop = urlsplit(url), time.monotonic() + seconds
    seen = [Counter() for _ in range(CONNECTIONS)]

    def work(index):
        opened = http.client.HTTPConnection(parts.netloc, timeout=30)
        while time.monotonic() < stop:
            body, headers = make(index, seen[index].total())
            try:
                opened.request("POST", parts.path, body, headers)
                answer = opened.getresponse()
                answer.read()
                seen[index][answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                seen[index][type(error).__name__] += 1
                opened.close()  # the next request opens it anew
        opened.close()

    started = time.monotonic()
    threads = [threading.Thread(target=work, args=(index,)) for index in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, answers = time.monotonic() - started, sum(seen, Counter())
    wrong = {what: count for what, count in answers.items() if what != ok}
    if wrong or not answers:
        raise SystemExit(f"{url}: {answers[ok]:,} answers were {ok}; the others {wrong}")
    return answers[ok] / took


def insert_call(index, number):
    item = {"name": f"Item {number}", "email": f"user{number}@example.org", "status": "active", "amount": "12.50",
            "note": "A short note.", "payload": {"source": "bench", "n": number}}  # fmt: skip
    return json.dumps(item).encode(), {"Content-Type": "application/json"}


def hook_call(run):
    def make(index, number):
        body = json.dumps({"id": f"{run}-{index}-{number}", "first_name": "Ada", "amount_cents": 1250}).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return body, {"Content-Type": "application/json", "X-Hub-Signature-256": signature}

    return make


def prepare(subscribers):
    """A fresh database with a connector, its event and trigger, and subscribers; the inbound address."""
    import psycopg

    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {DATABASE}")
    subprocess.run([sys.executable, "manage.py", "prepare"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    import django

    django.setup()
    from apps.accounts.models import EndUser, Organization
    from apps.connectors import services as connectors
    from apps.connectors.resolve import find_version
    from apps.core.actors import system_actor
    from apps.inbound.addresses import hook_of, hook_url
    from apps.inbound.secrets import seal_hook
    from apps.subscriptions.services import subscribe

    organization = Organization.objects.filter(is_system=False).first()
    actor = system_actor(organization.id)
    connector = connectors.create_connector(organization_id=organization.id, name="bench")
    connectors.publish_version(version=connectors.create_version(connector=connector))
    config = {
        "security": {"type": "hmac-sha256", "header": "X-Hub-Signature-256", "prefix": "sha256="},
        "id": {"path": "id"},
    }
    connectors.create_component(
        connector=connector, kind="event", name="ordered", published=True, document={"config": config}
    )
    connectors.create_component(connector=connector, kind="trigger", name="ordered", published=True)
    user = EndUser.objects.create(organization=organization, external_id="bench@example.com")
    for number in range(subscribers):
        subscribe(
            actor=actor, connector=connector, trigger="ordered", end_user=user, version=find_version(connector).name,
            url=f"http://127.0.0.1:{SINK}/{number}",
        )  # fmt: skip
    hook = hook_of(connector, organization_id=organization.id)
    seal_hook(hook, [SECRET])
    hook.save()
    return organization, hook_url(hook)


def bench_accept(url, rounds, seconds):
    manage = [sys.executable, "manage.py", "web", "--bind", f"127.0.0.1:{OURS}", "--workers", "2", "--threads", "4"]
    yardstick = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "4", "-b",
                 f"127.0.0.1:{THEIRS}", "a2_django_app:application"]  # fmt: skip
    env = {"BENCH_DB": f"{SERVER}/{DATABASE}", "PYTHONDONTWRITEBYTECODE": "1"}
    env["DJANGO_SETTINGS_MODULE"] = ""
    subprocess.run([sys.executable, "a2_django_app.py", "setup"], cwd=PEERS, env={**os.environ, **env}, check=True)
    ratios, ours, theirs = [], [], []
    with running(*manage), running(*yardstick, env=env, cwd=PEERS):
        wait_for(f"http://127.0.0.1:{OURS}/healthz")
        wait_for(f"http://127.0.0.1:{THEIRS}/raw")
        hammer(f"http://127.0.0.1:{THEIRS}/insert", insert_call, 1, 201)  # both have loaded what they need
        hammer(url, hook_call("warm"), 1, 202)
        for number in range(rounds):
            theirs.append(hammer(f"http://127.0.0.1:{THEIRS}/insert", insert_call, seconds, 201))
            ours.append(hammer(url, hook_call(f"{time.time()}-{number}"), seconds, 202))
            ratios.append(ours[-1] / theirs[-1])
            print(f"accept: {ours[-1]:,.0f}/s, bare insert view {theirs[-1]:,.0f}/s, ratio {ratios[-1]:.2f}")
    print(f"accept, median of {rounds}: {statistics.median(ours):,.0f}/s, yardstick {statistics.median(theirs):,.0f}/s,"
          f" ratio {statistics.median(ratios):.2f} (target 0.70)")  # fmt: skip


def bench_fan_out(organization, events, subscribers, workers):
    """Events are there first, dispatched but for their consumers' turn; then workers start."""
    from django.db import connection, transaction

    from apps.events.models import Event
    from apps.inbound.models import Hook
    from apps.inbound.routing import Origin, Route, fire
    from apps.subscriptions.models import Delivery
    from apps.work.models import WorkItem

    WorkItem.objects.all().delete()
    Event.objects.all().delete()
    hook = Hook.objects.select_related("connector").get(organization=organization)
    for first in range(0, events, 500):
        with transaction.atomic():
            for number in range(first, min(first + 500, events)):
                fire(Origin(hook), [Route(trigger="ordered", data={"number": number, "name": "Ada"})])
    connection.close()
    wanted = events * subscribers
    with running(sys.executable, "-c", SINK_SERVER, str(SINK)):
        wait_for(f"http://127.0.0.1:{SINK}/count")
        worker = [sys.executable, "manage.py", "worker", "--concurrency", "4"]
        started = time.monotonic()
        with running(sys.executable, "manage.py", "scheduler"):
            processes = [subprocess.Popen(worker, cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(workers)]
            try:
                got, last = {"messages": 0, "calls": 0}, time.monotonic()
                while got["messages"] < wanted and time.monotonic() - last < 120:
                    time.sleep(0.2)
                    now = json.load(urllib.request.urlopen(f"http://127.0.0.1:{SINK}/count", timeout=10))
                    last = time.monotonic() if now != got else last
                    got = now
                seconds = time.monotonic() - started
            finally:
                for process in processes:
                    process.terminate()
                for process in processes:
                    process.wait(timeout=60)
    states = sorted(set(Delivery.objects.values_list("state", flat=True)))
    print(f"fan-out: {events:,} events to {subscribers} subscribers: {got['messages']:,} of {wanted:,} delivered,"
          f" {got['calls'] - got['messages']} repeats, {got['messages'] / seconds:,.0f}/s with {workers} workers"
          f" in {seconds:.1f} s (start included); states {states}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--subscribers", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="accept,fanout")
    args = parser.parse_args()
    organization, url = prepare(args.subscribers)
    if "accept" in args.only:
        bench_accept(url, args.rounds, args.seconds)
    if "fanout" in args.only:
        bench_fan_out(organization, args.events, args.subscribers, args.workers)


if __name__ == "__main__":
    main()
