"""`manage.py up`: web threads, the scheduler's thread and a Celery worker in the main thread, in one process.

The surprise: the worker owns the main thread because signals arrive there; a signal ends the other threads too.
"""

import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import structlog
from celery import current_app, platforms
from celery.apps.worker import Worker
from celery.worker import state
from django.conf import settings

from apps.ops import heartbeat, processes
from apps.ops.servers import EmbeddedServer
from apps.work import drain, scheduler, services
from apps.work.models import Lane

log = structlog.get_logger(__name__)
WORKER_THREADS = 4
# What is still at work after so long is left where it stands: the next start takes its lease over and resumes it.
GRACE_SECONDS = 8.0


class EmbeddedWorker(Worker):
    """Stopping is all that signals mean here: no restart on SIGHUP, no debugger, no banner."""

    on_stop: Callable[[], None]
    on_ready: Callable[[], None]

    def on_consumer_ready(self, consumer: Any) -> None:
        super().on_consumer_ready(consumer)
        self.on_ready()

    def install_platform_tweaks(self, worker: Worker) -> None:
        platforms.signals.update(TERM=self.stop_soon, INT=self.stop_soon, HUP=self.stop_soon)

    def stop_soon(self, *_: Any) -> None:
        if state.should_stop is not None:
            os._exit(130)  # asked twice: now
        state.should_stop = 0
        self.on_stop()


def take_over() -> None:
    """On SQLite nobody but the directory's holder can work, so every lease is a predecessor's."""
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        taken = services.take_over_leases()
        if taken:
            log.info("took over the work of the process before", items=taken)


def run(server: EmbeddedServer, *, on_ready: Callable[[], None]) -> None:
    """Returns when a signal has stopped everything."""
    stop = threading.Event()

    def on_stop() -> None:
        log.info("stopping")
        stop.set()
        drain.stop_soon()
        threading.Thread(target=end_after_grace, name="grace", daemon=True).start()

    threads = [
        threading.Thread(target=server.run, name="web", daemon=True),
        threading.Thread(target=scheduler.run, args=(stop,), name="scheduler", daemon=True),
    ]
    with warnings.catch_warnings(action="ignore", category=platforms.SecurityWarning):
        worker = EmbeddedWorker(
            app=current_app, pool="threads", concurrency=WORKER_THREADS, hostname="embedded", quiet=True,
            without_gossip=True, without_mingle=True, without_heartbeat=True,
        )  # fmt: skip
    worker.on_stop, worker.on_ready = on_stop, on_ready
    heartbeat.start(roles="web,worker,scheduler", lanes=",".join(Lane.values))
    processes.announce("web,worker,scheduler", lanes=",".join(Lane.values), concurrency=WORKER_THREADS)
    for thread in threads:
        thread.start()
    worker.start()
    server.stop()
    for thread in threads:
        thread.join(timeout=GRACE_SECONDS)
    heartbeat.leave()
    log.info("stopped")


def end_after_grace() -> None:
    threading.Event().wait(GRACE_SECONDS)
    log.warning("ending with work in hand; the next start goes on with it", seconds=GRACE_SECONDS)
    os._exit(0)
