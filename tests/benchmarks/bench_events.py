"""Many entities updated at once, with many automations listening: all asked once, nothing lost, and how long it took.

    python -m tests.benchmarks.bench_events [--entities 10000] [--automations 20] [--workers 2]

Wants PostgreSQL (JUNCTION_BENCH_POSTGRES, default postgresql://postgres@127.0.0.1:5432). Each automation wants the
entities of one number, so each event starts one run, whose one action writes an entity.
"""

import argparse
import multiprocessing
import os
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER = os.environ.get("JUNCTION_BENCH_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
DATABASE = "junction_bench_events"
STALLED_SECONDS = 60
os.environ["DATABASE_URL"] = f"{SERVER}/{DATABASE}"
os.environ.pop("BROKER_URL", None)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("JUNCTION_LOG_LEVEL", "WARNING")
os.environ.setdefault("JUNCTION_DATA", str(ROOT / ".junction-bench"))


def prepare():
    import django
    import psycopg

    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {DATABASE}")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def write(organization, entities, automations, **properties):
    from apps.catalog.services import EntityWrite, save_entities

    writes = [
        EntityWrite(
            id=f"e{number}", blueprint_id="service", title=f"E {number}",
            properties={"n": number % automations, **properties},
        )
        for number in range(entities)
    ]  # fmt: skip
    save_entities(organization_id=organization.id, actor=None, writes=writes)


def make(automations):
    from apps.accounts.services import create_organization
    from apps.automations.services import create_automation
    from apps.catalog.blueprints import save_blueprint
    from apps.core.actors import system_actor

    organization = create_organization(name="Bench")
    actor = system_actor(organization.id)
    for id in ("service", "copy"):
        save_blueprint(actor=actor, id=id, fields={"title": id})
    for number in range(automations):
        condition = {"field": "data.properties.n", "operator": "eq", "value": "{{ arguments.n }}"}
        trigger = {"type": "onEvent", "event": {"resource": "entity", "action": ["update"]}, "conditions": [condition]}
        data = {"id": "{{ data.id }}.copy", "title": "{{ data.title }}", "blueprintId": "copy"}
        action = {"type": "upsertResource", "id": "copy", "args": {"data": data}}
        document = {
            "id": f"rule-{number}", "title": f"Rule {number}", "type": "automation", "arguments": {"n": number},
            "triggers": [trigger], "actions": [action],
        }  # fmt: skip
        create_automation(actor=actor, document=document)
    return organization


def drain_all(lanes, stop):
    """A worker: drains until it is told that all is done."""
    from django.db import connections

    from apps.work import drain

    connections.close_all()
    while not stop.is_set():
        if not any(drain.drain(lane) for lane in lanes):
            stop.wait(0.02)
    connections.close_all()


def all_once(options):
    from apps.automations.models import Run
    from apps.executions.payloads import unpack

    asked = sorted(
        (unpack(run.execution.data.input)["data"]["id"], run.automation_slug)
        for run in Run.objects.select_related("execution__data")
    )
    wanted = [(f"e{number}", f"rule-{number % options.automations}") for number in range(options.entities)]
    return asked == sorted(wanted)


def until_none(rows, *, since):
    """Seconds until none of these is left. Ends the benchmark where nothing moves any more."""
    left, moved = rows.count(), time.monotonic()
    while left:
        time.sleep(0.25)  # a count reads them all
        now = rows.count()
        if now != left:
            left, moved = now, time.monotonic()
        elif time.monotonic() - moved > STALLED_SECONDS:
            raise SystemExit(f"{left:,} of them have not moved for {STALLED_SECONDS} s")
    return time.monotonic() - since


def at_work(lanes, rows, options):
    """How long that many workers take until none of the rows is left."""
    from django.db import connections

    context = multiprocessing.get_context("fork")
    connections.close_all()  # else the workers would close it for this process too
    stop = context.Event()
    workers = [context.Process(target=drain_all, args=(lanes, stop)) for _ in range(options.workers)]
    started = time.monotonic()
    for worker in workers:
        worker.start()
    try:
        return until_none(rows, since=started)
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def require(what, good):
    print(f"{what}: {good}", flush=True)
    if not good:
        raise SystemExit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=10_000)
    parser.add_argument("--automations", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    prepare()
    from apps.catalog.models import Entity
    from apps.executions.models import Execution, State
    from apps.work.models import WorkItem

    organization = make(options.automations)
    write(organization, options.entities, options.automations)
    began = time.monotonic()
    write(organization, options.entities, options.automations, seen=1)
    print(f"{options.entities:,} entities updated: {time.monotonic() - began:.1f} s", flush=True)
    asked = at_work(["interactive"], WorkItem.objects.filter(kind="event"), options)
    print(f"asked of all automations, runs queued: {asked:.1f} s, {options.entities / asked:,.0f} events/s", flush=True)
    ran = at_work(["interactive", "flows"], WorkItem.objects.all(), options)
    print(f"runs ended: {ran:.1f} s, {options.entities / ran:,.0f} runs/s with {options.workers} workers", flush=True)
    print(f"from the update to the last run's end: {time.monotonic() - began:.1f} s", flush=True)
    require("each asked once", all_once(options))
    succeeded = Execution.objects.filter(state=State.SUCCEEDED).count()
    require(f"runs succeeded, {succeeded:,} of {options.entities:,}", succeeded == options.entities)
    copies = Entity.objects.filter(blueprint__natural_id="copy").count()
    require(f"entities written by them, {copies:,} of {options.entities:,}", copies == options.entities)


if __name__ == "__main__":
    main()
