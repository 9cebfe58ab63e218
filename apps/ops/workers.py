"""What a Celery worker tells and is told: it signs on and off as a node, and leaves our logging alone."""

import gc
import os
from typing import Any

from celery import signals

from apps.ops import heartbeat, processes


def connect() -> None:
    signals.setup_logging.connect(keep_logging)
    signals.worker_process_init.connect(collect_less_often)
    signals.worker_ready.connect(sign_on)
    signals.worker_shutdown.connect(sign_off)


def keep_logging(**_: Any) -> None:
    """Celery asks whether somebody else sets up logging; the settings have."""


def collect_less_often(**_: Any) -> None:
    """Records are many small containers without cycles: by default they are searched for cycles again and again."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def sign_on(sender: Any = None, **_: Any) -> None:
    lanes = os.environ.get("JUNCTION_LANES", "")
    if heartbeat.start(roles="worker", lanes=lanes):  # the embedded worker is part of a process that has signed on
        processes.announce(
            "worker", lanes=lanes, concurrency=getattr(sender, "pool", None) and sender.pool.num_processes
        )


def sign_off(**_: Any) -> None:
    heartbeat.leave()
