"""Tells the database that this process lives and what it does: what `explain`, `doctor` and the metrics look at."""

import os
import threading

import structlog
from django.db import DatabaseError, connection

from apps.work import nodes, scheduler

log = structlog.get_logger(__name__)
EVERY_SECONDS = 10.0
_started_in = 0  # threads do not survive a fork


def start(*, roles: str, lanes: str = "") -> bool:
    """Beats in a thread until `leave` or the process's end. A second call in a process does nothing: False."""
    global _started_in
    if _started_in == os.getpid():
        return False
    _started_in = os.getpid()
    _left.clear()
    threading.Thread(target=beat_forever, args=(roles, lanes), name="heartbeat", daemon=True).start()
    return True


def leave() -> None:
    """The process ends in order: it is not counted as living any more."""
    _left.set()
    try:
        nodes.leave()
    except DatabaseError as error:
        log.warning("could not sign off; this node counts as living for half a minute", error=str(error))


def beat_forever(roles: str, lanes: str) -> None:
    while not _left.is_set():
        try:
            nodes.beat(roles=roles, lanes=lanes)
            if "worker" in roles.split(","):
                scheduler.stand_in()
        except DatabaseError as error:
            log.warning("could not tell the database that this node lives", error=str(error))
        connection.close()  # no connection is kept over a fork of this process, nor for one statement in ten seconds
        _left.wait(EVERY_SECONDS)


_left = threading.Event()
