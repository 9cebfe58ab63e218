"""Tenants, people, keys. An API key reads `jk_<prefix>_<secret>`; only its SHA-256 is stored."""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from apps.accounts.models import ApiKey, Membership, Organization, User
from apps.audit import services as audit
from apps.core.actors import RANK, Actor, Role, system_actor
from apps.core.clock import now
from apps.core.errors import ConflictError, ForbiddenError, ValidationError
from apps.core.joined import Compiled

KEY_START = "jk_"
SAMPLE_KEY = "default"  # stands in the documents' samples: never valid
USE_NOTED_EVERY = timedelta(minutes=1)


def create_organization(*, name: str, is_system: bool = False) -> Organization:
    return Organization.objects.create(name=name, is_system=is_system)


def create_user(*, email: str, password: str | None, name: str = "") -> User:
    if User.objects.filter(email__iexact=email).exists():
        raise ConflictError(f"A person with the e-mail {email} exists already.", field="email")
    return User.objects.create_user(email, password, name=name)


def owners_of(organizations: set[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The person who owns each account; of several, the first one."""
    rows = Membership.objects.filter(organization_id__in=organizations, role=Role.OWNER).order_by("-id")
    return dict(rows.values_list("organization_id", "user_id"))


def add_member(*, organization: Organization, user: User, role: Role | str) -> Membership:
    """An empty role makes a member who sees only what is shared with them."""
    return Membership.objects.create(organization=organization, user=user, role=role)


@transaction.atomic
def create_api_key(
    *,
    organization: Organization,
    user: User,
    name: str,
    role: Role | str = Role.OWNER,
    key: str = "",
    actor: Actor | None = None,
) -> tuple[ApiKey, str]:
    """The row and the key's text, which is nowhere else. `key` brings one's own, at least 24 characters long.

    Without an actor it is whoever has the command line.
    """
    key = key or f"{KEY_START}{secrets.token_urlsafe(32)}"
    if len(key) < 24:
        raise ValidationError("An API key must be at least 24 characters long.", field="key")
    row = ApiKey.objects.create(
        organization=organization, user=user, name=name, role=role, prefix=key[:10], digest=digest(key)
    )
    changes = [{"fieldPath": "actsAs", "newValue": user.email}, {"fieldPath": "role", "newValue": str(role)}]
    note_key(actor or system_actor(organization.id), "create", row, changes=changes)
    return row, key


@transaction.atomic
def revoke_api_key(*, actor: Actor, api_key: ApiKey) -> None:
    """One that is revoked stays as it is."""
    moment = now()
    if ApiKey.objects.filter(pk=api_key.pk, revoked_at__isnull=True).update(revoked_at=moment):
        note_key(actor, "revoke", api_key, changes=[{"fieldPath": "revokedAt", "newValue": moment.isoformat()}])


def note_key(actor: Actor, event: str, row: ApiKey, *, changes: list[dict[str, Any]]) -> None:
    audit.record(
        actor=actor,
        event=event,
        resource_type="apikey",
        resource_id=row.id,
        resource_name=str(row),
        changes=changes,
    )


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def live_keys(key_digest: str) -> Any:
    """A row for each share of the key's person; the columns are those that `actor_of_key` takes apart."""
    rows = ApiKey.objects.filter(
        digest=key_digest,
        revoked_at__isnull=True,
        user__is_active=True,
        user__memberships__organization_id=F("organization_id"),
    )
    return rows.values_list(
        "id",
        "organization_id",
        "user_id",
        "role",
        "last_used_at",
        "user__memberships__role",
        "user__memberships__shares__integration_id",
        "user__memberships__shares__role",
    )


KEYS = Compiled(live_keys)


def actor_of_key(key: str) -> Actor | None:
    """Who a key acts as: its user, with the lesser of the key's role and the membership's. One query."""
    found = KEYS.rows(digest(key))
    if not found or key == SAMPLE_KEY:
        return None
    key_id, organization_id, user_id, most, last_used_at, member_role, *_ = found[0]
    note_use(key_id=key_id, last_used_at=last_used_at)
    return Actor(
        organization_id=organization_id,
        role=lesser(member_role, most) if member_role else None,
        user_id=user_id,
        source="api",
        shares={row[6]: lesser(row[7], most) for row in found if row[6]},
        key_id=key_id,
    )


def lesser(one: str, other: str) -> Role:
    return min(Role(one), Role(other), key=RANK.__getitem__)


def note_use(*, key_id: uuid.UUID, last_used_at: datetime | None) -> None:
    """Once a minute at most, so that a busy key is no hot row."""
    moment = now()
    if last_used_at is None or moment - last_used_at > USE_NOTED_EVERY:
        stale = ApiKey.objects.filter(pk=key_id).exclude(last_used_at__gt=moment - USE_NOTED_EVERY)
        stale.update(last_used_at=moment)


def find_actor(*, user_id: uuid.UUID, organization_id: uuid.UUID, source: str = "api") -> Actor | None:
    rows = Membership.objects.filter(user_id=user_id, organization_id=organization_id)
    found = list(rows.values_list("role", "shares__integration_id", "shares__role"))
    if not found:
        return None
    shares = {integration: Role(role) for _, integration, role in found if integration}
    return Actor(organization_id, Role(found[0][0]) if found[0][0] else None, user_id, source=source, shares=shares)


def actor_of(*, user: User, organization: Organization, source: str = "api") -> Actor:
    """Raises ForbiddenError for a person who is no member."""
    actor = find_actor(user_id=user.id, organization_id=organization.id, source=source)
    if actor is None:
        raise ForbiddenError(f"{user} is not a member of {organization}.")
    return actor


@transaction.atomic
def set_password(*, user: User, password: str, by: User | None = None) -> None:
    """All sessions end. `by` is who did it on the console; None is whoever has the command line."""
    user.set_password(password)
    user.is_active = True
    user.save(update_fields=["password", "is_active", "updated_at"])
    note_about(user, "password", source="ui" if by else "system", by=by)


def note_sign_in(*, email: str, address: str, good: bool) -> None:
    """In the log of each organization that the person belongs to; who is unknown has none."""
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is not None:
        event, by = ("signin", user) if good else ("signin_refused", None)
        note_about(user, event, source="ui", by=by, changes=[{"fieldPath": "address", "newValue": address}])


def note_about(
    user: User, event: str, *, source: str, by: User | None, changes: list[dict[str, Any]] | None = None
) -> None:
    """What happened to a person concerns each organization they belong to."""
    for organization_id in user.memberships.order_by("id").values_list("organization_id", flat=True):
        audit.record(
            actor=Actor(organization_id, None, by.id if by else None, source=source),
            event=event,
            resource_type="user",
            resource_id=user.id,
            resource_name=str(user),
            changes=changes,
        )


@transaction.atomic
def first_start(*, email: str, password: str, key: str = "") -> tuple[User, str]:
    """The first organization, its owner and a key."""
    organization = create_organization(name="My organization")
    user = create_user(email=email, password=password, name="Operator")
    add_member(organization=organization, user=user, role=Role.OWNER)
    _, text = create_api_key(organization=organization, user=user, name="first key", key=key)
    return user, text
