"""The folder that flows and connections stand in, who else may look into it, and which document names which."""

from django.db import models

from apps.core.actors import Role
from apps.core.models import ActorQuerySet, OrganizationRow


class IntegrationQuerySet(ActorQuerySet):
    integration_path = "id"


class Integration(OrganizationRow):
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    document = models.JSONField(default=dict, blank=True)
    revision = models.IntegerField(default=1)

    objects = IntegrationQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="integration_newest")]

    def __str__(self) -> str:
        return self.name


class Share(OrganizationRow):
    """Access to one integration for a member; owners and administrators need none."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="shares")
    membership = models.ForeignKey("accounts.Membership", on_delete=models.CASCADE, related_name="shares")
    role = models.CharField(max_length=16, choices=[(r.value, r.value) for r in (Role.MANAGE, Role.MONITOR)])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["integration", "membership"], name="one_share_per_member")]

    def __str__(self) -> str:
        return f"{self.membership} on {self.integration}"


class Reference(models.Model):
    """One document names another resource. Kept by every save: it answers what may be deleted and what uses what.

    `integration_id` is the folder of the document that names, so that a share of a folder reaches what its flows use.
    """

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    source_kind = models.CharField(max_length=20)
    source_id = models.UUIDField()
    integration_id = models.UUIDField(null=True)
    target_kind = models.CharField(max_length=20)
    target_id = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source_kind", "source_id", "target_kind", "target_id"], name="named_once")
        ]
        indexes = [
            models.Index(fields=["target_kind", "target_id"], name="reference_to"),
            models.Index(fields=["integration_id", "target_kind"], name="reference_in_folder"),
        ]

    def __str__(self) -> str:
        return f"{self.source_kind} {self.source_id} names {self.target_kind} {self.target_id}"
