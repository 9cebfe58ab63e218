"""Addresses that start one thing of an upper app: setting and dropping them, and handing over what comes to them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.core.errors import ValidationError
from apps.core.ids import hex24
from apps.inbound import targets
from apps.inbound.declared import Inlet, read_inlet
from apps.inbound.models import DirectHook
from apps.inbound.reading import dedupe_key, provider_id, shown_headers, shown_query
from apps.inbound.secrets import hook_secrets, new_token, seal_hook
from apps.inbound.targets import Answer, Arrival
from apps.inbound.verification import Incoming

MAX_TOKEN = 64
MOST_SECRETS = 5


@dataclass(frozen=True)
class DirectAddress:
    """What is behind a direct hook's address, remembered for some seconds."""

    hook: DirectHook
    inlet: Inlet
    secrets: tuple[str, ...]
    until: float


def set_hook(
    *, organization_id: uuid.UUID, target_kind: str, target_id: uuid.UUID, config: Mapping[str, Any], at: str = "config"
) -> DirectHook:
    """Makes or changes the one address of a target, in the caller's transaction; its address and secrets stay.

    Raises ValidationError naming what is wrong with `config`, below `at`.
    """
    read_inlet(config, at=at)
    hook, created = DirectHook.objects.select_for_update().get_or_create(
        target_kind=target_kind, target_id=target_id,
        defaults={"organization_id": organization_id, "token": new_token(), "config": dict(config)},
    )  # fmt: skip
    if not created and hook.config != config:
        hook.config = dict(config)
        hook.save(update_fields=["config", "updated_at"])
    return hook


def drop_hook(*, target_kind: str, target_id: uuid.UUID) -> None:
    DirectHook.objects.filter(target_kind=target_kind, target_id=target_id).delete()


@transaction.atomic
def set_secrets(hook: DirectHook, texts: list[str]) -> None:
    """Any of them will do, so that one can be changed without a gap. Raises ValidationError."""
    if len(texts) > MOST_SECRETS:
        raise ValidationError(f"secrets may be at most {MOST_SECRETS}.", field="secrets")
    seal_hook(hook, texts)
    hook.save(update_fields=["secret", "updated_at"])


def find(token: str) -> DirectHook | None:
    if not 0 < len(token) <= MAX_TOKEN or "\0" in token:
        return None
    return DirectHook.objects.filter(token=token).first()


def open_hook(hook: DirectHook, *, until: float) -> DirectAddress:
    return DirectAddress(hook, read_inlet(hook.config), tuple(hook_secrets(hook)), until)


def direct_url(hook: DirectHook) -> str:
    """Raises ValidationError where nobody has said under which address this installation is reached."""
    if not settings.PUBLIC_URL:
        raise ValidationError(
            "JUNCTION_PUBLIC_URL is not set, so there is no address that anybody could call.", code="no_public_url"
        )
    return f"{settings.PUBLIC_URL}/hooks/{hook.token}"


def take(incoming: Incoming, address: DirectAddress) -> Answer:
    """What was verified, to whoever registered its kind."""
    hook, inlet = address.hook, address.inlet
    named = dedupe_key(provider_id(incoming, inlet), listener_id=None)
    arrival = Arrival(
        hook=hook,
        method=incoming.method,
        headers=shown_headers(incoming, inlet),
        query=shown_query(incoming, inlet),
        body=incoming.content,
        cause=cause_of(hook, named) if named else None,
    )
    target = targets.get(hook.target_kind)
    return target.respond(arrival) if inlet.sync else target.accept(arrival)


def cause_of(hook: DirectHook, named: str) -> str:
    """At most 200 characters: a long id goes by its digest."""
    text = f"hook:{hex24(hook.id)}:{named.removeprefix('-:')}"
    return text if len(text) <= 200 else f"hook:{hex24(hook.id)}:{uuid.uuid5(uuid.NAMESPACE_OID, named).hex}"
