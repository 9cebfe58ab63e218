"""Measures for all rules of an organization at once, and has judged those alone that something fires for.

The surprise: a survey decides nothing. What it finds is measured anew by whoever judges that alarm, under its lock.
"""

import uuid
from collections import defaultdict
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from apps.alarms import services
from apps.alarms.kinds import KINDS
from apps.alarms.models import Alarm, Firing
from apps.alarms.rules import Rule
from apps.core import clock
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind

MEASURED = [kind.name for kind in KINDS.values() if kind.read is not None]


def handle(claims: list[Claim]) -> None:
    for claim in claims:
        survey(claim)


@transaction.atomic
def survey(claim: Claim) -> None:
    work.progress([claim])
    found = over_threshold(claim.organization_id)
    work.finish([claim])
    services.wake(found, organization_id=claim.organization_id)


def over_threshold(organization_id: uuid.UUID) -> list[uuid.UUID]:
    """The alarms that do not fire yet, and would if they were judged now. A few queries a kind, however many rules."""
    live = Firing.objects.filter(Q(ended_at=None) | Q(held=True), alarm=OuterRef("pk"))
    rows = Alarm.objects.filter(~Exists(live), organization_id=organization_id, enabled=True, kind__in=MEASURED)
    by_kind: dict[str, list[tuple[uuid.UUID, Rule]]] = defaultdict(list)
    for alarm in rows.defer("secret").order_by("id"):
        by_kind[alarm.kind].append((alarm.id, services.rule_of(alarm)))
    found, now = [], clock.now()
    for name, some in by_kind.items():
        read: Any = KINDS[name].read
        readings = read(organization_id, [rule for _, rule in some], now)
        found += [alarm_id for (alarm_id, _), reading in zip(some, readings, strict=True) if reading]
    return found


SURVEY_KIND = WorkKind(name=services.SURVEY, handle=handle)
