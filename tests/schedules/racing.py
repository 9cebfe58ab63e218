"""A program: schedules in a scratch database (DATABASE_URL), fired by several scheduler processes at once.

`racing.py one|many <processes> <due> [<waiting>]` migrates, makes schedules, forks schedulers, prints the outcome.
"""

import json
import multiprocessing
import os
import statistics
import sys
from datetime import timedelta

import django
from django.core.management import call_command
from django.db import connection


def start(schedule, due_at, cause):
    from apps.executions.services import start_execution

    values = {"organization_id": schedule.organization_id, "target_id": schedule.target_id, "cause": cause}
    return start_execution(kind="probe", **values).id


def is_busy(schedule):
    from apps.executions.models import TERMINAL, Execution

    of_target = {"organization_id": schedule.organization_id, "kind": "probe", "target_id": schedule.target_id}
    return Execution.objects.exclude(state__in=TERMINAL).filter(**of_target).exists()


def start_many(dues):
    """As a target would that means to start thousands: rows in bulk, work in bulk."""
    from apps.core.ids import new_id
    from apps.executions.models import Execution
    from apps.executions.services import WORK
    from apps.work import services as work

    rows = [Execution(id=new_id(), kind="probe", cause=due.cause) for due in dues]
    for row, due in zip(rows, dues, strict=True):
        row.organization_id, row.target_id, row.root_id = due.schedule.organization_id, due.schedule.target_id, row.id
    Execution.objects.bulk_create(rows)
    ids = [row.id for row in rows]
    work.add_many(kind=WORK, lane="flows", organization_id=rows[0].organization_id, target_ids=ids)
    return ids


def busy_among(schedules):
    from apps.executions.models import TERMINAL, Execution

    of_kind = {"organization_id": schedules[0].organization_id, "kind": "probe"}
    open_ones = Execution.objects.exclude(state__in=TERMINAL).filter(**of_kind)
    targets = [schedule.target_id for schedule in schedules]
    busy = set(open_ones.filter(target_id__in=targets).values_list("target_id", flat=True))
    return {schedule.id for schedule in schedules if schedule.target_id in busy}


def register(how):
    from apps.executions import kinds
    from apps.schedules import targets

    kinds.register(kinds.ExecutionKind(name="probe", run=lambda run: None))
    bulk = {"start_many": start_many, "busy_among": busy_among} if how == "many" else {}
    targets.register(targets.ScheduleTarget(kind="probe", start=start, is_busy=is_busy, **bulk))


def seed(due, waiting):
    from apps.accounts.services import create_organization
    from apps.core import clock
    from apps.core.ids import new_id
    from apps.schedules.models import Schedule

    organization = create_organization(name="Acme")
    moment = clock.now()
    for first in range(0, due + waiting, 2000):
        Schedule.objects.bulk_create(
            Schedule(
                organization=organization,
                target_kind="probe",
                target_id=new_id(),
                expression="? 0 */2 ? * *",
                timezone=("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")[i % 4],
                next_due_at=moment if i < due else moment + timedelta(days=1, minutes=i % 600),
            )
            for i in range(first, min(first + 2000, due + waiting))
        )


def fire(gate, results):
    from apps.schedules.firing import fire_due

    gate.wait()
    results.put(fire_due(limit=1_000_000))
    connection.close()


def race(processes):
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(processes), context.Queue()
    connection.close()
    crew = [context.Process(target=fire, args=(gate, results)) for _ in range(processes)]
    for process in crew:
        process.start()
    fired = [results.get(timeout=300) for _ in crew]
    for process in crew:
        process.join()
    return fired


def report(fired):
    from apps.core import clock
    from apps.executions.models import Execution
    from apps.schedules.models import Schedule, Tick

    written = sorted(Tick.objects.values_list("created_at", flat=True))
    seconds = [(moment - written[0]).total_seconds() for moment in written]
    return {
        "fired": fired,
        "ticks": len(written),
        "without an execution": Tick.objects.filter(execution_id=None).count(),
        "executions": Execution.objects.count(),
        "causes": Execution.objects.values("cause").distinct().count(),
        "still due": Schedule.objects.due(clock.now()).count(),
        "p99 seconds": round(statistics.quantiles(seconds, n=100)[-1], 2),
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    how, *numbers = sys.argv[1:]
    processes, due, waiting = map(int, (*numbers, "0")[:3])
    call_command("migrate", verbosity=0)
    register(how)
    seed(due, waiting)
    print(json.dumps(report(race(processes))))
