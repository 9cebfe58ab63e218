"""What the scheduler does for alarms: it has them looked at, forgets what is old, and speaks where no worker can.

The surprise: an alarm about workers cannot wait for one. Where none lives that would send it, a thread of this
process does.
"""

import threading

import structlog
from django.db import close_old_connections, connection

from apps.alarms import services
from apps.alarms.telling import SEND
from apps.work import claims, drain, nodes
from apps.work.models import Lane
from apps.work.scheduler import Duty

log = structlog.get_logger(__name__)
LOOK_SECONDS = 30.0
AT_ONCE = 100
LANES = {services.SURVEY: Lane.INTERACTIVE, services.JUDGE: Lane.INTERACTIVE, SEND: Lane.HOUSEKEEPING}
_helper: threading.Thread | None = None


def last_resort() -> None:
    """Off the scheduler's own thread: a mail server that hangs must not hold up its other duties."""
    global _helper
    if _helper is not None and _helper.is_alive():
        return
    if any(not nodes.draining(lane) for lane in LANES.values()):
        _helper = threading.Thread(target=speak_for_workers, name="alarms", daemon=True)
        _helper.start()


def speak_for_workers() -> None:
    close_old_connections()
    try:
        work_off()
    except Exception:
        log.exception("alarms could not be told without a worker; the next turn tries again")
    finally:
        connection.close()


def work_off() -> int:
    """Judges and sends what is due of lanes that no living worker drains; answers how much that was."""
    handled = 0
    for kind, lane in LANES.items():
        if nodes.draining(lane):
            continue
        while handled < AT_ONCE and (found := claims.claim_kind(kind, limit=1)):
            handled += drain.handle(found, float("inf"))
    return handled


DUTIES = [
    Duty("alarms: look", LOOK_SECONDS, services.look, elected=True, vital=True),
    Duty("alarms: without workers", 15.0, last_resort, elected=True),
    Duty("alarms: prune", 3600.0, services.prune, elected=True),
]
