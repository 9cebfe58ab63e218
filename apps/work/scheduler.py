"""What is done by the clock: duties that apps register, each every so many seconds.

The surprise: no broker is asked. A schedule fires into the database, and workers find the work by wake-up or pump.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.db import DatabaseError, connection

from apps.work import nodes, sql, wakeups
from apps.work.models import Lane

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Duty:
    """`run` must be safe in two schedulers at once, unless `elected`: then one of them does it.

    What is `vital` workers do as well while no scheduler lives, each time they tell that they live.
    """

    name: str
    every: float
    run: Callable[[], object]
    elected: bool = False
    vital: bool = False


_duties: list[Duty] = []


def register(duty: Duty) -> None:
    _duties.append(duty)


def duties() -> list[Duty]:
    return list(_duties)


def pump() -> None:
    """Wakes every lane that has due work: wake-ups get lost, and delayed rows never had one."""
    for lane in Lane.values:
        due = f"parked_on = '' AND due_at <= {sql.now_sql()}"
        if sql.rows(f"SELECT 1 FROM work_workitem WHERE lane = %s AND {due} LIMIT 1", [lane]):
            wakeups.wake(lane)


register(Duty("pump", 1.0, pump, vital=True))


def stand_in() -> bool:
    """For a worker's thread that tells of its life: does what cannot wait for a scheduler, if none lives."""
    if nodes.alive("scheduler"):
        return False
    for duty in _duties:
        if duty.vital:
            perform(duty)
    return True


def run(stop: threading.Event) -> None:
    """Does duties until told to stop. A failing duty is logged and tried at its next turn."""
    due = {duty.name: 0.0 for duty in _duties}
    while not stop.is_set():
        started = time.monotonic()
        for duty in _duties:
            if started >= due[duty.name] and not stop.is_set():
                due[duty.name] = started + duty.every
                perform(duty)
        stop.wait(max(0.0, min(due.values()) - time.monotonic()))
    connection.close()


def perform(duty: Duty) -> None:
    try:
        if not duty.elected or nodes.elect(duty.name, seconds=max(duty.every * 3, 15)):
            duty.run()
    except DatabaseError as error:
        log.warning("a duty could not reach the database", duty=duty.name, error=str(error))
        connection.close()
    except Exception:
        log.exception("a duty failed", duty=duty.name)
