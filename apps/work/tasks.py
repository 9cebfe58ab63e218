from celery import shared_task
from django.db import close_old_connections

from apps.core.liveness import trust_quiet_sockets
from apps.work import drain as drains


@shared_task(name="work.drain")
def drain(lane: str) -> None:
    close_old_connections()
    trust_quiet_sockets()
    drains.drain(lane)
    close_old_connections()
