"""For which organization a signed-in person looks at the console, and as whom. Found once a request.

The surprise: the session only holds a wish. Membership is read again at every request, so a removal works at once.
"""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from apps.accounts.models import Membership, Organization, User
from apps.accounts.services import find_actor
from apps.core.actors import Actor
from apps.core.errors import NotFoundError
from apps.core.ids import parse_id

CHOSEN = "organization"  # the session's key
_MEMO = "_console_seat"


@dataclass(frozen=True)
class Seat:
    user: User
    actor: Actor
    organization: Organization
    organizations: tuple[Organization, ...]  # all that the person belongs to


def seat_of(request: HttpRequest) -> Seat | None:
    """None for a stranger, and for a person who belongs to no organization."""
    if not hasattr(request, _MEMO):
        setattr(request, _MEMO, _find(request))
    seat: Seat | None = getattr(request, _MEMO)
    return seat


def actor_of_request(request: HttpRequest) -> Actor | None:
    seat = seat_of(request)
    return seat.actor if seat else None


def require_actor(request: HttpRequest) -> Actor:
    actor = actor_of_request(request)
    if actor is None:
        raise PermissionDenied("You belong to no organization.")
    return actor


def choose_organization(request: HttpRequest, text: str) -> Organization:
    """Raises NotFoundError for one that the person does not belong to."""
    seat, wanted = seat_of(request), parse_id(text)
    for organization in seat.organizations if seat else ():
        if organization.id == wanted:
            request.session[CHOSEN] = organization.hex_id
            return organization
    raise NotFoundError(f"You belong to no organization {text}.")


def _find(request: HttpRequest) -> Seat | None:
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        return None
    rows = Membership.objects.filter(user=user).select_related("organization").order_by("id")
    organizations = tuple(row.organization for row in rows)
    if not organizations:
        return None
    wish = parse_id(request.session.get(CHOSEN))
    organization = next((found for found in organizations if found.id == wish), organizations[0])
    actor = find_actor(user_id=user.id, organization_id=organization.id, source="ui")
    return Seat(user, actor, organization, organizations) if actor else None
