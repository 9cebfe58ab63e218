"""The catalogue: blueprints describe, entities are described, suggestions propose a change to one.

The surprise: clients know all three by ids of their own making (`natural_id`), unique within an organization.
"""

from django.db import models

from apps.catalog.querysets import CatalogQuerySet, EntityQuerySet, SuggestionQuerySet
from apps.core.models import OrganizationRow

ID_LENGTH = 255
SOURCE_LENGTH = 2 * ID_LENGTH + 1  # "<blueprintId>.<entityId>"


class CatalogRow(OrganizationRow):
    natural_id = models.CharField("id", max_length=ID_LENGTH)
    title = models.CharField(max_length=500)
    description = models.TextField(null=True, blank=True)
    # Null for what an automation wrote.
    created_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")
    updated_by = models.ForeignKey("accounts.User", on_delete=models.SET_NULL, null=True, related_name="+")

    objects = CatalogQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title or self.natural_id


class Blueprint(CatalogRow):
    """`schema` is the JSON Schema of its entities' properties; `relations` {name: {title, value, array, …}}."""

    icon = models.CharField(max_length=200, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    schema = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    relations = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "natural_id"], name="one_blueprint_per_id")]


class Entity(CatalogRow):
    """`relations` {name: {"value": an id, a list of ids or null, …}}; `sources` the texts "<blueprintId>.<entityId>"
    and the ids of the automations that feed it.

    `field_sources` {path: automation id} names the fields that a rule owns, such as `properties.readme`; the source of
    all others is "Manual", and they alone are edited by hand.
    """

    blueprint = models.ForeignKey(Blueprint, on_delete=models.PROTECT, related_name="entities")
    is_active = models.BooleanField(default=True)
    is_hidden = models.BooleanField(default=False)
    properties = models.JSONField(default=dict)
    relations = models.JSONField(default=dict)
    sources = models.JSONField(default=list)
    field_sources = models.JSONField(default=dict)

    objects = EntityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entities"
        constraints = [models.UniqueConstraint(fields=["organization", "natural_id"], name="one_entity_per_id")]
        indexes = [models.Index(fields=["organization", "blueprint", "id"], name="entity_of_blueprint")]


class EntityLink(models.Model):
    """What conditions look entities up by: one row for each source and each related id. Follows the entity.

    `name` is the slash path without its last part: `sources`, `relations/<name>`. `many`: it is one of a list.
    """

    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="links")
    name = models.CharField(max_length=ID_LENGTH + 16)
    many = models.BooleanField(default=True)
    value = models.CharField(max_length=SOURCE_LENGTH)

    class Meta:
        indexes = [models.Index(fields=["organization", "name", "many", "value"], name="entity_link_lookup")]


class Suggestion(CatalogRow):
    """A change that an automation proposes to one entity because of another: one per (origin, source, target).

    `data` is the entity to write, as the Rely API writes one. `refreshed_at` moves with `data`: what was applied
    before is open again.
    """

    origin_type = models.CharField(max_length=16, default="automation")
    origin_id = models.CharField(max_length=ID_LENGTH)
    source_type = models.CharField(max_length=16, default="entity")
    source_id = models.CharField(max_length=ID_LENGTH)
    source_context = models.JSONField(null=True, blank=True)
    target_type = models.CharField(max_length=16, default="entity")
    target_id = models.CharField(max_length=ID_LENGTH)
    target_context = models.JSONField(null=True, blank=True)
    target_id_override = models.CharField(max_length=ID_LENGTH, null=True, blank=True)
    data = models.JSONField(null=True, blank=True)
    ignored = models.BooleanField(default=False)
    auto_apply = models.BooleanField(default=False)
    last_applied_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField()

    objects = SuggestionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "natural_id"], name="one_suggestion_per_id"),
            models.UniqueConstraint(
                fields=["organization", "origin_id", "source_id", "target_id"], name="one_suggestion_per_change"
            ),
        ]

    @property
    def state(self) -> str:
        if self.ignored:
            return "ignored"
        applied = self.last_applied_at is not None and self.last_applied_at >= self.refreshed_at
        return "applied" if applied else "open"
