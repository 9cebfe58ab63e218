"""Writing events, in the transaction that makes them true, where somebody listens; and forgetting them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from apps.core import clock
from apps.core.ids import id_floor
from apps.events import consumers
from apps.events.models import Event
from apps.work import services as work
from apps.work.models import Lane

WORK = "event"
KEEP_EVENTS = timedelta(days=30)
PRUNE_BATCH = 2000


def emit(
    *,
    organization_id: uuid.UUID,
    type: str,
    subject_kind: str = "",
    subject_id: uuid.UUID | None = None,
    data: dict[str, Any] | None = None,
    depth: int = 0,
) -> Event | None:
    """Writes the event and its work item, or nothing (None) if nobody listens. Call it inside a transaction."""
    work.require_transaction()
    names = consumers.listening(organization_id, type)
    if not names:
        return None
    event = Event.objects.create(
        organization_id=organization_id,
        type=type,
        subject_kind=subject_kind,
        subject_id=subject_id,
        data=data or {},
        depth=depth,
        waiting_for=",".join(names),
    )
    # The interactive lane: dispatching is short, and must not stand behind deliveries to a peer that hangs.
    work.add(kind=WORK, lane=Lane.INTERACTIVE, organization_id=organization_id, target_id=event.id)
    return event


@dataclass(frozen=True)
class News:
    """One event to be, for `emit_many`."""

    type: str
    subject_kind: str
    subject_id: uuid.UUID
    data: dict[str, Any] = field(default_factory=dict)


def emit_many(*, organization_id: uuid.UUID, news: Sequence[News], depth: int = 0) -> list[Event]:
    """As `emit` for each, in order, in a few statements. Call it inside a transaction."""
    work.require_transaction()
    names = {type: ",".join(consumers.listening(organization_id, type)) for type in {one.type for one in news}}
    events = [
        Event(
            organization_id=organization_id,
            type=one.type,
            subject_kind=one.subject_kind,
            subject_id=one.subject_id,
            data=one.data,
            depth=depth,
            waiting_for=names[one.type],
        )
        for one in news
        if names[one.type]
    ]
    Event.objects.bulk_create(events, batch_size=500)
    if events:
        work.add_many(
            kind=WORK,
            lane=Lane.INTERACTIVE,
            organization_id=organization_id,
            target_ids=[event.id for event in events],
        )
    return events


def prune_events(*, before: datetime | None = None, batch: int = PRUNE_BATCH) -> int:
    """Deletes dispatched events written before a moment, in short transactions; returns how many."""
    floor, deleted = id_floor(before or clock.now() - KEEP_EVENTS), 0
    while True:
        rows = Event.objects.filter(id__lt=floor, waiting_for="").order_by("id")
        ids = list(rows.values_list("id", flat=True)[:batch])
        if ids:
            Event.objects.filter(id__in=ids).delete()
            deleted += len(ids)
        if len(ids) < batch:
            return deleted
