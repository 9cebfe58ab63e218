"""Signed links that answer an approval for the one person they were mailed to.

The surprise: a link is good for one person and one answer, yet it is no more than a key to a page that asks: programs
that open every link in a mail change nothing.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core import signing

from apps.automations.approvals.models import Approval
from apps.core.errors import DomainError, NotFoundError
from apps.core.ids import hex24, parse_id

SALT = "approvals"
LIFE = timedelta(days=14)
WORDS = {"approve": True, "reject": False}
LONGEST = 500


class LinkExpiredError(DomainError):
    """The link was good once."""

    status = 410
    code = "gone"


@dataclass(frozen=True)
class Ticket:
    approval_id: uuid.UUID
    user_id: uuid.UUID
    approve: bool


def address(approval: Approval, *, user_id: uuid.UUID, approve: bool) -> str:
    """Empty where nobody has said under which address this installation is reached."""
    if not settings.PUBLIC_URL:
        return ""
    return f"{settings.PUBLIC_URL}/approvals/{seal(approval, user_id=user_id, approve=approve)}"


def seal(approval: Approval, *, user_id: uuid.UUID, approve: bool) -> str:
    word = "approve" if approve else "reject"
    return signing.dumps([hex24(approval.id), hex24(user_id), word], salt=SALT)


def read(token: str) -> Ticket:
    """Raises NotFoundError for what we have not sealed, LinkExpiredError for what is too old."""
    if len(token) > LONGEST:
        raise NotFoundError("There is nothing at this address.")
    try:
        approval, user, word = signing.loads(token, salt=SALT, max_age=LIFE)
    except signing.SignatureExpired:
        raise LinkExpiredError("This link has died. Answer on the console, or ask for it to be asked again.") from None
    except (signing.BadSignature, ValueError):
        raise NotFoundError("There is nothing at this address.") from None
    approval_id, user_id = parse_id(approval), parse_id(user)
    if approval_id is None or user_id is None or word not in WORDS:
        raise NotFoundError("There is nothing at this address.")
    return Ticket(approval_id, user_id, WORDS[word])
