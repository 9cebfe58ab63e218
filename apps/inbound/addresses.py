"""The addresses that providers call: one a connector and organization, and below it one of each listener's own."""

import uuid
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.connectors.models import Connector
from apps.core.errors import ValidationError
from apps.core.ids import hex24, parse_id
from apps.inbound.models import Hook, Listener
from apps.inbound.secrets import new_token

MAX_TOKEN = 64


def hook_of(connector: Connector, *, organization_id: uuid.UUID) -> Hook:
    """Made when first asked for. An organization's own connector may have a token already; the library's are no
    address of their own: whose notification it were, nobody could tell."""
    found = Hook.objects.filter(organization_id=organization_id, connector=connector).first()
    if found is not None:
        return found
    own = connector.organization_id == organization_id
    token = (getattr(connector, "hook_token", "") or "") if own else ""
    try:
        with transaction.atomic():
            return Hook.objects.create(organization_id=organization_id, connector=connector, token=token or new_token())
    except IntegrityError:
        return Hook.objects.get(organization_id=organization_id, connector=connector)


def find_hook(token: str) -> Hook | None:
    """By its token, or by the one of an organization's own connector that nothing has arrived at before."""
    if not 0 < len(token) <= MAX_TOKEN or "\0" in token:
        return None
    found = Hook.objects.filter(token=token).select_related("connector").first()
    if found is not None or not hasattr(Connector, "hook_token"):
        return found
    rows: Any = Connector.objects.filter(organization__is_system=False)
    connector = rows.filter(hook_token=token).first()
    return hook_of(connector, organization_id=connector.organization_id) if connector else None


def find_listener(hook: Hook, text: str) -> Listener | None:
    row_id = parse_id(text)
    return hook.listeners.filter(pk=row_id).first() if row_id else None


def hook_url(hook: Hook, listener: Listener | None = None) -> str:
    """Raises ValidationError where nobody has said under which address this installation is reached."""
    if not settings.PUBLIC_URL:
        raise ValidationError(
            "JUNCTION_PUBLIC_URL is not set, so there is no address that a provider could call.", code="no_public_url"
        )
    base = f"{settings.PUBLIC_URL}/hooks/{hook.token}"
    return f"{base}/{hex24(listener.id)}" if listener else base
