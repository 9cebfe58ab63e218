"""One API key, four spellings: `Authorization: Bearer` or `Token`, and the headers `api_key` and `api-key`.

The surprise: nothing is remembered between calls. A key costs one indexed query, and is dead the moment it is revoked.
Must import nothing from rest_framework.views, which imports this module by way of the settings.
"""

from dataclasses import dataclass
from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.services import actor_of_key
from apps.core.actors import Actor

SCHEMES = ("bearer", "token")
HEADERS = ("HTTP_API_KEY",)  # both spellings arrive under this name
MAX_KEY = 500


@dataclass(frozen=True)
class Caller:
    """What stands in `request.user`: an actor that has come with a valid key."""

    actor: Actor
    is_authenticated: bool = True
    is_active: bool = True

    @property
    def pk(self) -> Any:
        return self.actor.user_id


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Caller, str] | None:
        key = read_key(request)
        if key is None:
            return None
        actor = actor_of_key(key) if 0 < len(key) <= MAX_KEY else None
        if actor is None:
            raise AuthenticationFailed("The API key is not valid.")
        request._request.actor = actor  # type: ignore[attr-defined]
        return Caller(actor), "key"

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def read_key(request: Request) -> str | None:
    scheme, _, key = get_authorization_header(request).partition(b" ")
    if scheme.decode("latin-1").lower() in SCHEMES:
        return key.decode("latin-1").strip()
    for header in HEADERS:
        if header in request.META:
            return str(request.META[header]).strip()
    return None
