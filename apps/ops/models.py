"""What the demonstration keeps: that it was installed, and what its second system has received."""

from django.db import models


class Demo(models.Model):
    """One row at most. It outlives its integration, so that a demonstration that was deleted stays away."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    integration = models.ForeignKey("integrations.Integration", on_delete=models.SET_NULL, null=True, related_name="+")
    token_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return "the demonstration"


class DemoOrder(models.Model):
    """An order in the sample CRM. `repeated` counts the times it came again under the same Idempotency-Key."""

    number = models.CharField(max_length=40, primary_key=True)
    document = models.JSONField()
    idempotency_key = models.CharField(max_length=100, blank=True)
    received = models.PositiveIntegerField(default=1)
    repeated = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.number


class DemoMessage(models.Model):
    """What came into a sample inbox: a place where webhooks can be looked at. Old ones make room for new ones."""

    inbox = models.CharField(max_length=40, db_index=True)
    headers = models.JSONField()
    body = models.TextField()
    received_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.inbox} {self.pk}"
