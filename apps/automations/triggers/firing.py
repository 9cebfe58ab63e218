"""From a connector's event to the automations that have switched its trigger on.

The surprise: a trigger may have a say in what it tells, and ask the provider for it. That has no transaction, so such
an event waits as a Firing, with work of its own; the others start their runs where the event is dispatched.
"""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from apps.automations.models import Firing, TriggerListener
from apps.automations.runs import start_run
from apps.automations.triggers import on_trigger
from apps.automations.triggers.starting import run_of
from apps.connections.failures import WaitError
from apps.core.errors import DomainError
from apps.core.ids import hex24, parse_id
from apps.core.vault import VaultError
from apps.events.consumers import EventConsumer
from apps.events.models import Event
from apps.inbound import polling, running
from apps.inbound.routing import FIRED, map_for
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind
from apps.work.models import Lane

NAME = "automation_triggers"
WORK = "automation_firing"
RETRY_AFTER = (5.0, 60.0, 600.0, 3600.0)
RELATED = tuple(f"listener__{name}" for name in running.RELATED)


def listens(organization_id: Any, type: str) -> bool:
    return TriggerListener.objects.filter(automation__organization_id=organization_id).exists()


def deliver(event: Event) -> None:
    """Called by the dispatcher, in its transaction."""
    for row in listening(event):
        if polling.was_polled(row.listener, event):
            continue
        if running.has_hook(row.listener, running.TRIGGER):
            firing, made = Firing.objects.get_or_create(
                trigger=row, event=event, defaults={"organization_id": event.organization_id}
            )
            if made:
                work.add(kind=WORK, lane=Lane.INTERACTIVE, organization_id=event.organization_id, target_id=firing.id)
        else:
            start(row, event, event.data["data"])


def listening(event: Event) -> Sequence[TriggerListener]:
    """One listener's own item, or a notification for all that listen to its trigger and key."""
    rows = TriggerListener.objects.filter(automation__organization_id=event.organization_id)
    rows = rows.select_related("automation__version", *RELATED).order_by("pk")
    if event.subject_kind == "listener":
        return list(rows.filter(listener=event.subject_id))
    data = event.data
    rows = rows.filter(listener__hook=parse_id(data["hook"]), listener__trigger_name=data["trigger"])
    rows = rows.filter(listener__state__in=("active", "registering"))
    return list(rows.filter(Q(listener__key="") | Q(listener__key__in=data["keys"])) if data["keys"] else rows)


def start(row: TriggerListener, event: Event, data: Any, *, fault: str = "") -> None:
    """In a transaction. With a fault its run fails, and says why."""
    told = {name: event.data.get(name) for name in ("connector", "trigger", "item", "polled")}
    new = run_of(
        row.automation,
        on_trigger.KIND,
        values={"data": data, "event": {"type": event.type, "id": hex24(event.id), **told}},
        index=place_of(row),
        cause=f"event:{hex24(event.id)}:automation:{hex24(row.automation_id)}:{row.pk}",
        triggered_by="event",
        depth=event.depth + 1,
        fault=fault,
    )
    if new is not None and row.automation.is_active:
        start_run(new)
    polling.note_seen(row.listener, [event])


def place_of(row: TriggerListener) -> int | None:
    """Which of the automation's triggers of this kind it was made for."""
    version = row.automation.version
    documents = (version.document.get("triggers") or []) if version else []
    keys = [on_trigger.key_of(one) for one in documents if one["type"] == on_trigger.KIND.name]
    return keys.index(row.key) if row.key in keys else None


def handle(claims: list[Claim]) -> None:
    for claim in claims:
        take(claim)


def find(claim: Claim) -> Firing | None:
    related = ("event", "trigger__automation__version", *(f"trigger__{name}" for name in RELATED))
    return Firing.objects.select_related(*related).filter(pk=claim.target_id).first()


def take(claim: Claim) -> None:
    firing = find(claim)
    if firing is None:
        with transaction.atomic():
            work.finish([claim])
        return
    try:
        data, _ = map_for(firing.trigger.listener, firing.event)
    except WaitError as error:
        with transaction.atomic():
            work.wait_until(claim, error.until, reason=error.message)
    except (DomainError, VaultError) as error:
        failed(claim, firing, str(error))
    else:
        with transaction.atomic():
            if data is not None:
                start(firing.trigger, firing.event, data)
            firing.delete()
            work.finish([claim])


@transaction.atomic
def failed(claim: Claim, firing: Firing, message: str) -> None:
    """Asked again, later and later. In the end a run is started that fails and says why: nothing is lost unseen."""
    firing.failures += 1
    if firing.failures <= len(RETRY_AFTER):
        firing.save(update_fields=["failures", "updated_at"])
        work.wait_seconds(claim, RETRY_AFTER[firing.failures - 1], reason=message)
        return
    give_up(claim, firing, f"The trigger failed: {message}")


def give_up(claim: Claim, firing: Firing, message: str) -> None:
    start(firing.trigger, firing.event, firing.event.data["data"], fault=message[:500])
    firing.delete()
    work.finish([claim])


@transaction.atomic
def poison(claim: Claim, reason: str) -> None:
    firing = find(claim)
    if firing is None:
        work.finish([claim])
    else:
        give_up(claim, firing, reason)


WORK_KIND = WorkKind(name=WORK, handle=handle, poison=poison)
CONSUMER = EventConsumer(name=NAME, deliver=deliver, types=frozenset({FIRED}), listens=listens)
