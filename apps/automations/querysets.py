"""The door to automations and their runs, by the ids that their writers gave them."""

from typing import Any

from apps.core.errors import NotFoundError
from apps.core.ids import parse_id
from apps.core.models import ActorQuerySet


class AutomationQuerySet(ActorQuerySet):
    def named(self, slug: object) -> Any:
        """Raises NotFoundError."""
        row = self.filter(slug=slug).first() if isinstance(slug, str) else None
        if row is None:
            raise NotFoundError(f"Flow with id {slug} not found")
        return row


class RunQuerySet(ActorQuerySet):
    def named(self, text: object) -> Any:
        """By the id that its caller gave it, or its execution's. Raises NotFoundError."""
        row_id = parse_id(text)
        row = self.filter(slug=text).first() if isinstance(text, str) and text else None
        row = row or (self.filter(execution_id=row_id).first() if row_id else None)
        if row is None:
            raise NotFoundError(f"Flow run with id {text} not found")
        return row
