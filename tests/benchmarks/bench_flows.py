"""Flows at speed: W2p, W2r, W6c, W6p and the start of a run, each in turn with its yardstick in the same run; and
`two`: W6p with slow systems, two workers against one.

    python -m tests.benchmarks.bench_flows [--rounds 3] [--records 10000] [--many 1000000]
                                           [--only W2p,W2r,W6c,W6p,two,start]

Wants PostgreSQL (JUNCTION_BENCH_POSTGRES, default postgresql://postgres@127.0.0.1:5432), Redis (JUNCTION_BENCH_REDIS,
default redis://127.0.0.1:6379/9), and an ASGI server (`granian` on PATH, or --asgi its path) for the load source and
sink of ../shared/bench. It makes databases of its own and starts workers with the product's own command. The machine
drifts: only the ratios within one run count.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER = os.environ.get("JUNCTION_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
DATABASE = os.environ.get("JUNCTION_BENCH_DATABASE", "junction_bench")
TARGET = f"{DATABASE}_target"
PORT = int(os.environ.get("JUNCTION_BENCH_PORT", "8917"))
SOURCE = f"http://127.0.0.1:{PORT}"

os.environ["DATABASE_URL"] = f"{SERVER}/{DATABASE}"
os.environ["BROKER_URL"] = os.environ.get("JUNCTION_BENCH_REDIS", "redis://127.0.0.1:6379/9")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["JUNCTION_ALLOW_NETWORKS"] = "127.0.0.0/8"
os.environ.setdefault("JUNCTION_LOG_LEVEL", "WARNING")
os.environ.setdefault("JUNCTION_DATA", str(ROOT / ".junction-bench"))

MAPPINGS = [
    {"generate": name, "dataType": kind, "extract": extract, "status": "Active"}
    for name, kind, extract in (
        ("external_id", "number", "$.id"),
        ("full_name", "string", "{{record.first_name}} {{record.last_name}}"),
        ("email", "string", "{{lowercase record.email}}"),
        ("amount", "number", "{{divide record.amount_cents 100}}"),
        ("city", "string", "$.address.city"),
        ("active", "boolean", '{{eq record.status "active"}}'),
    )
]
TABLE = (
    "CREATE TABLE rows (external_id bigint primary key, full_name text, email text, amount numeric, city text,"
    " active boolean)"
)


def map_record(r):
    return {
        "external_id": r["id"],
        "full_name": r["first_name"] + " " + r["last_name"],
        "email": r["email"].lower(),
        "amount": r["amount_cents"] / 100,
        "city": r["address"]["city"],
        "active": r["status"] == "active",
    }


def fetch(path, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(SOURCE + path, method=method)) as answer:
        return json.load(answer)


# Yardsticks: the plain scripts that do the same work.


def plain_pages(records, size):
    import orjson
    import urllib3

    pool = urllib3.PoolManager(maxsize=16)
    url = f"{SOURCE}/records?page=1&size={size}&max={records}"
    while url:
        value = orjson.loads(pool.request("GET", url).data)
        yield [map_record(r) for r in value["data"]]
        url = value["next"]


def plain_by_page(records, size):
    import orjson
    import urllib3

    pool = urllib3.PoolManager(maxsize=16)
    for page in plain_pages(records, size):
        headers = {"Content-Type": "application/json"}
        assert pool.request("POST", SOURCE + "/sink?verify=1", body=orjson.dumps(page), headers=headers).status == 200


def plain_with_lookup(records, size):
    """W6p: a page, a lookup for it, the page posted with what was found."""
    import orjson
    import urllib3

    pool = urllib3.PoolManager(maxsize=16)
    headers = {"Content-Type": "application/json"}
    for page in plain_pages(records, size):
        found = orjson.loads(pool.request("GET", f"{SOURCE}/records/1").data)
        body = orjson.dumps([{**row, "company": found["company"]} for row in page])
        assert pool.request("POST", SOURCE + "/sink?verify=1", body=body, headers=headers).status == 200


def plain_by_record(records, size):
    import aiohttp
    import orjson

    async def main():
        connector = aiohttp.TCPConnector(limit=25)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def send(row):
                headers = {"Content-Type": "application/json"}
                async with session.post(SOURCE + "/sink?verify=1", data=orjson.dumps(row), headers=headers) as answer:
                    await answer.read()
                    assert answer.status == 200

            for page in plain_pages(records, size):
                await asyncio.gather(*map(send, page))

    asyncio.run(main())


def plain_copy(records, size):
    import psycopg

    with psycopg.connect(f"{SERVER}/{TARGET}") as db:
        db.execute("DROP TABLE IF EXISTS plain")
        db.execute(TABLE.replace("rows", "plain"))
        db.commit()
        for page in plain_pages(records, size):
            with db.cursor() as cursor, cursor.copy("COPY plain FROM STDIN") as copy:
                for row in page:
                    copy.write_row(tuple(row.values()))
            db.commit()


# Ours.


class Junction:
    """An organization, documents, and runs timed from the accepted run to its end."""

    def __init__(self):
        from apps.accounts.services import create_organization
        from apps.connections.models import Connection

        self.organization = create_organization(name="bench")
        http = {"baseURI": SOURCE, "mediaType": "json", "auth": {"type": "custom"}, "concurrencyLevel": 25}
        self.http = Connection.objects.create(
            organization=self.organization, name="load", type="http", document={"http": http}, concurrency=25
        )
        parts = urllib.request.urlparse(SERVER)
        rdbms = {"type": "postgresql", "host": parts.hostname, "port": parts.port or 5432, "database": TARGET}
        self.sql = Connection.objects.create(
            organization=self.organization, name="target", type="rdbms",
            document={"rdbms": {**rdbms, "user": parts.username, "password": parts.password or "trusted"}},
        )  # fmt: skip

    def flow(self, *, records, size, sink, lookup=None, delay=0):
        from apps.core.ids import hex24
        from apps.flows.models import Export, Flow

        uri = f"/records?page={{{{export.http.paging.page}}}}&size={size}&max={records}&delay_ms={delay}"
        paging = {"method": "page", "page": 1, "maxPagePath": "pages"}
        http = {"method": "GET", "relativeURI": uri, "paging": paging, "response": {"resourcePath": "data"}}
        export = Export.objects.create(
            organization=self.organization, name="records", adaptor_type="HTTPExport", connection=self.http,
            document={"pageSize": size, "http": http},
        )  # fmt: skip
        steps = [{"type": "import", "_importId": hex24(sink.id)}] if sink else []
        if lookup:
            mapping = {"fields": [{"extract": "data[0].company", "generate": "company"}]}
            steps.insert(0, {"type": "export", "_exportId": hex24(lookup.id), "responseMapping": mapping})
        document = {"pageGenerators": [{"_exportId": hex24(export.id)}], "pageProcessors": steps}
        return Flow.objects.create(organization=self.organization, name="bench", document=document)

    def lookup(self, *, delay=0):
        """The same question for every record: it is asked once a page."""
        from apps.flows.models import Export

        http = {"method": "GET", "relativeURI": f"/records/1?delay_ms={delay}"}
        return Export.objects.create(
            organization=self.organization, name="lookup", adaptor_type="HTTPExport", connection=self.http,
            is_lookup=True, document={"isLookup": True, "http": http},
        )  # fmt: skip

    def http_sink(self, *, batch, mappings=MAPPINGS, delay=0):
        from apps.flows.models import Import

        http = {"method": ["POST"], "relativeURI": [f"/sink?verify=1&delay_ms={delay}"], "batchSize": batch}
        return Import.objects.create(
            organization=self.organization, name="sink", adaptor_type="HTTPImport", connection=self.http,
            document={"http": http, "mappings": mappings},
        )  # fmt: skip

    def sql_sink(self, *, batch):
        from apps.flows.models import Import

        rdbms = {"queryType": ["bulk_insert"], "bulkInsert": {"tableName": "rows", "batchSize": str(batch)}}
        return Import.objects.create(
            organization=self.organization, name="sink", adaptor_type="RDBMSImport", connection=self.sql,
            document={"rdbms": rdbms, "mappings": MAPPINGS},
        )  # fmt: skip

    def run(self, flow, *, records):
        from apps.executions.models import Execution
        from apps.flows.services.runs import start_flow

        execution = start_flow(flow=flow, triggered_by="bench")
        while not (found := Execution.objects.get(pk=execution.pk)).is_terminal:
            time.sleep(0.005)
        if records is not None:
            assert (found.state, found.success_count) == ("succeeded", records), (found.state, found.reason)
        return found


def compare(name, *, rounds, records, yardstick: Callable[[], object], ours: Callable[[], object], check) -> dict:
    theirs, own = [], []
    for _ in range(rounds):
        for times, work in ((theirs, yardstick), (own, ours)):
            fetch("/reset", "POST")
            begun = time.perf_counter()
            work()
            times.append(time.perf_counter() - begun)
            check(work)
    ratio = statistics.median(theirs) / statistics.median(own)
    row = {
        "workload": name,
        "yardstick_per_s": round(records / statistics.median(theirs)),
        "ours_per_s": round(records / statistics.median(own)),
        "ratio": round(ratio, 3),
        "yardstick_s": [round(t, 2) for t in theirs],
        "ours_s": [round(t, 2) for t in own],
    }
    print(json.dumps(row), flush=True)
    return row


def check_sink(records):
    def check(_):
        seen = fetch("/stats")
        assert seen["unique"] == records and not seen["duplicates"], seen

    return check


def w2p(junction, args):
    flow = junction.flow(records=args.records, size=100, sink=junction.http_sink(batch=100))
    return compare(
        "W2p", rounds=args.rounds, records=args.records,
        yardstick=lambda: plain_by_page(args.records, 100),
        ours=lambda: junction.run(flow, records=args.records), check=check_sink(args.records),
    )  # fmt: skip


def w2r(junction, args):
    flow = junction.flow(records=args.records, size=100, sink=junction.http_sink(batch=1))
    return compare(
        "W2r", rounds=args.rounds, records=args.records,
        yardstick=lambda: plain_by_record(args.records, 100),
        ours=lambda: junction.run(flow, records=args.records), check=check_sink(args.records),
    )  # fmt: skip


def w6c(junction, args):
    import psycopg

    flow = junction.flow(records=args.many, size=1000, sink=junction.sql_sink(batch=1000))

    def ours():
        with psycopg.connect(f"{SERVER}/{TARGET}", autocommit=True) as db:
            db.execute("DROP TABLE IF EXISTS rows")
            db.execute(TABLE)
        junction.run(flow, records=args.many)
        with psycopg.connect(f"{SERVER}/{TARGET}", autocommit=True) as db:
            assert db.execute("SELECT count(*), count(DISTINCT external_id) FROM rows").fetchone() == (args.many,) * 2

    return compare(
        "W6c", rounds=max(1, args.rounds - 2) if args.many > 200_000 else args.rounds, records=args.many,
        yardstick=lambda: plain_copy(args.many, 1000), ours=ours, check=lambda _: None,
    )  # fmt: skip


def w6p_flow(junction, records, *, delay=0):
    found = {"generate": "company", "dataType": "string", "extract": "$.company", "status": "Active"}
    sink = junction.http_sink(batch=1000, mappings=[*MAPPINGS, found], delay=delay)
    return junction.flow(records=records, size=1000, sink=sink, lookup=junction.lookup(delay=delay), delay=delay)


def w6p(junction, args):
    flow = w6p_flow(junction, args.many)
    return compare(
        "W6p", rounds=max(1, args.rounds - 2) if args.many > 200_000 else args.rounds, records=args.many,
        yardstick=lambda: plain_with_lookup(args.many, 1000),
        ours=lambda: junction.run(flow, records=args.many), check=check_sink(args.many),
    )  # fmt: skip


def two(junction, args):
    """The same flow with this many workers; `main` runs it with one and with two."""
    times = {}
    for delay in (0, 50):
        flow, taken = w6p_flow(junction, args.many, delay=delay), []
        for _ in range(args.rounds):
            fetch("/reset", "POST")
            begun = time.perf_counter()
            junction.run(flow, records=args.many)
            taken.append(time.perf_counter() - begun)
            check_sink(args.many)(None)
        times[f"delay {delay}"] = round(statistics.median(taken), 2)
    row = {"workload": "two", "workers": args.workers, "seconds": times}
    print(json.dumps(row), flush=True)
    return row


def start(junction, args):
    """Accept commit to claim commit of single executions at idle, milliseconds."""
    flow = junction.flow(records=0, size=100, sink=None)
    waits = []
    for _ in range(args.starts):
        found = junction.run(flow, records=None)
        waits.append((found.started_at - found.created_at).total_seconds() * 1000)
    waits.sort()
    row = {
        "workload": "start",
        "p50_ms": round(waits[len(waits) // 2], 1),
        "p99_ms": round(waits[len(waits) * 99 // 100], 1),
    }
    print(json.dumps(row), flush=True)
    return row


def peak_memory(pid):
    """VmHWM in MiB of a process and of each of its children."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True).stdout
    pids = [pid, *map(int, children.split())]
    peaks = {}
    for one in pids:
        text = Path(f"/proc/{one}/status").read_text()
        peaks[one] = next(int(line.split()[1]) // 1024 for line in text.splitlines() if line.startswith("VmHWM"))
    return peaks


@contextmanager
def processes(args):
    import psycopg

    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as db:
        for name in (DATABASE, TARGET):
            db.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            db.execute(f"CREATE DATABASE {name}")
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], check=True, cwd=ROOT)
    source = subprocess.Popen(
        [args.asgi, "--interface", "asgi", "--host", "127.0.0.1", "--port", str(PORT), "--workers", "1",
         "--no-access-log", "--log-level", "warning", "source_sink:app"],
        cwd=Path(args.shared) / "bench", start_new_session=True,
        env={**os.environ, "SOURCE_TOTAL": str(max(args.many, args.records))},
    )  # fmt: skip
    worker = subprocess.Popen([*manage, "worker", "--concurrency", str(args.workers)], cwd=ROOT, start_new_session=True)
    scheduler = subprocess.Popen([*manage, "scheduler"], cwd=ROOT, start_new_session=True)
    try:
        for _ in range(600):
            try:
                fetch("/ping")
                break
            except OSError:
                time.sleep(0.1)
        yield worker
    finally:
        for process in (source, worker, scheduler):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--only", default="W2p,W2r,W6c,W6p,start")
    parser.add_argument("--asgi", default="granian")
    parser.add_argument("--shared", default=str(ROOT.parent / "shared"))
    args = parser.parse_args()
    names = args.only.split(",")
    if "two" in names:  # each with workers of its own
        names.remove("two")
        for workers in ("1", "2"):
            command = [sys.executable, "-m", "tests.benchmarks.bench_flows", *sys.argv[1:]]
            if os.environ.get("JUNCTION_BENCH_ONE") is None:
                own = {**os.environ, "JUNCTION_BENCH_ONE": workers}
                subprocess.run([*command, "--workers", workers, "--only", "two"], check=True, cwd=ROOT, env=own)
        if os.environ.get("JUNCTION_BENCH_ONE") is not None:
            names = ["two"]
    if not names:
        return []
    with processes(args) as worker:
        import django

        django.setup()
        junction = Junction()
        junction.run(junction.flow(records=100, size=100, sink=junction.http_sink(batch=100)), records=100)  # warm up
        workloads = {"W2p": w2p, "W2r": w2r, "W6c": w6c, "W6p": w6p, "two": two, "start": start}
        rows = [workloads[name](junction, args) for name in names]
        print(json.dumps({"peak MiB of the worker and its children": peak_memory(worker.pid)}))
    return rows


if __name__ == "__main__":
    main()
