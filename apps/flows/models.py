"""Reusable sources, sinks and scripts, and the flows that join them. A page is one unit of a flow's records."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q

from apps.core.actors import Actor
from apps.core.models import ActorQuerySet, OrganizationRow, Row
from apps.integrations.models import Reference


class FolderQuerySet(ActorQuerySet):
    integration_path = "integration_id"


class ReusableQuerySet(ActorQuerySet):
    """A share sees what stands in its folder, and what the folder's documents name wherever it stands."""

    def for_actor(self, actor: Actor) -> Self:
        rows = self.filter(organization_id=actor.organization_id)
        if actor.role is not None:
            return rows
        kind, shared = self.model._meta.model_name, list(actor.shares)
        named = Reference.objects.filter(target_kind=kind, integration_id__in=shared).values("target_id")
        reached = Q(pk__in=named)
        if hasattr(self.model, "integration"):
            reached |= Q(integration_id__in=shared)
        return rows.filter(reached)


class Script(OrganizationRow):
    name = models.CharField(max_length=200)
    content = models.TextField(blank=True)
    document = models.JSONField(default=dict, blank=True)
    revision = models.IntegerField(default=1)

    objects = ReusableQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Reusable(OrganizationRow):
    """What exports and imports have in common: `document` is the resource as its API shows it, less the columns."""

    name = models.CharField(max_length=200)
    adaptor_type = models.CharField(max_length=32, blank=True)
    connection = models.ForeignKey(
        "connections.Connection", on_delete=models.PROTECT, null=True, blank=True, related_name="%(class)ss"
    )
    integration = models.ForeignKey(
        "integrations.Integration", on_delete=models.SET_NULL, null=True, blank=True, related_name="%(class)ss"
    )
    document = models.JSONField(default=dict)
    external_id = models.CharField(max_length=255, blank=True)
    revision = models.IntegerField(default=1)

    objects = ReusableQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Export(Reusable):
    type = models.CharField(max_length=12, blank=True)
    is_lookup = models.BooleanField(default=False)
    secret = models.BinaryField(default=b"")  # what a listener is called with, sealed as a connection's secrets are

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="export_newest")]


class Import(Reusable):
    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="import_newest")]


class LookupCache(OrganizationRow):
    """A table of keys and values that mappings look into. `size` is kept with every write: keys and values in UTF-8."""

    name = models.CharField(max_length=200)
    integration = models.ForeignKey(
        "integrations.Integration", on_delete=models.SET_NULL, null=True, blank=True, related_name="lookup_caches"
    )
    external_id = models.CharField(max_length=255, blank=True)
    document = models.JSONField(default=dict)
    size = models.BigIntegerField(default=0)
    revision = models.IntegerField(default=1)

    objects = ReusableQuerySet.as_manager()

    class Meta:
        verbose_name = "lookup cache"
        indexes = [models.Index(fields=["organization", "-id"], name="lookup_cache_newest")]

    def __str__(self) -> str:
        return self.name


class LookupEntry(models.Model):
    """`value` is JSON text, as it was written."""

    cache = models.ForeignKey(LookupCache, on_delete=models.CASCADE, related_name="entries")
    key = models.CharField(max_length=500)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cache", "key"], name="one_value_per_key")]

    def __str__(self) -> str:
        return self.key


class Flow(OrganizationRow):
    name = models.CharField(max_length=200)
    disabled = models.BooleanField(default=False)
    integration = models.ForeignKey(
        "integrations.Integration", on_delete=models.PROTECT, null=True, blank=True, related_name="flows"
    )
    document = models.JSONField(default=dict)
    revision = models.IntegerField(default=1)
    last_executed_at = models.DateTimeField(null=True, blank=True)

    objects = FolderQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["organization", "-id"], name="flow_newest")]

    def __str__(self) -> str:
        return self.name


class DeltaMark(Row):
    """Up to when an export of a flow has read its source; moved by successful runs only."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="delta_marks")
    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="+")
    last_export_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["flow", "export"], name="one_mark_per_export_of_a_flow")]

    def __str__(self) -> str:
        return f"{self.flow} {self.export}"


class Page(Row):
    """Records cut from a source, on their way through the steps; `counts` is {step: [success, error, ignore]}."""

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        FAILED = "failed"
        DROPPED = "dropped"

    execution = models.ForeignKey("executions.Execution", on_delete=models.CASCADE, related_name="pages")
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    generator = models.IntegerField(default=0)
    number = models.IntegerField()
    record_count = models.IntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    intent = models.CharField(max_length=40, blank=True)  # the write that was about to be sent
    counts = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["execution", "generator", "number"], name="one_page_per_number")]
        indexes = [models.Index(fields=["execution"], name="page_open", condition=Q(state="open"))]

    def __str__(self) -> str:
        return f"page {self.number} of {self.execution_id}"


class PagePayload(models.Model):
    """A page's records: compressed, never updated but replaced, deleted when the page is done.

    `number` is 0 as generated, 1 as the steps so far have left them.
    """

    page = models.ForeignKey(Page, on_delete=models.CASCADE, related_name="payloads")
    number = models.IntegerField(default=0)
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["page", "number"], name="one_payload_per_number")]

    def __str__(self) -> str:
        return f"payload of {self.page_id}"


class SpoolChunk(models.Model):
    """Rows of a source that cannot be read twice in the same order, kept whole before any page is cut from them."""

    execution = models.ForeignKey("executions.Execution", on_delete=models.CASCADE, related_name="+")
    generator = models.IntegerField()
    number = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["execution", "generator", "number"], name="one_chunk_per_number")
        ]

    def __str__(self) -> str:
        return f"chunk {self.number} of {self.execution_id}"


class OnceMark(models.Model):
    """A page's records as they were exported, until they are marked at their source once the page is through."""

    page = models.OneToOneField(Page, on_delete=models.CASCADE, primary_key=True, related_name="once_mark")
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"mark of {self.page_id}"


class RecordLock(models.Model):
    """While it stands, no other record of its name is submitted; `name` is a digest."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.UUIDField(db_index=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Upload(OrganizationRow):
    """Records given to an export of type simple ahead of the runs that name them by their key."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="uploads")
    run_key = models.CharField(max_length=255)
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "run_key"], name="one_upload_per_run_key")]

    def __str__(self) -> str:
        return self.run_key


class BlobQuerySet(ActorQuerySet):
    integration_path = "execution__integration_id"


class Blob(OrganizationRow):
    """A file that flows move without looking into it. Its content lies in the deployment's own folder (`blobs`)."""

    name = models.CharField(max_length=1000)
    size = models.BigIntegerField(default=0)
    content_type = models.CharField(max_length=200, blank=True)
    execution = models.ForeignKey("executions.Execution", on_delete=models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField(db_index=True)

    objects = BlobQuerySet.as_manager()

    @property
    def integration_id(self) -> uuid.UUID | None:
        """The folder of the run that has kept it."""
        return self.execution.integration_id if self.execution else None

    def __str__(self) -> str:
        return self.name


class FilePart(models.Model):
    """What one page puts into a file that is written when the run's last page is through."""

    execution = models.ForeignKey("executions.Execution", on_delete=models.CASCADE, related_name="+")
    position = models.IntegerField()
    generator = models.IntegerField()
    number = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["execution", "position", "generator", "number"], name="one_part_per_page")
        ]

    def __str__(self) -> str:
        return f"part {self.number} of {self.execution_id}"


class Plan(OrganizationRow):
    """What a run would send, as an execution in plan mode has found out: to be applied once, while nothing changes.

    `fingerprints` are [{kind, id, name, stamp}] of all that the plan was made of. `complete`: the sources were read to
    their end.
    """

    execution = models.OneToOneField("executions.Execution", on_delete=models.CASCADE, related_name="plan")
    flow_id = models.UUIDField()
    expires_at = models.DateTimeField(db_index=True)
    fingerprints = models.JSONField(default=list)
    summary = models.JSONField(default=dict)
    complete = models.BooleanField(default=False)
    applied_by = models.OneToOneField(
        "executions.Execution", on_delete=models.SET_NULL, null=True, blank=True, related_name="applies"
    )
    applied_at = models.DateTimeField(null=True, blank=True)

    objects = ActorQuerySet.as_manager()

    def __str__(self) -> str:
        return f"plan {self.execution_id}"


class PlanContent(models.Model):
    """The requests of a plan whole, with the records they are made of: sealed, and gone when the plan expires."""

    plan = models.OneToOneField(Plan, on_delete=models.CASCADE, primary_key=True, related_name="content")
    sealed = models.BinaryField()

    def __str__(self) -> str:
        return f"content of {self.plan_id}"
