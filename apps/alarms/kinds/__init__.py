"""The kinds of alarms, one file each."""

from apps.alarms.kinds.approval_waiting import APPROVAL_WAITING
from apps.alarms.kinds.base import AlarmKind, Reading, Subject
from apps.alarms.kinds.broken_connection import BROKEN_CONNECTION
from apps.alarms.kinds.dead_delivery import DEAD_DELIVERY
from apps.alarms.kinds.error_rate import ERROR_RATE
from apps.alarms.kinds.execution_failed import EXECUTION_FAILED
from apps.alarms.kinds.missed_tick import MISSED_TICK
from apps.alarms.kinds.queue_lag import QUEUE_LAG

__all__ = ["KINDS", "AlarmKind", "Reading", "Subject"]

KINDS: dict[str, AlarmKind] = {
    kind.name: kind
    for kind in (
        EXECUTION_FAILED, ERROR_RATE, MISSED_TICK, BROKEN_CONNECTION, DEAD_DELIVERY, APPROVAL_WAITING, QUEUE_LAG
    )
}  # fmt: skip
