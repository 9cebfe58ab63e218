"""What of a connection's document is secret, and the way in and out of the vault. Written back masked: unchanged.

The surprise: `encrypted` may hold any JSON value and is masked whole.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from apps.core import vault
from apps.core.errors import ValidationError

MASK = vault.MASK
PURPOSE = "connection"
SECRET_PATHS: dict[str, tuple[str, ...]] = {
    "http": (
        "auth.basic.password",
        "auth.token.token",
        "auth.token.refreshToken",
        "auth.oauth.clientSecret",
        "auth.oauth.password",
        "encrypted",
        "clientCertificates.key",
        "clientCertificates.passphrase",
        "clientCertificates.pfx",
    ),
    "rdbms": (
        "password",
        "key",
        "passphrase",
        "ssl.ca",
        "ssl.key",
        "ssl.cert",
        "ssl.passphrase",
        "bigquery.privateKey",
        "redshift.aws.secretAccessKey",
    ),
    "filesystem": (),
    "ftp": ("password", "authKey", "passphrase", "pgpDecryptKey", "pgpPassphrase"),
    "s3": ("secretAccessKey",),
    "email": ("password",),
    "webhook": ("token", "key", "password"),  # of an export that listens
}
# In documents of types without a table, which are only kept.
_SECRET_NAME = re.compile(
    r"pass(word|phrase)|secret|token|(?<!un)encrypted|private_?key|auth_?key|certificate", re.IGNORECASE
)
_OF_A_SECRET = re.compile(r"(uri|url|path|param|location|method|type|name|scheme)$", re.IGNORECASE)  # not one itself


def seal(
    document: Mapping[str, Any], *, type: str, connection_id: uuid.UUID, previous: bytes = b""
) -> tuple[dict[str, Any], bytes]:
    """The document with its secrets masked, and their envelope for this row. `previous`: the row's envelope so far."""
    masked: dict[str, Any] = deepcopy(dict(document))
    stored = _stored(previous, connection_id=connection_id) if previous else {}
    kept: dict[str, Any] = {}
    for path, holder, name in _places(masked, type):
        if holder[name] == MASK:
            if path not in stored:
                raise ValidationError(f"{path}: is masked, but no value is stored yet.", field=path)
            kept[path] = stored[path]
        else:
            kept[path] = holder[name]
        holder[name] = MASK
    sealed = vault.encrypt_json(kept, purpose=PURPOSE, row=connection_id) if kept else b""
    return masked, sealed


def unseal(document: Mapping[str, Any], secret: bytes, *, type: str, connection_id: uuid.UUID) -> dict[str, Any]:
    """The whole document, secrets in place."""
    whole: dict[str, Any] = deepcopy(dict(document))
    if not secret:
        return whole
    stored = _stored(secret, connection_id=connection_id)
    for path, holder, name in _places(whole, type):
        if path in stored:
            holder[name] = stored[path]
    return whole


def secret_texts(document: Mapping[str, Any], *, type: str) -> tuple[str, ...]:
    """Every secret text of a whole document: what recordings must not show."""
    return tuple({text for _, holder, name in _places(document, type) for text in _texts(holder[name])})


def _stored(envelope: bytes, *, connection_id: uuid.UUID) -> dict[str, Any]:
    found: dict[str, Any] = vault.decrypt_json(envelope, purpose=PURPOSE, row=connection_id)
    return found


def _places(document: Mapping[str, Any], type: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(path, object, member) of each secret that has a value. Keys for files stand beside a type's own member."""
    yield from _named_places(document.get("pgp"), path="pgp")
    if type not in SECRET_PATHS:
        yield from _named_places(document.get(type), path=type)
    for path in SECRET_PATHS.get(type, ()):
        *above, name = f"{type}.{path}".split(".")
        holder: Any = document
        for step in above:
            holder = holder.get(step) if isinstance(holder, Mapping) else None
        if isinstance(holder, dict) and holder.get(name) not in (None, ""):
            yield f"{type}.{path}", holder, name


def _named_places(value: Any, *, path: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """In documents of types we only keep: every member that is a secret by its name."""
    if isinstance(value, dict):
        for name, inner in value.items():
            secret = _SECRET_NAME.search(name) and not _OF_A_SECRET.search(name)
            if secret and inner not in (None, "") and not isinstance(inner, bool):
                yield f"{path}.{name}", value, name
            else:
                yield from _named_places(inner, path=f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _named_places(inner, path=f"{path}[{index}]")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
