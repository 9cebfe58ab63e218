"""The `secrets` of an automation: written by its author, kept sealed per version, shown as `******`."""

from collections.abc import Mapping
from typing import Any

from apps.automations.errors import fault
from apps.automations.models import AutomationVersion
from apps.core import vault

PURPOSE = "automation.secrets"


def opened(version: AutomationVersion) -> Mapping[str, Any]:
    found: Mapping[str, Any] = vault.decrypt_json(bytes(version.secrets), purpose=PURPOSE, row=version.id)
    return found


def seal(version: AutomationVersion, found: Mapping[str, Any]) -> None:
    version.secrets = vault.encrypt_json(found, purpose=PURPOSE, row=version.id) if found else b""


def masked(found: Mapping[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(found, vault.MASK)


def merged(written: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What was written, with `******` standing for what is stored. Raises ValidationError where nothing is."""
    kept = {}
    for name, value in written.items():
        if value == vault.MASK and name not in stored:
            raise fault(f"secrets.{name}", f"{vault.MASK} stands for a stored secret, but none is stored here.")
        kept[name] = stored[name] if value == vault.MASK else value
    return kept
