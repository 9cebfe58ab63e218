"""When something runs, and each moment that came due. Identity is (target kind, target, generator)."""

from datetime import datetime
from typing import Self

from django.db import models

from apps.core.actors import Actor
from apps.core.models import ActorQuerySet, OrganizationRow, Row


class ScheduleQuerySet(ActorQuerySet):
    integration_path = "integration_id"

    def due(self, moment: datetime) -> Self:
        return self.filter(enabled=True, next_due_at__lte=moment)


class TickQuerySet(models.QuerySet["Tick"]):
    def for_actor(self, actor: Actor) -> Self:
        return self.filter(schedule__in=Schedule.objects.for_actor(actor))


class Schedule(OrganizationRow):
    """`expression` is the six-field form; `revision` grows with each save, so a tick of an older one matches no row."""

    class Misfire(models.TextChoices):
        """What becomes of moments that passed while no scheduler ran."""

        SKIP = "skip"
        LATEST = "latest"
        ALL = "all"

    class Overlap(models.TextChoices):
        """What becomes of a moment that comes while the run before it has not ended."""

        SKIP = "skip"
        QUEUE = "queue"

    class Dst(models.TextChoices):
        """`contract`: a repeated hour fires twice, a skipped one not at all. `repair`: once, moved."""

        CONTRACT = "contract"
        REPAIR = "repair"

    target_kind = models.CharField(max_length=32)
    target_id = models.UUIDField()
    generator = models.CharField(max_length=40, blank=True)  # a page generator's own schedule; empty: the whole flow
    integration_id = models.UUIDField(null=True)
    expression = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="UTC")
    enabled = models.BooleanField(default=True)
    paused = models.BooleanField(default=False)  # by an operator, whatever its target says, until they resume it
    misfire = models.CharField(max_length=8, choices=Misfire.choices, default=Misfire.LATEST)
    misfire_cap = models.IntegerField(default=10)
    overlap = models.CharField(max_length=8, choices=Overlap.choices, default=Overlap.SKIP)
    dst = models.CharField(max_length=8, choices=Dst.choices, default=Dst.REPAIR)
    revision = models.IntegerField(default=1)
    next_due_at = models.DateTimeField(null=True)  # null: disabled, paused, or no moment is left

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["target_kind", "target_id", "generator"], name="one_schedule_per_target"),
        ]
        indexes = [models.Index(fields=["next_due_at"], name="schedule_due", condition=models.Q(enabled=True))]

    def __str__(self) -> str:
        return f"{self.expression} ({self.timezone})"


class Tick(Row):
    """One due moment, claimed once. A tick that started nothing says why in `reason`.

    `missed` moments, of which `due_at` was the first, share one row: an outage must not write a row a minute.
    """

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="ticks")
    due_at = models.DateTimeField()
    missed = models.IntegerField(default=0)
    execution_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    objects = TickQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="one_tick_per_moment")]

    def __str__(self) -> str:
        return f"{self.schedule} at {self.due_at:%Y-%m-%d %H:%M}Z"
