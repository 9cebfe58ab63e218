"""What the scheduler process does for what came in: forgetting it."""

from datetime import datetime, timedelta

from apps.core import clock
from apps.core.ids import id_floor
from apps.inbound import polling
from apps.inbound.models import Notification
from apps.work.scheduler import Duty

KEEP = timedelta(days=7)
PRUNE_BATCH = 2000


def prune_notifications(*, before: datetime | None = None, batch: int = PRUNE_BATCH) -> int:
    """In short transactions; answers how many. What waits to be routed stays."""
    floor, deleted = id_floor(before or clock.now() - KEEP), 0
    while True:
        rows = Notification.objects.filter(id__lt=floor).exclude(state=Notification.State.RECEIVED).order_by("id")
        ids = list(rows.values_list("id", flat=True)[:batch])
        deleted += Notification.objects.filter(id__in=ids).delete()[0] if ids else 0
        if len(ids) < batch:
            return deleted


DUTIES = [
    Duty("notifications: prune", 3600.0, prune_notifications, elected=True),
    Duty("seen items: prune", 86400.0, polling.forget_seen, elected=True),
]
