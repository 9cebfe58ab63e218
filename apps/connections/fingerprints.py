"""What tells whether a connection is still the same: where it leads, as whom, by which secrets.

The surprise: a token that was only renewed leaves the fingerprint as it was; so do its name, limits and health.
"""

import hashlib
import hmac
from typing import Any

import orjson
from django.conf import settings

from apps.connections.models import Connection
from apps.connections.secrets import unseal

RENEWED = ("accessToken", "refreshToken", "expiresAt", "tokenType", "freshUntil", "token")


def connection_fingerprint(row: Connection) -> str:
    """`row.security` and its connector's default version count too. Keyed, since secrets are in it."""
    whole = unseal(row.document, bytes(row.secret), type=row.type, connection_id=row.id)
    security = row.security.document if row.security else None
    version = str(row.connector.default_version_id) if row.connector else None
    return digest_of([row.type, without_tokens(whole), str(row.security_id), security, version])


def without_tokens(whole: dict[str, Any]) -> dict[str, Any]:
    http = whole.get("http")
    auth = http.get("auth") if isinstance(http, dict) else None
    if not isinstance(http, dict) or not isinstance(auth, dict) or auth.get("type") != "oauth":
        return whole
    kept = {**http, "auth": {**auth, "token": bare(auth.get("token"))}, "encrypted": bare(http.get("encrypted"))}
    kept["unencrypted"] = bare(http.get("unencrypted"))
    return {**whole, "http": kept}


def bare(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: inner for name, inner in value.items() if name not in RENEWED}


def digest_of(value: Any) -> str:
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()[:32]
