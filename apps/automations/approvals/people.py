"""Who may answer a question. One rule for every channel: asked of an actor, and of everybody who could be told."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from apps.accounts.models import Membership, User
from apps.automations.approvals.models import Approval
from apps.automations.approvals.policy import APPROVERS
from apps.core.actors import Actor, Role, Verb
from apps.core.errors import ForbiddenError

TOLD_AT_MOST = 100
NAMED_AT_MOST = 3


@dataclass(frozen=True)
class Approver:
    id: uuid.UUID
    email: str
    name: str


def require_approver(approval: Approval, *, actor: Actor, email: str) -> None:
    """Raises ForbiddenError saying why this person may not answer."""
    integration_id = approval.execution.integration_id
    actor.require(Verb.APPROVE, integration_id=integration_id)
    if actor.user_id is None:
        raise ForbiddenError("Only a person can answer this.")
    if actor.user_id == approval.requester_id:
        message = "Whoever has asked for something may not approve or reject it themselves."
        raise ForbiddenError(message, code="own_request")
    if not approval.roles and not approval.members:
        return
    if str(actor.role_at(integration_id)) in approval.roles or email.lower() in approval.members:
        return
    raise ForbiddenError(f"This is for {asked_words(approval)} to answer.", code="not_asked")


def may_answer(approval: Approval, *, actor: Actor, email: str) -> bool:
    try:
        require_approver(approval, actor=actor, email=email)
    except ForbiddenError:
        return False
    return True


def email_of(actor: Actor) -> str:
    if actor.user_id is None:
        return ""
    return User.objects.filter(pk=actor.user_id).values_list("email", flat=True).first() or ""


def approvers(approval: Approval) -> list[Approver]:
    """Everybody who may answer as things stand, by e-mail. One query."""
    integration_id = approval.execution.integration_id
    rows = Membership.objects.filter(organization_id=approval.organization_id, user__is_active=True)
    shared = Q(shares__integration_id=integration_id) if integration_id else Q(pk__in=[])
    columns = ("user_id", "user__email", "user__name", "role", "shares__integration_id", "shares__role")
    actors: dict[uuid.UUID, tuple[Actor, Approver]] = {}
    for user_id, email, name, role, folder, share in rows.filter(Q(role__in=APPROVERS) | shared).values_list(*columns):
        known = actors.get(user_id)
        shares = {**(known[0].shares if known else {}), **({folder: Role(share)} if folder else {})}
        actor = Actor(approval.organization_id, Role(role) if role else None, user_id, shares=shares)
        actors[user_id] = actor, Approver(user_id, email, name)
    found = [person for actor, person in actors.values() if may_answer(approval, actor=actor, email=person.email)]
    return sorted(found, key=lambda person: person.email)


def asked_words(approval: Approval) -> str:
    """Those that the settings name: a manage, an owner or ann@acme.example."""
    words = [f"a member with the role {role}" for role in approval.roles] + list(approval.members)
    return listed(words) if words else "anybody who may approve"


def names_of(people: Iterable[Approver]) -> str:
    """Ann, Bob, Cid or 4 others."""
    names = [person.name or person.email for person in people]
    if len(names) > NAMED_AT_MOST + 1:
        names = [*names[:NAMED_AT_MOST], f"{len(names) - NAMED_AT_MOST} others"]
    return listed(names)


def listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else ""
