"""Something happened. A row is written in the transaction that made it true, and dispatched by a work item."""

from typing import Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from apps.core.models import ActorQuerySet, OrganizationRow


class EventQuerySet(ActorQuerySet):
    def undelivered(self) -> Self:
        """Those that a consumer could not take, even after its last retry."""
        return self.filter(waiting_for="").exclude(failures={})


class Event(OrganizationRow):
    """`waiting_for`: the consumers that have not taken it yet, each struck out in the transaction of its delivery."""

    type = models.CharField(max_length=100)
    subject_kind = models.CharField(max_length=32, blank=True)
    subject_id = models.UUIDField(null=True)
    depth = models.IntegerField(default=0)  # how many automations stand between a person and this: the loop guard
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    waiting_for = models.CharField(max_length=250, blank=True)  # names with commas between
    failures = models.JSONField(default=dict)  # consumer: {"attempts": int, "message": str}

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="event_newest")]

    @property
    def consumers_left(self) -> list[str]:
        return [name for name in self.waiting_for.split(",") if name]

    def __str__(self) -> str:
        return self.type
