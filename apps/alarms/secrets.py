"""The secrets of an alarm's channels: in the vault, masked in the document, `******` written back means unchanged."""

import uuid
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from apps.alarms.channels import CHANNELS
from apps.core import vault
from apps.core.errors import ValidationError, ValidationErrors
from apps.core.ids import hex24, new_id
from apps.core.vault import MASK
from apps.core.webhooks import new_secret

PURPOSE = "alarm"


def seal(
    document: Mapping[str, Any], *, alarm_id: uuid.UUID, old: Mapping[str, Any], envelope: bytes
) -> tuple[dict[str, Any], bytes]:
    """The document with an `_id` for each channel and its secrets masked, and their envelope.

    A channel is known by its `_id`; one written without it, by its place. A webhook without a secret gets one.
    Raises ValidationErrors for a mask that stands for nothing.
    """
    masked, stored, kept = deepcopy(dict(document)), opened(envelope, alarm_id=alarm_id), {}
    known = old.get("channels") or []
    errors: list[ValidationError] = []
    for index, channel in enumerate(masked.get("channels") or []):
        before = known[index] if index < len(known) and known[index]["type"] == channel["type"] else {}
        channel["_id"] = channel.get("_id") or before.get("_id") or hex24(new_id())
        values = {}
        for name in CHANNELS[channel["type"]].secrets:
            value = channel.get(name) or (new_secret() if name == "secret" else "")
            if value == MASK:
                value = stored.get(channel["_id"], {}).get(name)
                if value is None:
                    path = f"channels[{index}].{name}"
                    errors.append(ValidationError(f"{path}: is masked, but no value is stored yet.", field=path))
            values[name], channel[name] = value, MASK
        if values:
            kept[channel["_id"]] = values
    if errors:
        raise ValidationErrors(errors)
    return masked, vault.encrypt_json(kept, purpose=PURPOSE, row=alarm_id) if kept else b""


def unseal(document: Mapping[str, Any], envelope: bytes, *, alarm_id: uuid.UUID) -> dict[str, Any]:
    """The whole document, secrets in place. Raises VaultError."""
    whole, stored = deepcopy(dict(document)), opened(envelope, alarm_id=alarm_id)
    for channel in whole.get("channels") or []:
        channel.update(stored.get(channel.get("_id", ""), {}))
    return whole


def opened(envelope: bytes, *, alarm_id: uuid.UUID) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = vault.decrypt_json(bytes(envelope), purpose=PURPOSE, row=alarm_id)
    return found
