"""Who changed what. Written by services in the transaction of the change."""

from django.db import models

from apps.core.models import ActorQuerySet, OrganizationRow


class AuditQuerySet(ActorQuerySet):
    integration_path = "integration_id"


class AuditEntry(OrganizationRow):
    resource_type = models.CharField(max_length=32)
    resource_id = models.UUIDField()
    resource_name = models.CharField(max_length=200, blank=True)
    integration_id = models.UUIDField(null=True)
    event = models.CharField(max_length=32)  # create, update, delete, view, run, retry, resolve, signin…
    source = models.CharField(max_length=16, default="api")
    user = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    key_id = models.UUIDField(null=True)  # the API key that the person acted through
    changes = models.JSONField(default=list)  # [{fieldPath, oldValue, newValue}]

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["organization", "-id"], name="audit_newest"),
            models.Index(fields=["resource_type", "resource_id", "-id"], name="audit_of_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.resource_type} {self.resource_name}"
