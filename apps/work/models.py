"""Something to do, now or later. A small hot table: a row is deleted when its work is done.

The surprise: `due_at` is also the lease. A claim moves it to the lease's end, so a lapsed claim is simply due again.
"""

from django.db import models
from django.db.models import Q

from apps.core.models import ActorQuerySet, Row


class Lane(models.TextChoices):
    INTERACTIVE = "interactive"
    FLOWS = "flows"
    DELIVERIES = "deliveries"
    HOUSEKEEPING = "housekeeping"


class WorkItem(Row):
    """Stamps are the database's clock. `fence` grows at each claim: a write of an old holder matches no row."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    lane = models.CharField(max_length=16, choices=Lane.choices)
    kind = models.CharField(max_length=32)
    target_id = models.UUIDField()
    group_id = models.UUIDField(null=True)  # what it belongs to (a page's execution): cancel drops by it
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)  # null: nobody holds it
    holder = models.CharField(max_length=64, blank=True)
    fence = models.BigIntegerField(default=0)
    attempts = models.IntegerField(default=0)  # workers lost without progress; `updated_at` is the last of either
    parked_on = models.CharField(max_length=64, blank=True)  # such as connection:<id>; cleared in one statement
    serial_key = models.CharField(max_length=128, blank=True)
    reason = models.CharField(max_length=200, blank=True)  # why it waits, for explain

    objects = ActorQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "target_id"], name="one_work_item_per_target")]
        indexes = [
            models.Index(fields=["lane", "organization", "due_at", "id"], name="work_claim", condition=Q(parked_on="")),
            models.Index(
                fields=["organization", "lease_until"], name="work_held", condition=Q(lease_until__isnull=False)
            ),
            models.Index(fields=["group_id", "kind", "due_at"], name="work_group"),
            models.Index(fields=["serial_key", "id"], name="work_serial", condition=~Q(serial_key="")),
            models.Index(fields=["parked_on"], name="work_parked", condition=~Q(parked_on="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target_id}"


class Node(models.Model):
    """A living process: its heartbeat, which lanes it drains, and the roles it was elected to."""

    name = models.CharField(max_length=64, primary_key=True)
    roles = models.CharField(max_length=100)
    lanes = models.CharField(max_length=100, blank=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name


class Election(models.Model):
    """One row a duty (sweep, tick): whoever holds its lease does it."""

    duty = models.CharField(max_length=32, primary_key=True)
    holder = models.CharField(max_length=64)
    lease_until = models.DateTimeField()

    def __str__(self) -> str:
        return self.duty
