"""The person behind a change: whose right is asked, and the end user on whose behalf it is made."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.accounts.models import EndUser
from apps.audit import services as audit
from apps.connectors.models import Connector
from apps.core.actors import Actor, Verb
from apps.core.errors import ForbiddenError, ValidationError
from apps.core.ids import new_id, parse_id
from apps.core.models import OrganizationRow


@dataclass(frozen=True)
class Author:
    actor: Actor
    user: EndUser | None = None

    def require(self, verb: Verb, connector: Connector) -> None:
        self.actor.require(verb)
        if connector.organization_id != self.actor.organization_id:
            raise ForbiddenError(f"The connector {connector.name} belongs to the library: nobody changes it.")

    def log(
        self,
        event: str,
        row: OrganizationRow,
        *,
        kind: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        changes = audit.changes_between(dict(before), dict(after)) if before is not None and after is not None else []
        if event == "update" and not changes:
            return
        audit.record(
            actor=self.actor,
            event=event,
            resource_type=kind,
            resource_id=row.pk,
            resource_name=str(row),
            changes=changes,
        )


def chosen_id(body: Mapping[str, Any], name: str = "id") -> uuid.UUID | None:
    """The id a body asks for. Raises ValidationError for one that could not be an id of ours."""
    text = body.get(name)
    if text in (None, ""):
        return None
    found = parse_id(text)
    if found is None:
        raise ValidationError(f"{name} must be a UUID.", field=name)
    return found


def own_name(kind: str, row_id: uuid.UUID) -> str:
    """For what its author has not named."""
    return f"{kind}-{row_id.hex[:18]}"


def fresh_id(wanted: uuid.UUID | None) -> uuid.UUID:
    return wanted or new_id()
