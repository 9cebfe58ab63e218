"""Several schedulers on one database: every moment starts one execution, whoever fires it."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import time_machine
from django.db import connection

from apps.executions.models import Execution
from apps.schedules.firing import fire_due
from apps.schedules.models import Tick
from tests.schedules.conftest import utc

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.postgres
def test_two_processes_start_everything_once_and_share_the_work(postgres_url):
    done = subprocess.run(
        [sys.executable, "tests/schedules/racing.py", "many", "2", "600"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": postgres_url, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        timeout=120,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["ticks"] == found["executions"] == found["causes"] == sum(found["fired"]) == 600
    assert found["without an execution"] == found["still due"] == 0
    assert min(found["fired"]) > 0


@pytest.mark.django_db(transaction=True)
def test_four_threads_start_everything_once(probe):
    with time_machine.travel(utc("2026-03-07T09:30"), tick=False):
        for _ in range(40):
            probe.schedule()
    fired: list[int] = []
    gate = threading.Barrier(4)

    def schedule_along():
        gate.wait(timeout=10)
        fired.append(fire_due(limit=1000))
        connection.close()

    with time_machine.travel(utc("2026-03-07T10:00"), tick=False):
        crew = [threading.Thread(target=schedule_along) for _ in range(4)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
    assert sum(fired) == Tick.objects.count() == 40
    assert Execution.objects.values("cause").distinct().count() == Execution.objects.count() == 40
