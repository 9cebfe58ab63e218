import structlog
from celery import shared_task
from django.db import DatabaseError, close_old_connections, connection

from apps.core.liveness import trust_quiet_sockets
from apps.work import drain as drains

log = structlog.get_logger(__name__)


@shared_task(name="work.drain")
def drain(lane: str) -> None:
    close_old_connections()
    trust_quiet_sockets()
    try:
        drains.drain(lane)
    except DatabaseError as error:  # nothing is lost: the pump wakes the lane again
        log.warning("the database failed; the lane is worked off later", lane=lane, error=str(error))
        connection.close()
    close_old_connections()
