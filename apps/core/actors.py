"""Who acts: the same value for the API, the console and the system. Resolved in `accounts`, read everywhere."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from apps.core.errors import ForbiddenError


class Role(StrEnum):
    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    MANAGE = "manage"
    MONITOR = "monitor"


class Verb(StrEnum):
    VIEW = "view"
    RUN = "run"
    RETRY = "retry"
    EDIT = "edit"
    APPROVE = "approve"
    SECRETS = "secrets"  # see connections, credentials and keys (masked)
    REVEAL = "reveal"  # see a secret's value
    INVITE = "invite"
    EXPORT = "export"
    DELETE = "delete"


RANK = {Role.MONITOR: 1, Role.MANAGE: 2, Role.ADMINISTRATOR: 3, Role.OWNER: 4}
LEAST_ROLE = {
    Verb.VIEW: Role.MONITOR,
    Verb.RUN: Role.MONITOR,
    Verb.RETRY: Role.MONITOR,
    Verb.EDIT: Role.MANAGE,
    Verb.APPROVE: Role.MANAGE,
    Verb.SECRETS: Role.MANAGE,
    Verb.EXPORT: Role.MANAGE,
    Verb.DELETE: Role.MANAGE,
    Verb.INVITE: Role.ADMINISTRATOR,
    Verb.REVEAL: Role.ADMINISTRATOR,
}


@dataclass(frozen=True)
class Actor:
    """`role` is None for a person who was only given integrations; `shares` maps an integration to its role."""

    organization_id: uuid.UUID
    role: Role | None
    user_id: uuid.UUID | None = None
    source: str = "api"  # api, ui or system
    shares: Mapping[uuid.UUID, Role] = field(default_factory=dict)
    key_id: uuid.UUID | None = None

    def role_at(self, integration_id: uuid.UUID | None) -> Role | None:
        """A share lifts those below administrators, in its integration."""
        role = self.role
        shared = self.shares.get(integration_id) if integration_id else None
        if shared is not None and (role is None or RANK[role] < RANK[Role.ADMINISTRATOR]):
            role = max(filter(None, (role, shared)), key=RANK.__getitem__)
        return role

    def may(self, verb: Verb, *, integration_id: uuid.UUID | None = None) -> bool:
        role = self.role_at(integration_id)
        return role is not None and RANK[role] >= RANK[LEAST_ROLE[verb]]

    def require(self, verb: Verb, *, integration_id: uuid.UUID | None = None) -> None:
        """Raises ForbiddenError naming what is lacking."""
        if not self.may(verb, integration_id=integration_id):
            raise ForbiddenError(f"Your access level does not allow you to {verb} this (needs {LEAST_ROLE[verb]}).")


def system_actor(organization_id: uuid.UUID) -> Actor:
    return Actor(organization_id=organization_id, role=Role.OWNER, source="system")
