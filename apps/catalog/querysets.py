"""The door to the catalogue's rows. Nothing here belongs to an integration: a share alone opens none of it."""

import uuid
from collections.abc import Iterable
from typing import Any, Self

from django.db.models import F, Q

from apps.core.errors import NotFoundError
from apps.core.models import ActorQuerySet

OPEN = Q(ignored=False) & (Q(last_applied_at=None) | Q(last_applied_at__lt=F("refreshed_at")))


class CatalogQuerySet(ActorQuerySet):
    def of(self, organization_id: uuid.UUID) -> Self:
        """For what acts without a person: automations. The tenant is still named."""
        return self.filter(organization_id=organization_id)

    def named(self, natural_id: object) -> Any:
        """The row a client's own id names. Raises NotFoundError."""
        row = self.filter(natural_id=natural_id).first() if isinstance(natural_id, str) else None
        if row is None:
            raise NotFoundError(f"{self.model._meta.verbose_name.capitalize()} with id {natural_id} not found")
        return row

    def among(self, natural_ids: Iterable[str]) -> Self:
        return self.filter(natural_id__in=list(natural_ids))


class EntityQuerySet(CatalogQuerySet):
    def shown(self) -> Self:
        """With what a document of each needs: of the blueprint its id, not its documents, a row each time."""
        return self.select_related("blueprint").defer("blueprint__schema", "blueprint__options", "blueprint__relations")


class SuggestionQuerySet(CatalogQuerySet):
    def open(self) -> Self:
        return self.filter(OPEN)
