"""Abstract rows: every row has a time-ordered id; every tenant's row names its organization."""

from typing import Any, Self

from django.db import models

from apps.core.actors import Actor
from apps.core.errors import NotFoundError
from apps.core.ids import hex24, new_id, parse_id


class ActorQuerySet(models.QuerySet[Any, Any]):
    """`for_actor` is the only door to rows: it joins organization, role and shares."""

    integration_path = ""  # where a share reaches these rows: the path to the integration's id

    def for_actor(self, actor: Actor) -> Self:
        rows = self.filter(organization_id=actor.organization_id)
        if actor.role is None:
            if not self.integration_path:
                return rows.none()
            rows = rows.filter(**{f"{self.integration_path}__in": list(actor.shares)})
        return rows

    def find(self, text: object) -> Any:
        """The row a client's id names. Raises NotFoundError: unreadable and foreign ids are unknown ones."""
        row_id = parse_id(text)
        row = self.filter(pk=row_id).first() if row_id else None
        if row is None:
            raise NotFoundError(f"{self.model._meta.verbose_name.capitalize()} {text} was not found.")
        return row


class Row(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    @property
    def hex_id(self) -> str:
        return hex24(self.id)


class OrganizationRow(Row):
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")

    objects = ActorQuerySet.as_manager()

    class Meta:
        abstract = True
