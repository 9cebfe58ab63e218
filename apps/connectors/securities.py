"""The configuration of a security: what of it is secret, and the way in and out of the vault.

A member is secret by its name (`clientSecret`, `password`, `token` …) where it holds a text; addresses and the names of
parameters are not (`tokenUrl`, `tokenName`).
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from apps.connectors.models import Security
from apps.core import vault
from apps.core.errors import ValidationError

PURPOSE = "security"
_SECRET = re.compile(r"(secret|password|passphrase|token|privatekey|secretkey|apikey|assertion)\Z")


def seal(document: Mapping[str, Any], *, security_id: uuid.UUID, previous: bytes = b"") -> tuple[dict[str, Any], bytes]:
    """The document with its secrets masked, and their envelope for this row. `previous`: the row's envelope so far."""
    masked: dict[str, Any] = deepcopy(dict(document))
    stored = vault.decrypt_json(previous, purpose=PURPOSE, row=security_id)
    kept: dict[str, Any] = {}
    for path, holder, name in _places(masked.get("config"), path="config"):
        if holder[name] == vault.MASK and path not in stored:
            raise ValidationError(f"{path}: is masked, but no value is stored yet.", field=path)
        kept[path] = stored[path] if holder[name] == vault.MASK else holder[name]
        holder[name] = vault.MASK
    return masked, vault.encrypt_json(kept, purpose=PURPOSE, row=security_id) if kept else b""


def whole_config(security: Security) -> dict[str, Any]:
    """The configuration with its secrets in place, for those who authenticate with it."""
    whole: dict[str, Any] = deepcopy(dict(security.document.get("config") or {}))
    stored = vault.decrypt_json(bytes(security.secret), purpose=PURPOSE, row=security.id)
    for path, holder, name in _places(whole, path="config"):
        if path in stored:
            holder[name] = stored[path]
    return whole


def _places(value: Any, *, path: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(path, object, member) of each secret that has a value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            at = f"{path}.{name}"
            if isinstance(inner, str) and inner and _SECRET.search(re.sub(r"[^a-z]", "", name.lower())):
                yield at, value, name
            else:
                yield from _places(inner, path=at)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, path=f"{path}[{index}]")
