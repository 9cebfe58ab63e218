"""From an event to the automations that listen to it: each is asked once, and a run begins where its conditions hold.

The first ones are asked where the event is dispatched, the rest in batches of their own that keep how far they have
come. A batch costs a constant number of queries: what listens is an index, and triggers are compiled once a version.
"""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import Q

from apps.automations.models import Automation, FanOut, Hearing
from apps.automations.running import functions
from apps.automations.running.compiled import Compiled
from apps.automations.running.rendering import RenderError
from apps.automations.runs import NewRun, start_runs
from apps.automations.triggers.programs import UNREADABLE, holds, programs_of
from apps.core.errors import DomainError
from apps.core.ids import hex24
from apps.core.joined import Statement
from apps.engine.templates import RenderEnv
from apps.events.consumers import EventConsumer
from apps.events.models import Event
from apps.work import services as work
from apps.work import sql
from apps.work.kinds import Claim, WorkKind
from apps.work.models import Lane

NAME = "automations"
WORK = "automation_fanout"
BATCH = 200
LISTENING = "SELECT 1 FROM automations_hearing WHERE organization_id = %s AND event_type = %s"
Place = tuple[int, str]  # the order and slug of the last one asked


def listens(organization_id: uuid.UUID, type: str) -> Statement:
    return Statement(LISTENING, [sql.param(organization_id), type])


def deliver(event: Event) -> None:
    """Called by the dispatcher, in its transaction."""
    after = ask_next(event, None)
    if after is not None:
        FanOut.objects.create(
            organization_id=event.organization_id, event=event, after_order=after[0], after_slug=after[1]
        )
        work.add(kind=WORK, lane=Lane.INTERACTIVE, organization_id=event.organization_id, target_id=event.id)


def deliver_many(events: list[Event]) -> None:
    """Of events of one organization: who listens is asked once a type."""
    listeners = {type: candidates(event, None) for type, event in {event.type: event for event in events}.items()}
    programs = {type: programs_of(found) for type, found in listeners.items() if len(found) < BATCH}
    env = functions.environment(events[0].organization_id)
    wanted = []
    for event in events:
        if event.type in programs:
            wanted += [new for one, program in programs[event.type] if (new := run_for(event, one, program, env))]
        else:
            deliver(event)
    start_runs(wanted)


def ask_next(event: Event, after: Place | None) -> Place | None:
    """Starts the runs of the next batch, in order; the last one's place if there may be more."""
    found = candidates(event, after)
    env = functions.environment(event.organization_id)
    wanted = [new for one, program in programs_of(found) if (new := run_for(event, one, program, env)) is not None]
    start_runs(wanted)
    return (found[-1].order, found[-1].slug) if len(found) == BATCH else None


def candidates(event: Event, after: Place | None) -> list[Automation]:
    """Those that listen, low order first, then by id. What is switched off listens to nothing."""
    heard = Hearing.objects.filter(organization_id=event.organization_id, event_type=event.type)
    rows = Automation.objects.filter(pk__in=heard.values("automation_id"))
    if after is not None:
        rows = rows.filter(Q(order__gt=after[0]) | Q(order=after[0], slug__gt=after[1]))
    return list(rows.order_by("order", "slug")[:BATCH])


def run_for(event: Event, automation: Automation, program: Compiled | DomainError, env: RenderEnv) -> NewRun | None:
    """None where no trigger of it holds. A condition that cannot be asked starts a run that fails, and says why."""
    common: dict[str, Any] = {
        "automation": automation,
        "version_id": automation.version_id,
        "cause": f"event:{hex24(event.id)}:automation:{hex24(automation.id)}",
        "triggered_by": "event",
        "place": event.id,
        "depth": event.depth + 1,
    }
    if isinstance(program, DomainError):
        return NewRun(program=UNREADABLE, fault=program.message, **common)
    for trigger in program.triggers:
        if event.type not in trigger.kind.events(trigger.document):
            continue
        if not trigger.kind.accepts(automation, trigger.document, event):
            continue
        values = {"args": None, **trigger.kind.scope(event)}
        try:
            if holds(trigger, program, values, env):
                return NewRun(program=program, **values, **common)
        except RenderError as error:
            return NewRun(program=program, fault=error.message, **values, **common)
    return None


def handle(claims: list[Claim]) -> None:
    for claim in claims:
        go_on(claim)


def go_on(claim: Claim) -> None:
    """Batch after batch until all have been asked, or the slice is over."""
    while True:
        with transaction.atomic():
            place = FanOut.objects.select_related("event").filter(event_id=claim.target_id).first()
            after = ask_next(place.event, (place.after_order, place.after_slug)) if place else None
            if place is None or after is None:
                FanOut.objects.filter(event_id=claim.target_id).delete()
                work.finish([claim])
                return
            work.progress([claim])
            FanOut.objects.filter(pk=place.pk).update(after_order=after[0], after_slug=after[1])
        if claim.slice_is_over:
            work.release([claim])
            return


WORK_KIND = WorkKind(name=WORK, handle=handle)
CONSUMER = EventConsumer(name=NAME, deliver=deliver, listens=listens, deliver_many=deliver_many)
