"""What alarms hear: an event becomes a case of every alarm that counts it, or makes one look that measures.

The surprise: an alarm costs what it does not listen to nothing. A success is heard of by nobody; whether something
works again is looked up while an alarm fires.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence

from apps.alarms.kinds import KINDS, AlarmKind
from apps.alarms.models import Alarm, Case
from apps.alarms.services import case_of, rule_of, wake
from apps.core.joined import Statement
from apps.events.consumers import EventConsumer
from apps.events.models import Event
from apps.work import sql

LISTENING = "SELECT 1 FROM alarms_alarm WHERE enabled AND organization_id = %s AND kind IN"


def kinds_of(type: str) -> list[AlarmKind]:
    return [kind for kind in KINDS.values() if type in kind.events or type in kind.pokes]


def listens(organization_id: uuid.UUID, type: str) -> Statement:
    names = [kind.name for kind in kinds_of(type)]
    marks = ", ".join(["%s"] * len(names))
    return Statement(f"{LISTENING} ({marks})", [sql.param(organization_id), *names])


def deliver(event: Event) -> None:
    deliver_many([event])


def deliver_many(events: Sequence[Event]) -> None:
    """Called by the dispatcher, in its transaction; of one organization."""
    organization_id, by_kind = events[0].organization_id, defaultdict[str, list[Event]](list)
    for event in events:
        for kind in kinds_of(event.type):
            by_kind[kind.name].append(event)
    rows = Alarm.objects.filter(organization_id=organization_id, kind__in=list(by_kind), enabled=True)
    woken: set[uuid.UUID] = set()
    for alarm in rows.defer("secret").order_by("id"):
        kind = KINDS[alarm.kind]
        woken |= {alarm.id} if kind.seen is None else note(alarm, kind, by_kind[alarm.kind])
    if woken:
        wake(list(woken), organization_id=organization_id)


def note(alarm: Alarm, kind: AlarmKind, events: Sequence[Event]) -> set[uuid.UUID]:
    """Writes the cases of the events that the alarm is concerned with; answers its id if there are any."""
    rule, cases = rule_of(alarm), []
    for event in events:
        subject = kind.seen(event) if kind.seen else None
        if subject is not None and (kind.in_scope is None or kind.in_scope(subject, rule.scope)):
            cases.append(case_of(alarm, rule, subject, case_id=event.id, at=event.created_at))
    Case.objects.bulk_create(cases, ignore_conflicts=True)
    return {alarm.id} if cases else set()


CONSUMER = EventConsumer(
    name="alarms",
    deliver=deliver,
    deliver_many=deliver_many,
    types=frozenset(type for kind in KINDS.values() for type in (*kind.events, *kind.pokes)),
    listens=listens,
)
