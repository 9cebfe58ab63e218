"""A message to a subscriber that was given up: its last attempt failed, or its subscription was switched off."""

import uuid
from collections.abc import Collection
from datetime import datetime

from apps.alarms.kinds.base import AlarmKind, Subject, Subjects
from apps.alarms.kinds.naming import name_of
from apps.alarms.rules import Limits
from apps.core.ids import parse_id
from apps.events import standing
from apps.events.models import Event

DISABLED = "subscription.disabled"


def seen(event: Event) -> Subject | None:
    if event.subject_id is None:
        return None
    times, message = 1, event.data.get("message", "")
    if event.type == DISABLED:
        times = event.data.get("deliveriesGivenUp", 0)
        message = f"Its subscription was disabled: {event.data.get('reason', '')}"
        if not times:
            return None
    subject = ("subscription", event.subject_id)
    return Subject(*subject, name=name_of(*subject), message=message, page=subject, times=times)


def recovered(organization_id: uuid.UUID, subjects: Subjects) -> Collection[str]:
    found = set()
    for key, subject in subjects.items():
        row_id, last = parse_id(subject["id"]), datetime.fromisoformat(subject["last"])
        if row_id and standing.recovered("subscription", organization_id, [row_id], since=last):
            found.add(key)
    return found


DEAD_DELIVERY = AlarmKind(
    name="dead_delivery",
    title="Delivery given up",
    advice="Open the subscription: it lists what its receiver answered. When the receiver works again, enable the"
    " subscription if it was disabled, and replay what it missed.",
    limits=Limits(threshold=1, most=1_000_000, window=300, scopes=()),
    threshold_means="cases of deliveries that were given up within the window",
    events=frozenset({"subscription.delivery_failed", DISABLED}),
    seen=seen,
    recovered=recovered,
)
