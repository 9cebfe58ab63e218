"""Who wants to hear of what, at which address; and each push, signed and tried again until it is taken.

The surprise: work is queued per subscription, not per delivery (`queue`). So one worker at a time calls a subscriber,
and a slow one keeps nobody else waiting.
"""

from typing import Self

from django.db import models
from django.db.models import Q

from apps.core.models import ActorQuerySet, OrganizationRow


class SubscriptionQuerySet(ActorQuerySet):
    def wanted(self) -> Self:
        """Those that get deliveries: switched on, and with an address."""
        return self.filter(enabled=True).exclude(url="")


class Subscription(OrganizationRow):
    """To a connector's trigger (`listener`), or to events of Junction itself (its Interests)."""

    listener = models.OneToOneField(
        "inbound.Listener", on_delete=models.CASCADE, null=True, blank=True, related_name="subscription"
    )
    end_user = models.ForeignKey(
        "accounts.EndUser", on_delete=models.CASCADE, null=True, blank=True, related_name="subscriptions"
    )
    name = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    secret = models.BinaryField(default=b"")
    enabled = models.BooleanField(default=True)
    reason = models.CharField(max_length=300, blank=True)  # why it is disabled
    disabled_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    rest_until = models.DateTimeField(null=True)  # a subscriber that was slow is not called before

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-id"], name="subscription_newest"),
            models.Index(fields=["end_user", "id"], name="subscription_of_user", condition=Q(end_user__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name or self.url or self.hex_id


class Interest(models.Model):
    """One type of Junction's own events, or the beginning of some: `execution.failed`, `connection.*`, `*`."""

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="interests")
    pattern = models.CharField(max_length=100)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "pattern"], name="one_interest_per_pattern")]
        indexes = [models.Index(fields=["organization", "pattern", "subscription"], name="interest_match")]

    def __str__(self) -> str:
        return self.pattern


class Delivery(OrganizationRow):
    """`payload` is the data as the trigger has made it, kept so that a repeat says the same; empty: the event's own."""

    class State(models.TextChoices):
        PENDING = "pending"
        SUCCEEDED = "succeeded"
        FAILED = "failed"  # the dead letters
        SKIPPED = "skipped"  # the trigger says it is not for this subscription

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    status = models.IntegerField(null=True)  # the last answer's
    message = models.CharField(max_length=300, blank=True)
    log = models.JSONField(default=list)  # the failed attempts, oldest first
    milliseconds = models.FloatField(null=True)
    delivered_at = models.DateTimeField(null=True)
    replays = models.IntegerField(default=0)
    payload = models.BinaryField(default=b"")

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["subscription", "event"], name="one_delivery_per_event")]
        indexes = [
            models.Index(fields=["organization", "-id"], name="delivery_newest"),
            models.Index(fields=["subscription", "next_at"], name="delivery_due", condition=Q(state="pending")),
            models.Index(fields=["organization", "-id"], name="delivery_dead", condition=Q(state="failed")),
        ]

    def __str__(self) -> str:
        return f"delivery {self.hex_id}"


class FanOut(models.Model):
    """How far an event with very many subscribers has come: the last subscription that has its delivery."""

    event = models.OneToOneField("events.Event", on_delete=models.CASCADE, primary_key=True, related_name="+")
    after = models.UUIDField()

    def __str__(self) -> str:
        return f"fan-out of {self.event_id}"
