"""What may be done to customers' people, their groups, and who is in which."""

import re
import uuid
from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.models import EndUser, Group, GroupMembership
from apps.audit import services as audit
from apps.core.actors import Actor, Verb
from apps.core.errors import ConflictError, NotFoundError, ValidationError
from apps.core.ids import parse_id

EMAIL = re.compile(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+")


def create_end_user(*, actor: Actor, external_id: str, email: str | None = None, name: str | None = None) -> EndUser:
    actor.require(Verb.EDIT)
    if not external_id.strip():
        raise ValidationError("userId must not be blank.", field="userId")
    row = EndUser(
        organization_id=actor.organization_id, external_id=external_id, email=read_email(email), name=name or ""
    )
    rows = EndUser.objects.filter(organization_id=actor.organization_id)
    with transaction.atomic():
        if rows.filter(external_id=external_id).exists():
            raise _taken_id(external_id)
        _save(row, update=None)
        audit.record(
            actor=actor, event="create", resource_type="enduser", resource_id=row.id, resource_name=external_id
        )
    return row


def change_end_user(*, actor: Actor, end_user: EndUser, **fields: Any) -> EndUser:
    """`fields`: email, name."""
    actor.require(Verb.EDIT)
    before = {"email": end_user.email, "name": end_user.name}
    if "email" in fields:
        end_user.email = read_email(fields["email"])
    if "name" in fields:
        end_user.name = fields["name"] or ""
    after = {"email": end_user.email, "name": end_user.name}
    with transaction.atomic():
        _save(end_user, update=["email", "name", "updated_at"])
        audit.record(
            actor=actor,
            event="update",
            resource_type="enduser",
            resource_id=end_user.id,
            resource_name=end_user.external_id,
            changes=audit.changes_between(before, after),
        )
    return end_user


@transaction.atomic
def delete_end_user(*, actor: Actor, end_user: EndUser) -> None:
    """With their credentials and memberships."""
    actor.require(Verb.DELETE)
    audit.record(
        actor=actor,
        event="delete",
        resource_type="enduser",
        resource_id=end_user.id,
        resource_name=end_user.external_id,
    )
    end_user.delete()


def read_email(text: str | None) -> str | None:
    """Nothing is no e-mail, however often it is repeated."""
    email = (text or "").strip()
    if email and not EMAIL.fullmatch(email):
        raise ValidationError("email must be an e-mail address.", field="email")
    return email or None


def _save(row: EndUser, *, update: list[str] | None) -> None:
    try:
        with transaction.atomic():
            row.save(update_fields=update, force_insert=update is None)
    except IntegrityError:
        others = EndUser.objects.filter(organization_id=row.organization_id).exclude(pk=row.pk)
        if row.email and others.filter(email__iexact=row.email).exists():
            raise ConflictError(f"Another user has the e-mail {row.email}.", field="email") from None
        raise _taken_id(row.external_id) from None


def _taken_id(external_id: str) -> ConflictError:
    return ConflictError(f"A user with the id {external_id} exists already.", field="userId")


# Groups


def find_group(text: object, *, organization_id: uuid.UUID) -> Group:
    """By id, else by name."""
    rows = Group.objects.filter(organization_id=organization_id)
    row_id = parse_id(text)
    found = rows.filter(pk=row_id).first() if row_id else None
    if found is None and isinstance(text, str) and "\0" not in text:
        found = rows.filter(name=text).first()
    if found is None:
        raise NotFoundError(f"Group {text} was not found.", field="groupId")
    return found


def create_group(
    *, actor: Actor, name: str, source: str = Group.Source.LOCAL, authorization: dict[str, Any] | None = None
) -> Group:
    actor.require(Verb.EDIT)
    row = Group(
        organization_id=actor.organization_id,
        name=name,
        source=source,
        authorization=authorization or {},
        created_by_id=actor.user_id,
        updated_by_id=actor.user_id,
    )
    with transaction.atomic():
        _save_group(row, update=None)
        _note(actor, "create", row)
    return row


def change_group(*, actor: Actor, group: Group, **fields: Any) -> Group:
    """`fields`: name, source, authorization."""
    actor.require(Verb.EDIT)
    before = {name: getattr(group, name) for name in fields}
    for name, value in fields.items():
        setattr(group, name, value)
    group.updated_by_id = actor.user_id
    with transaction.atomic():
        _save_group(group, update=[*fields, "updated_by", "updated_at"])
        _note(actor, "update", group, changes=audit.changes_between(before, fields))
    return group


@transaction.atomic
def delete_group(*, actor: Actor, group: Group) -> None:
    actor.require(Verb.DELETE)
    _note(actor, "delete", group)
    group.delete()


def _save_group(row: Group, *, update: list[str] | None) -> None:
    try:
        with transaction.atomic():
            row.save(update_fields=update, force_insert=update is None)
    except IntegrityError:
        raise ConflictError(f"A group named {row.name} exists already.", field="name") from None


# Memberships


def find_membership(group: Group, end_user: EndUser) -> GroupMembership:
    found = GroupMembership.objects.filter(group=group, end_user=end_user).first()
    if found is None:
        raise NotFoundError(f"User {end_user.external_id} is not in the group {group.name}.", field="userId")
    return found


def add_to_group(*, actor: Actor, group: Group, end_user: EndUser, role: str) -> GroupMembership:
    actor.require(Verb.EDIT)
    row = GroupMembership(
        organization_id=group.organization_id,
        group=group,
        end_user=end_user,
        role=role,
        created_by_id=actor.user_id,
        updated_by_id=actor.user_id,
    )
    with transaction.atomic():
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            raise ConflictError(
                f"User {end_user.external_id} is in the group {group.name} already.", field="userId"
            ) from None
        _note(actor, "update", group, changes=[{"fieldPath": f"members.{end_user.external_id}", "newValue": role}])
    return row


@transaction.atomic
def change_role(*, actor: Actor, membership: GroupMembership, role: str) -> GroupMembership:
    actor.require(Verb.EDIT)
    before, membership.role, membership.updated_by_id = membership.role, role, actor.user_id
    membership.save(update_fields=["role", "updated_by", "updated_at"])
    change = {"fieldPath": f"members.{membership.end_user.external_id}", "oldValue": before, "newValue": role}
    _note(actor, "update", membership.group, changes=[change])
    return membership


@transaction.atomic
def remove_from_group(*, actor: Actor, membership: GroupMembership) -> None:
    actor.require(Verb.EDIT)
    change = {"fieldPath": f"members.{membership.end_user.external_id}", "oldValue": membership.role}
    _note(actor, "update", membership.group, changes=[change])
    membership.delete()


def _note(actor: Actor, event: str, group: Group, *, changes: list[dict[str, Any]] | None = None) -> None:
    audit.record(
        actor=actor,
        event=event,
        resource_type="group",
        resource_id=group.id,
        resource_name=group.name,
        changes=changes,
    )
