"""Forgetting: recordings after a week, ended executions with all that hangs on them after a season."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from apps.core import clock
from apps.core.ids import id_floor, time_of
from apps.executions.models import Exchange, Execution

EXCHANGES_AT_ONCE = 2000
EXECUTIONS_AT_ONCE = 200
BATCHES = 50  # a turn of the scheduler; what is left is the next one's


def prune() -> int:
    """Deletes in short transactions, oldest first; returns how many rows went. Open failed records go too."""
    exchanges = Exchange.objects.filter(id__lt=id_floor(clock.now() - timedelta(days=settings.KEEP_EXCHANGES_DAYS)))
    floor = id_floor(clock.now() - timedelta(days=settings.KEEP_EXECUTIONS_DAYS))
    ended = Execution.objects.filter(id__lt=floor, ended_at__isnull=False)
    return delete(exchanges, at_once=EXCHANGES_AT_ONCE) + delete(ended, at_once=EXECUTIONS_AT_ONCE)


def kept_until(execution_id: uuid.UUID) -> datetime:
    """When an execution, with its failed records, is forgotten; one that has not ended by then, as soon as it has."""
    return time_of(execution_id) + timedelta(days=settings.KEEP_EXECUTIONS_DAYS)


def delete(rows: Any, *, at_once: int) -> int:
    deleted = 0
    for _ in range(BATCHES):
        ids = list(rows.order_by("id").values_list("id", flat=True)[:at_once])
        rows.model.objects.filter(id__in=ids).delete()
        deleted += len(ids)
        if len(ids) < at_once:
            break
    return deleted
