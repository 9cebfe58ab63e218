"""An automation, its frozen saves, what listens on its behalf, and what is known of its runs beside their executions.

The surprise: a run's own row names automation and version by id only, so that it outlives them.
"""

from django.db import models
from django.db.models import Q

from apps.automations.approvals.models import Approval, ApprovalNotice
from apps.automations.querysets import AutomationQuerySet, RunQuerySet
from apps.core.ids import hex24
from apps.core.models import OrganizationRow, Row

__all__ = [
    "Approval",
    "ApprovalNotice",
    "Automation",
    "AutomationQuerySet",
    "AutomationVersion",
    "FanOut",
    "Firing",
    "Hearing",
    "Run",
    "TriggerListener",
    "Type",
]  # fmt: skip


class Type(models.TextChoices):
    AUTOMATION = "automation"
    SELF_SERVICE = "selfServiceAction"
    SCORECARD = "scorecard"
    REFERENCE = "reference"


class Automation(OrganizationRow):
    """`slug` is the id that its writer gave it. The other columns are its current version's, for lists and queries."""

    slug = models.CharField(max_length=200)
    title = models.CharField(max_length=300)
    type = models.CharField(max_length=20, choices=Type.choices)
    is_active = models.BooleanField(default=True)
    order = models.IntegerField(default=0)
    version = models.ForeignKey("AutomationVersion", on_delete=models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    updated_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")

    objects = AutomationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "slug"], name="one_automation_per_slug")]
        indexes = [models.Index(fields=["organization", "type", "id"], name="automation_of_type")]

    def __str__(self) -> str:
        return self.title


class AutomationVersion(OrganizationRow):
    """A save, never changed. `document` is as it was written, its secrets masked; `secrets` is their envelope."""

    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="versions")
    number = models.IntegerField()
    document = models.JSONField()
    secrets = models.BinaryField(default=b"")
    created_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["automation", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"version {self.number}"


class Hearing(models.Model):
    """A type of events that an active automation's triggers listen to: what the outbox asks at every event."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="hearings")
    event_type = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["automation", "event_type"], name="one_hearing_per_type")]
        indexes = [models.Index(fields=["organization", "event_type", "automation"], name="hearing_match")]

    def __str__(self) -> str:
        return self.event_type


class Run(models.Model):
    """What an automation's execution has beside its row. `slug` is the id a caller gave the run, if any."""

    execution = models.OneToOneField(
        "executions.Execution", on_delete=models.CASCADE, primary_key=True, related_name="automation_run"
    )
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    automation_id = models.UUIDField()
    automation_slug = models.CharField(max_length=200)
    automation_type = models.CharField(max_length=20, choices=Type.choices)
    version_id = models.UUIDField()
    slug = models.CharField(max_length=200, blank=True)
    tags = models.JSONField(default=list, blank=True)
    stopped = models.BooleanField(default=False)  # it ended quietly before its last action
    created_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "slug"], name="one_run_per_slug", condition=~Q(slug="")),
        ]
        indexes = [
            models.Index(fields=["organization", "-execution"], name="run_newest"),
            models.Index(fields=["automation_id", "-execution"], name="run_of_automation"),
        ]

    @property
    def hex_id(self) -> str:
        return hex24(self.execution_id)

    def __str__(self) -> str:
        return self.slug or self.hex_id


class Backfill(Row):
    """How far a saved automation has come among the entities that stand there already: the last one asked."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="+")
    triggered_by = models.CharField(max_length=100)
    after = models.UUIDField(null=True)

    def __str__(self) -> str:
        return f"backfill of {self.automation_id}"


class FanOut(Row):
    """How far an event has come among very many automations that listen: the last one that was asked."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    event = models.OneToOneField("events.Event", on_delete=models.CASCADE, related_name="+")
    after_order = models.IntegerField()
    after_slug = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"fan-out of {self.event_id}"


class TriggerListener(models.Model):
    """A connector's trigger that an automation has switched on. `key` is the digest of what was asked for."""

    automation = models.ForeignKey(Automation, on_delete=models.CASCADE, related_name="listeners")
    listener = models.OneToOneField("inbound.Listener", on_delete=models.CASCADE, related_name="automation_trigger")
    key = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["automation", "key"], name="one_listener_per_trigger")]

    def __str__(self) -> str:
        return str(self.listener)


class Firing(OrganizationRow):
    """A connector's event on its way to an automation: its trigger has a say in it, and may ask the provider."""

    trigger = models.ForeignKey(TriggerListener, on_delete=models.CASCADE, related_name="firings")
    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="+")
    failures = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trigger", "event"], name="one_firing_per_event")]

    def __str__(self) -> str:
        return f"firing of {self.trigger}"
