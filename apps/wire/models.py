"""Answers kept for a day, so that a client that asks twice with one Idempotency-Key is served once."""

from django.db import models

from apps.core.models import OrganizationRow


class IdempotencyRecord(OrganizationRow):
    """`answer` is empty while the first call runs; it is written, encrypted, in the transaction of the effect."""

    key = models.CharField(max_length=255)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=500)
    body_hash = models.CharField(max_length=64)
    lease_until = models.DateTimeField()
    status = models.IntegerField(null=True)
    answer = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key", "method", "path"], name="one_answer_per_idempotency_key"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
