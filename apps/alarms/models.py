"""Rules that tell a person, what fires at the moment, and what was told.

The surprise: what counts is written down first (`Case`), by whoever dispatches the event, and judged by one worker at
a time (`judging`): ten thousand failures are ten thousand small rows and one message.
"""

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from apps.core.models import ActorQuerySet, OrganizationRow, Row


class AlarmQuerySet(ActorQuerySet):
    integration_path = "integration_id"


class Alarm(OrganizationRow):
    """A rule. `document` is what its writer wrote (`rules` reads it), `secret` the vault's envelope of its secrets."""

    class Kind(models.TextChoices):
        EXECUTION_FAILED = "execution_failed"
        ERROR_RATE = "error_rate"
        MISSED_TICK = "missed_tick"
        BROKEN_CONNECTION = "broken_connection"
        DEAD_DELIVERY = "dead_delivery"
        APPROVAL_WAITING = "approval_waiting"
        QUEUE_LAG = "queue_lag"

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    enabled = models.BooleanField(default=True)
    integration_id = models.UUIDField(null=True)  # of its scope: a share of it reaches the alarm
    document = models.JSONField(default=dict)
    secret = models.BinaryField(default=b"")
    revision = models.IntegerField(default=1)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-id"], name="alarm_newest"),
            models.Index(fields=["organization", "kind"], name="alarm_listening", condition=Q(enabled=True)),
        ]

    def __str__(self) -> str:
        return self.name


class Firing(Row):
    """A rule that holds for one group of things, from the first case to the recovery; at most one open per group.

    `subjects`: what it is about, by key, each with kind, id, name, message, since, last, count.
    """

    alarm = models.ForeignKey(Alarm, on_delete=models.CASCADE, related_name="firings")
    group_key = models.CharField(max_length=120, blank=True)
    title = models.CharField(max_length=200)  # of the group, for people
    since = models.DateTimeField()
    last_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)  # what ended it, in words
    count = models.IntegerField(default=0)
    untold = models.IntegerField(default=0)  # of the count, since the last message
    value = models.FloatField(null=True)  # what was measured last, where the rule measures
    subjects = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    told_at = models.DateTimeField(null=True)
    tellings = models.IntegerField(default=0)
    held = models.BooleanField(default=False)  # quiet hours keep something back that the digest will tell

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alarm", "group_key"], name="one_open_firing", condition=Q(ended_at=None))
        ]
        indexes = [
            models.Index(fields=["alarm", "-id"], name="firing_newest"),
            models.Index(fields=["alarm"], name="firing_live", condition=Q(ended_at=None) | Q(held=True)),
        ]

    def __str__(self) -> str:
        return self.title


class Case(models.Model):
    """One thing that counts for an alarm; an event counts once."""

    id = models.BigAutoField(primary_key=True)
    alarm = models.ForeignKey(Alarm, on_delete=models.CASCADE, related_name="cases")
    event_id = models.UUIDField()
    group_key = models.CharField(max_length=120, blank=True)
    at = models.DateTimeField()
    subject: Any = models.JSONField(encoder=DjangoJSONEncoder)  # key, kind, id, name, message; the group's title
    judged = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alarm", "event_id"], name="one_case_per_event")]
        indexes = [
            models.Index(fields=["alarm", "id"], name="case_unjudged", condition=Q(judged=False)),
            models.Index(fields=["alarm", "group_key", "at"], name="case_in_window"),
            models.Index(fields=["at"], name="case_age"),
        ]

    def __str__(self) -> str:
        return f"case of {self.alarm_id}"


class MessageQuerySet(ActorQuerySet):
    integration_path = "integration_id"


class Message(OrganizationRow):
    """One message to one channel: what was told, to whom, and what became of it. The log outlives its alarm."""

    class What(models.TextChoices):
        FIRING = "firing"
        STILL_FIRING = "still_firing"
        RECOVERED = "recovered"
        DIGEST = "digest"
        TEST = "test"

    class State(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed"

    alarm = models.ForeignKey(Alarm, on_delete=models.SET_NULL, null=True, related_name="messages")
    alarm_name = models.CharField(max_length=200)
    integration_id = models.UUIDField(null=True)
    what = models.CharField(max_length=12, choices=What.choices)
    channel_id = models.CharField(max_length=24)
    channel_type = models.CharField(max_length=10)
    recipient = models.CharField(max_length=300)  # as shown: of a secret URL the host alone
    subject = models.CharField(max_length=250)
    content = models.JSONField(default=dict, encoder=DjangoJSONEncoder)  # telling.Telling, whole
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.IntegerField(default=0)
    begun_at = models.DateTimeField(null=True)  # an attempt that has not come back: committed before it is made
    next_at = models.DateTimeField(null=True)
    status = models.IntegerField(null=True)
    outcome = models.CharField(max_length=300, blank=True)
    log = models.JSONField(default=list)  # the failed attempts, oldest first
    sent_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = "alarm message"
        indexes = [
            models.Index(fields=["organization", "-id"], name="alarm_message_newest"),
            models.Index(fields=["alarm", "-id"], name="alarm_message_log"),
            models.Index(fields=["id"], name="alarm_message_pending", condition=Q(state="pending")),
        ]

    def __str__(self) -> str:
        return self.subject
