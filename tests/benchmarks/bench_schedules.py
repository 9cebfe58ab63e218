"""W7: 100,000 enabled schedules of flows, 10,000 due in the same minute, two schedulers. Fired: the row is committed.

    python -m tests.benchmarks.bench_schedules [--schedules 100000] [--due 10000] [--schedulers 2]

Wants PostgreSQL and Redis as bench_flows does, makes a database of its own, and starts the product's own schedulers.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from datetime import timedelta

from tests.benchmarks import bench_flows
from tests.benchmarks.bench_flows import DATABASE, ROOT, SERVER

BATCH = 5000


def seed(schedules, due, moment):
    """Flows of one record that share an export; `due` of them at `moment`, the others days later."""
    from apps.core.ids import hex24, new_id
    from apps.flows.models import Flow
    from apps.schedules.models import Schedule

    junction = bench_flows.Junction()
    export = hex24(junction.flow(records=1, size=1, sink=None).id)
    document = {"pageGenerators": [{"_exportId": export}], "schedule": "? 0 2 ? * *"}
    for first in range(0, schedules, BATCH):
        numbers = range(first, min(first + BATCH, schedules))
        flows = [
            Flow(id=new_id(), organization=junction.organization, name=f"flow {n}", document=document) for n in numbers
        ]
        Flow.objects.bulk_create(flows)
        Schedule.objects.bulk_create(
            Schedule(
                organization=junction.organization, target_kind="flow", target_id=flow.id, expression="? 0 2 ? * *",
                next_due_at=moment if number < due else moment + timedelta(days=2, seconds=number % 3600),
            )
            for number, flow in zip(numbers, flows, strict=True)
        )  # fmt: skip


def measure(due, moment, started):
    from apps.schedules.models import Tick

    while Tick.objects.count() < due:
        if time.monotonic() - started > 300:
            raise SystemExit(f"only {Tick.objects.count()} of {due} fired")
        time.sleep(0.2)
    late = sorted((at - moment).total_seconds() for at in Tick.objects.values_list("created_at", flat=True))
    return {
        "workload": "W7",
        "fired": len(late),
        "twice": len(late) - Tick.objects.values("schedule_id").distinct().count(),
        "late_p50_s": round(statistics.median(late), 2),
        "late_p99_s": round(late[len(late) * 99 // 100 - 1], 2),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--schedulers", type=int, default=2)
    args = parser.parse_args()
    import psycopg

    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as db:
        db.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        db.execute(f"CREATE DATABASE {DATABASE}")
    manage = [sys.executable, str(ROOT / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], check=True, cwd=ROOT)
    import django

    django.setup()
    from apps.core import clock

    begun = time.monotonic()
    seed(args.schedules, args.due, clock.now() + timedelta(days=1))
    print(json.dumps({"seeded": args.schedules, "seconds": round(time.monotonic() - begun, 1)}), flush=True)
    crew = [subprocess.Popen([*manage, "scheduler"], cwd=ROOT, start_new_session=True) for _ in range(args.schedulers)]
    try:
        time.sleep(10)  # they are up: what is measured begins with a moment that both wait for
        from apps.schedules.models import Schedule

        moment = clock.now() + timedelta(seconds=2)
        Schedule.objects.filter(next_due_at__lt=clock.now() + timedelta(days=1, hours=1)).update(next_due_at=moment)
        print(json.dumps(measure(args.due, moment, time.monotonic())), flush=True)
    finally:
        for process in crew:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


if __name__ == "__main__":
    main()
