"""What the scheduler process does for subscriptions: forgetting deliveries that are over, before their events go."""

from datetime import datetime, timedelta

from apps.core import clock
from apps.core.ids import id_floor
from apps.subscriptions.models import Delivery
from apps.work.scheduler import Duty

KEEP = timedelta(days=29)
PRUNE_BATCH = 2000


def prune_deliveries(*, before: datetime | None = None, batch: int = PRUNE_BATCH) -> int:
    """In short transactions; answers how many."""
    floor, deleted = id_floor(before or clock.now() - KEEP), 0
    while True:
        rows = Delivery.objects.filter(id__lt=floor).exclude(state=Delivery.State.PENDING).order_by("id")
        ids = list(rows.values_list("id", flat=True)[:batch])
        deleted += Delivery.objects.filter(id__in=ids).delete()[0] if ids else 0
        if len(ids) < batch:
            return deleted


DUTIES = [Duty("deliveries: prune", 3600.0, prune_deliveries, elected=True)]
