"""Best effort: telling workers that a lane has work. Coalesced, on a thread of its own, behind a breaker.

The surprise: nothing depends on it. A lost wake-up costs a second, until the scheduler's pump finds the lane.
"""

import os
import threading
import time

import structlog
from django.db import transaction

log = structlog.get_logger(__name__)
BREAK_SECONDS = 2.0  # after a failed publish, do not try for so long: the pump will
COALESCE_SECONDS = 0.02  # a busy process wakes workers so often at most; what comes after a rest goes at once

_pending: set[str] = set()
_changed = threading.Condition()
_publisher: tuple[int, threading.Thread] | None = None


def wake_on_commit(lane: str) -> None:
    transaction.on_commit(lambda: wake(lane), robust=True)


def wake(lane: str) -> None:
    global _publisher
    with _changed:
        if _publisher is None or _publisher[0] != os.getpid():
            thread = threading.Thread(target=publish_forever, name="wakeups", daemon=True)
            _publisher = (os.getpid(), thread)
            thread.start()
        _pending.add(lane)
        _changed.notify()


def publish_forever() -> None:
    from apps.work.tasks import drain

    while True:
        with _changed:
            while not _pending:
                _changed.wait()
            lanes = sorted(_pending)
            _pending.clear()
        try:
            for lane in lanes:
                drain.apply_async(args=[lane], queue=lane, retry=False)
            time.sleep(COALESCE_SECONDS)
        except Exception as error:  # kombu raises whatever its transport's library does
            log.warning("a wake-up could not be sent; the pump will find the work", lanes=lanes, error=repr(error))
            time.sleep(BREAK_SECONDS)
