"""What comes in from providers: addresses, listeners on their triggers, notifications as they arrived.

A listener is a trigger that somebody has switched on: registered with the provider, polled, or both. Who switched it
on (a subscription, an automation) stands in an upper app.
"""

from typing import Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from apps.core.models import ActorQuerySet, OrganizationRow


class Hook(OrganizationRow):
    """A connector's inbound address, as one organization uses it. `secret`: what its notifications are signed with."""

    connector = models.ForeignKey("connectors.Connector", on_delete=models.CASCADE, related_name="hooks")
    token = models.CharField(max_length=64, unique=True)
    secret = models.BinaryField(default=b"")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "connector"], name="one_hook_per_connector")]

    def __str__(self) -> str:
        return f"hook of {self.connector}"


class DirectHook(OrganizationRow):
    """An address that starts one thing of an upper app, named by a word and an id. `config`: see `declared`.

    `secret`: what its calls are signed with. What came of a call stands in what it has started.
    """

    target_kind = models.CharField(max_length=32)
    target_id = models.UUIDField()
    token = models.CharField(max_length=64, unique=True)
    config = models.JSONField(default=dict)
    secret = models.BinaryField(default=b"")

    class Meta:
        verbose_name = "hook"
        constraints = [models.UniqueConstraint(fields=["target_kind", "target_id"], name="one_direct_hook_per_target")]

    def __str__(self) -> str:
        return f"hook of {self.target_kind} {self.target_id}"


class ListenerQuerySet(ActorQuerySet):
    def listening(self) -> Self:
        return self.filter(state__in=(Listener.State.ACTIVE, Listener.State.REGISTERING))


class Listener(OrganizationRow):
    """`key`: what of its variables a notification must name to be meant for it; empty takes all of its trigger."""

    class State(models.TextChoices):
        REGISTERING = "registering"
        ACTIVE = "active"
        FAILED = "failed"  # the provider refuses it; nothing arrives
        ENDING = "ending"  # to be taken back from the provider

    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="listeners")
    connector_version = models.ForeignKey(
        "connectors.ConnectorVersion", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    trigger = models.ForeignKey("connectors.ComponentVersion", on_delete=models.SET_NULL, null=True, related_name="+")
    trigger_name = models.CharField(max_length=150)
    end_user = models.ForeignKey("accounts.EndUser", on_delete=models.CASCADE, null=True, related_name="+")
    connection = models.ForeignKey("connections.Connection", on_delete=models.SET_NULL, null=True, related_name="+")
    variables = models.JSONField(default=dict)
    key = models.CharField(max_length=255, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.REGISTERING)
    reason = models.CharField(max_length=500, blank=True)
    secret = models.BinaryField(default=b"")
    registered = models.JSONField(default=dict)  # what the create hook answered, its secret left out
    external_id = models.CharField(max_length=255, blank=True)
    checked_at = models.DateTimeField(null=True)
    repaired_at = models.DateTimeField(null=True)
    repairs = models.IntegerField(default=0)
    cursor = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    polled_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)  # in a row: of polls, or of taking it back

    objects = ListenerQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["hook", "trigger_name", "key", "id"], name="listener_match")]

    def __str__(self) -> str:
        return f"{self.trigger_name} {self.key}".strip()


class Notification(OrganizationRow):
    """One call of an inbound address that was verified and kept. `dedupe` is null where the provider names no id."""

    class State(models.TextChoices):
        RECEIVED = "received"
        ROUTED = "routed"
        IGNORED = "ignored"  # nobody listens to it
        FAILED = "failed"

    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="notifications")
    listener_id = models.UUIDField(null=True)  # the one whose own address was called; it may be gone
    event = models.CharField(max_length=150, blank=True)  # the event component that took it
    dedupe = models.CharField(max_length=300, null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVED)
    reason = models.CharField(max_length=500, blank=True)
    method = models.CharField(max_length=8)
    headers = models.JSONField(default=dict)
    query = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    routed_to = models.JSONField(default=list)  # the names of the triggers
    processed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["hook", "dedupe"], name="one_notification_per_event", condition=~Q(dedupe=None)
            )
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="notification_newest")]

    def __str__(self) -> str:
        return f"{self.event or 'notification'} {self.hex_id}"


class SeenItem(models.Model):
    """An item that a listener has had, by poll or by notification: it is not told twice."""

    listener = models.ForeignKey(Listener, on_delete=models.CASCADE, related_name="seen")
    item = models.CharField(max_length=255)
    seen_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["listener", "item"], name="one_sight_per_item")]

    def __str__(self) -> str:
        return self.item
