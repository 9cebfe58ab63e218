"""Secrets of inbound addresses and listeners: sealed for their row, made where the caller brings none."""

import secrets
from typing import Any

from apps.core import vault
from apps.inbound.models import DirectHook, Hook, Listener

HOOK, DIRECT, LISTENER = "inbound.hook", "inbound.direct", "inbound.listener"


def new_secret() -> str:
    return secrets.token_hex(32)


def new_token() -> str:
    return secrets.token_urlsafe(24)


def seal_hook(hook: Hook | DirectHook, texts: list[str]) -> None:
    hook.secret = vault.encrypt_json(texts, purpose=purpose_of(hook), row=hook.id) if texts else b""


def hook_secrets(hook: Hook | DirectHook) -> list[str]:
    """All of them count, so that a provider's secret can be changed without a gap."""
    found: Any = vault.decrypt_json(bytes(hook.secret), purpose=purpose_of(hook), row=hook.id)
    return list(found)


def purpose_of(hook: Hook | DirectHook) -> str:
    return HOOK if isinstance(hook, Hook) else DIRECT


def seal_listener(listener: Listener, text: str) -> None:
    listener.secret = vault.encrypt_json(text, purpose=LISTENER, row=listener.id) if text else b""


def listener_secret(listener: Listener) -> str:
    if not listener.secret:
        return ""
    return str(vault.decrypt_json(bytes(listener.secret), purpose=LISTENER, row=listener.id))
