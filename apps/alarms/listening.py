"""What alarms hear: an event becomes a case of every alarm that counts it, or makes one look that measures.

The surprise: an alarm costs what it does not listen to nothing. A success is heard of by nobody; whether something
works again is looked up while an alarm fires.
"""

import uuid

from apps.alarms.kinds import KINDS, AlarmKind
from apps.alarms.models import Alarm, Case
from apps.alarms.services import rule_of, wake
from apps.core.joined import run_prepared
from apps.events.consumers import EventConsumer
from apps.events.models import Event
from apps.work import sql

LISTENING = "SELECT 1 FROM alarms_alarm WHERE enabled AND organization_id = %s AND kind IN"


def kinds_of(type: str) -> list[AlarmKind]:
    return [kind for kind in KINDS.values() if type in kind.events or type in kind.pokes]


def listens(organization_id: uuid.UUID, type: str) -> bool:
    names = [kind.name for kind in kinds_of(type)]
    marks = ", ".join(["%s"] * len(names))
    return bool(run_prepared(f"{LISTENING} ({marks}) LIMIT 1", [sql.param(organization_id), *names]))


def deliver(event: Event) -> None:
    """Called by the dispatcher, in its transaction."""
    woken: list[uuid.UUID] = []
    for kind in kinds_of(event.type):
        alarms = Alarm.objects.filter(organization_id=event.organization_id, kind=kind.name, enabled=True)
        woken += note(event, kind, list(alarms.order_by("id")))
    if woken:
        wake(woken, organization_id=event.organization_id)


def note(event: Event, kind: AlarmKind, alarms: list[Alarm]) -> list[uuid.UUID]:
    """The alarms among these that the event concerns, its case written down."""
    if kind.seen is None or not alarms:
        return [alarm.id for alarm in alarms]
    subject = kind.seen(event)
    if subject is None:
        return []
    cases = []
    for alarm in alarms:
        rule = rule_of(alarm)
        if kind.in_scope is None or kind.in_scope(subject, rule.scope):
            about = {**subject.document(), "key": subject.key, "title": subject.title}
            group = subject.group(rule)
            cases.append(Case(alarm=alarm, event_id=event.id, group_key=group, at=event.created_at, subject=about))
    Case.objects.bulk_create(cases, ignore_conflicts=True)
    return [case.alarm_id for case in cases]


CONSUMER = EventConsumer(
    name="alarms",
    deliver=deliver,
    types=frozenset(type for kind in KINDS.values() for type in (*kind.events, *kind.pokes)),
    listens=listens,
)
