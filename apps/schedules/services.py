"""Setting and dropping schedules. Saving one unchanged changes nothing: a tick that is due stays due."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from apps.audit import services as audit
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.core.errors import ConflictError, ValidationError
from apps.core.ids import id_floor
from apps.engine.dates.zones import is_zone
from apps.schedules.cron import Expression, parse_expression
from apps.schedules.models import Schedule, ScheduleQuerySet, Tick

EXAMPLES = 'Such as "? */5 * * * *" for every five minutes, or "? 0 2 ? * *" for 02:00 each day.'
LATE_AFTER = timedelta(minutes=2)
KEEP_TICKS = timedelta(days=7)
PRUNE_BATCH = 5000
MAX_MISFIRE_CAP = 1000
# A change of one of these starts the rhythm anew from now; a change of the others leaves a due tick due.
RHYTHM = ("expression", "timezone", "dst", "enabled")


def read_expression(text: object, *, field: str = "schedule") -> Expression:
    """Raises ValidationError naming `field`, with the sentence that names the part of the expression."""
    if not isinstance(text, str):
        raise ValidationError("A schedule is text, such as ? 0 2 ? * *.", field=field)
    try:
        return parse_expression(text)
    except ValueError as error:
        raise ValidationError(f"{error} {EXAMPLES}", field=field) from None


def next_due(schedule: Schedule, after: datetime) -> datetime | None:
    if not schedule.enabled or schedule.paused:
        return None
    return parse_expression(schedule.expression).next_after(after, timezone=schedule.timezone, dst=schedule.dst)


@transaction.atomic
def set_schedule(
    *,
    organization_id: uuid.UUID,
    target_kind: str,
    target_id: uuid.UUID,
    generator: str = "",
    expression: str,
    timezone: str = "UTC",
    enabled: bool = True,
    integration_id: uuid.UUID | None = None,
    misfire: str = Schedule.Misfire.LATEST,
    misfire_cap: int = 10,
    overlap: str = Schedule.Overlap.SKIP,
    dst: str = Schedule.Dst.REPAIR,
) -> Schedule:
    """Makes or changes the one schedule of (target kind, target, generator); its revision grows only with a change."""
    identity = {"target_kind": target_kind, "target_id": target_id, "generator": generator}
    values: dict[str, Any] = {
        "expression": read_expression(expression).text,
        "timezone": timezone,
        "enabled": enabled,
        "integration_id": integration_id,
        "misfire": Schedule.Misfire(check_choice(Schedule.Misfire.values, misfire, field="misfire")),
        "misfire_cap": misfire_cap,
        "overlap": Schedule.Overlap(check_choice(Schedule.Overlap.values, overlap, field="overlap")),
        "dst": Schedule.Dst(check_choice(Schedule.Dst.values, dst, field="dst")),
    }
    if not is_zone(timezone):
        raise ValidationError(f"{timezone} is not the name of a time zone.", field="timezone")
    if not 1 <= misfire_cap <= MAX_MISFIRE_CAP:
        raise ValidationError(f"misfire_cap must be between 1 and {MAX_MISFIRE_CAP}.", field="misfire_cap")
    new = Schedule(organization_id=organization_id, **identity, **values)
    defaults = {"organization_id": organization_id, **values, "next_due_at": next_due(new, clock.now())}
    schedule, created = Schedule.objects.select_for_update().get_or_create(**identity, defaults=defaults)
    changed = [name for name, value in values.items() if getattr(schedule, name) != value]
    if created or not changed:
        return schedule
    for name in changed:
        setattr(schedule, name, values[name])
    if any(name in RHYTHM for name in changed):
        schedule.next_due_at = next_due(schedule, clock.now())
    schedule.revision += 1
    schedule.save()
    return schedule


@transaction.atomic
def pause_schedule(*, actor: Actor, schedule: Schedule, paused: bool) -> Schedule:
    """It fires nothing until it is resumed, also when its target is saved anew; its target can be run by hand.

    What it missed meanwhile stays missed.
    """
    actor.require(Verb.EDIT, integration_id=schedule.integration_id)
    row = Schedule.objects.select_for_update().get(pk=schedule.pk)
    if row.paused == paused:
        raise ConflictError(f"This schedule is {'paused' if paused else 'not paused'} already.", code="invalid_state")
    row.paused, row.revision = paused, row.revision + 1
    row.next_due_at = next_due(row, clock.now())
    row.save()
    audit.record(
        actor=actor,
        event="pause" if paused else "resume",
        resource_type="schedule",
        resource_id=row.id,
        resource_name=str(row),
        integration_id=row.integration_id,
    )
    return row


def check_choice(choices: Collection[str], value: str, *, field: str) -> str:
    if value not in choices:
        raise ValidationError(f"{field} must be one of {', '.join(choices)}.", field=field)
    return value


def drop_schedules(*, target_kind: str, target_id: uuid.UUID, keep_generators: Collection[str] = ()) -> int:
    """Deletes a target's schedules, but for the generators still scheduled (empty text: the whole flow's own)."""
    rows = Schedule.objects.filter(target_kind=target_kind, target_id=target_id)
    _, deleted = rows.exclude(generator__in=keep_generators).delete()
    return deleted.get("schedules.Schedule", 0)


def rest_schedules(*, target_kind: str, target_id: uuid.UUID) -> None:
    """In the caller's transaction: they fire nothing until they are set again; an operator's pause is kept."""
    rows = Schedule.objects.filter(target_kind=target_kind, target_id=target_id, enabled=True)
    rows.update(enabled=False, next_due_at=None, revision=F("revision") + 1, updated_at=clock.now())


def late_schedules(*, moment: datetime | None = None, late_after: timedelta = LATE_AFTER) -> ScheduleQuerySet:
    """Schedules whose moment has passed unfired: no scheduler runs, or it cannot keep up."""
    return Schedule.objects.due((moment or clock.now()) - late_after)


def prune_ticks(*, before: datetime | None = None, batch: int = PRUNE_BATCH) -> int:
    """Deletes ticks written before a moment, in short transactions; returns how many."""
    floor, deleted = id_floor(before or clock.now() - KEEP_TICKS), 0
    while True:
        ids = list(Tick.objects.filter(id__lt=floor).order_by("id").values_list("id", flat=True)[:batch])
        if ids:
            deleted += Tick.objects.filter(id__in=ids).delete()[0]
        if len(ids) < batch:
            return deleted
