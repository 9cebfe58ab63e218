"""An automation's `approval` settings: who is asked, for how long, and what silence means.

They narrow who may answer and never widen it: whoever may not approve at all is refused here, by name.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.accounts.models import Membership
from apps.automations.approvals.models import Approval
from apps.core.actors import LEAST_ROLE, RANK, Role, Verb
from apps.core.errors import ValidationError

MAX_SECONDS = 366 * 24 * 3600
MAX_NAMED = 50
MAX_MESSAGE = 4000
APPROVERS = [role for role in Role if RANK[role] >= RANK[LEAST_ROLE[Verb.APPROVE]]]
SETTINGS = ("roles", "members", "timeoutSeconds", "onTimeout", "remindAfterSeconds", "message")

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "roles": {
            "type": "array",
            "maxItems": len(APPROVERS),
            "items": {"type": "string", "enum": [str(role) for role in APPROVERS]},
            "description": "Members with one of these roles may answer.",
        },
        "members": {
            "type": "array",
            "maxItems": MAX_NAMED,
            "items": {"type": "string", "maxLength": 254},
            "description": "E-mails of members who may answer, besides those with a role above.",
        },
        "timeoutSeconds": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_SECONDS},
        "onTimeout": {
            "type": "string",
            "enum": list(Approval.OnTimeout.values),
            "default": "fail",
            "description": "What becomes of the run when nobody has answered in time.",
        },
        "remindAfterSeconds": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_SECONDS},
        "message": {"type": "string", "maxLength": MAX_MESSAGE, "description": "What is asked; may be a template."},
    },
}


@dataclass(frozen=True)
class Policy:
    roles: tuple[Role, ...] = ()
    members: tuple[str, ...] = ()
    timeout_seconds: int | None = None
    on_timeout: str = Approval.OnTimeout.FAIL.value
    remind_after_seconds: int | None = None
    message: str = ""
    document: Mapping[str, Any] = field(default_factory=dict, compare=False)


def read_policy(document: Any, *, at: str = "approval") -> Policy:
    """Of the settings as they are written; None are none. Raises ValidationError naming the member."""
    if document is None:
        return Policy()
    if not isinstance(document, Mapping):
        raise ValidationError("Must be an object.", field=at)
    unknown = sorted(set(map(str, document)) - set(SETTINGS))
    if unknown:
        raise ValidationError(f"Unknown; known are {', '.join(SETTINGS)}.", field=f"{at}.{unknown[0]}")
    timeout = read_seconds(document, "timeoutSeconds", at=at)
    remind = read_seconds(document, "remindAfterSeconds", at=at)
    if timeout is not None and remind is not None and remind >= timeout:
        raise ValidationError("A reminder must come before the timeout.", field=f"{at}.remindAfterSeconds")
    on_timeout = document.get("onTimeout", Approval.OnTimeout.FAIL.value)
    if on_timeout not in Approval.OnTimeout.values:
        words = ", ".join(Approval.OnTimeout.values)
        raise ValidationError(f"Must be one of {words}.", field=f"{at}.onTimeout")
    message = document.get("message", "")
    if not isinstance(message, str) or len(message) > MAX_MESSAGE or "\0" in message:
        raise ValidationError(f"Must be a text of at most {MAX_MESSAGE} characters.", field=f"{at}.message")
    return Policy(
        roles=tuple(read_role(text, at=f"{at}.roles[{i}]") for i, text in enumerate(read_list(document, "roles", at))),
        members=tuple(
            read_email(text, at=f"{at}.members[{i}]") for i, text in enumerate(read_list(document, "members", at))
        ),
        timeout_seconds=timeout,
        on_timeout=on_timeout,
        remind_after_seconds=remind,
        message=message,
        document=dict(document),
    )


def read_list(document: Mapping[str, Any], name: str, at: str) -> list[Any]:
    found = document.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > MAX_NAMED:
        raise ValidationError(f"Must be a list of at most {MAX_NAMED}.", field=f"{at}.{name}")
    return found


def read_role(text: Any, *, at: str) -> Role:
    if not isinstance(text, str) or text not in [str(role) for role in APPROVERS]:
        words = ", ".join(APPROVERS)
        raise ValidationError(f"Must be a role that may approve: {words}.", field=at)
    return Role(text)


def read_email(text: Any, *, at: str) -> str:
    if not isinstance(text, str) or "@" not in text or len(text) > 254 or not text.isprintable():
        raise ValidationError("Must be the e-mail of a member.", field=at)
    return text.strip().lower()


def read_seconds(document: Mapping[str, Any], name: str, *, at: str) -> int | None:
    found = document.get(name)
    if found is None:
        return None
    if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found <= MAX_SECONDS:
        raise ValidationError(f"Must be a whole number from 1 to {MAX_SECONDS}.", field=f"{at}.{name}")
    return found


def check_members(policy: Policy, *, organization_id: uuid.UUID, at: str = "approval") -> None:
    """Whoever is named must be a member who may approve. One query."""
    if not policy.members:
        return
    rows = Membership.objects.filter(organization_id=organization_id, user__is_active=True)
    may = set()
    for email, role, shared in rows.values_list("user__email", "role", "shares__role"):
        if role in APPROVERS or shared in APPROVERS:
            may.add(email.lower())
    for index, email in enumerate(policy.members):
        if email not in may:
            message = f"{email} is no member who may approve here."
            raise ValidationError(message, field=f"{at}.members[{index}]")
