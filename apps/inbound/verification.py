"""The local checks of an inbound call: is it signed as declared, or a challenge? Nothing is looked up here."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from apps.core import clock
from apps.core.errors import DomainError
from apps.inbound.declared import Challenge, Security

_DIGESTS = {"hmac-sha256": hashlib.sha256, "hmac-sha1": hashlib.sha1, "hmac-sha512": hashlib.sha512}
_TIME = re.compile(r"\d{1,12}\Z", re.ASCII)


class NotVerifiedError(DomainError):
    status = 401
    code = "not_verified"


@dataclass(frozen=True)
class Incoming:
    """`headers` have small letters; `body` is as it was sent, `content` what it says."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    content: Any


def verify(incoming: Incoming, security: Security, secrets: Sequence[str]) -> None:
    """Raises NotVerifiedError. Any of the secrets will do."""
    if security.type == "none":
        return
    if not secrets:
        raise NotVerifiedError("No secret is set for this address, so nothing can be verified.")
    if security.type == "token":
        _verify_token(incoming, security, secrets)
    elif security.type == "basic":
        given = _shown(incoming.headers.get("authorization", ""), "Basic ")
        _require(_one_of(given, (base64.b64encode(text.encode()).decode() for text in secrets)), "name or password")
    elif security.type == "standardwebhooks":
        _require(any(_standard(incoming, text) for text in secrets), "signature or its time")
    else:
        _verify_hmac(incoming, security, secrets)


def challenge_answer(incoming: Incoming, challenge: Challenge | None, secrets: Sequence[str]) -> str | None:
    """What to echo, None for a call that is no challenge. Raises NotVerifiedError where its own token is wrong."""
    if challenge is None:
        return None
    places: dict[str, Mapping[str, Any]] = {
        "query": incoming.query,
        "header": incoming.headers,
        "body": incoming.content if isinstance(incoming.content, dict) else {},
    }
    name = challenge.name.lower() if challenge.place == "header" else challenge.name
    found = places[challenge.place].get(name)
    if not isinstance(found, str) or not found:
        return None
    if challenge.token:
        _require(_one_of(incoming.query.get(challenge.token, ""), secrets), challenge.token)
    return found[:4000]


def _verify_token(incoming: Incoming, security: Security, secrets: Sequence[str]) -> None:
    if security.header:
        given = _shown(incoming.headers.get(security.header.lower(), ""), security.prefix)
    else:
        given = incoming.query.get(security.query, "")
    _require(_one_of(given, secrets), "token")


def _verify_hmac(incoming: Incoming, security: Security, secrets: Sequence[str]) -> None:
    header = incoming.headers.get(security.header.lower(), "")
    timestamp = incoming.headers.get(security.timestamp.lower(), "") if security.timestamp else ""
    given = [_shown(part, security.prefix) for part in header.split(" ")] if security.prefix else [header]
    if security.fields:
        members = [part.strip().partition("=") for part in header.split(",")]
        named = security.fields.get("signature", "v1")
        given = [value for name, _, value in members if name == named]
        if "timestamp" in security.fields:
            timestamp = next((value for name, _, value in members if name == security.fields["timestamp"]), "")
    if "{timestamp}" in security.signed or timestamp:
        _check_time(timestamp, security.tolerance)
    before, _, after = security.signed.replace("{timestamp}", timestamp).partition("{body}")
    signed = before.encode() + incoming.body + after.encode()
    expected = [
        _encoded(hmac.new(text.encode(), signed, _DIGESTS[security.type]).digest(), security) for text in secrets
    ]
    _require(any(_one_of(one, expected) for one in given if one), "signature")


def _check_time(text: str, tolerance: int) -> None:
    """An old call that somebody has kept must not count again."""
    near = _TIME.match(text) and abs(clock.now().timestamp() - int(text)) <= tolerance
    _require(bool(near), "time of the signature")


def _standard(incoming: Incoming, secret: str) -> bool:
    try:
        Webhook(secret).verify(incoming.body, dict(incoming.headers), json_parse=False)
    except (WebhookVerificationError, ValueError, RuntimeError, binascii.Error):
        return False
    return True


def _encoded(digest: bytes, security: Security) -> str:
    return digest.hex() if security.encoding == "hex" else base64.b64encode(digest).decode()


def _shown(text: str, prefix: str) -> str:
    """What stands behind the prefix; nothing where it is missing."""
    return text[len(prefix) :].strip() if text.startswith(prefix) else ""


def _one_of(given: str, expected: Iterable[str]) -> bool:
    """All are compared, each in constant time."""
    found = False
    for text in expected:
        found |= bool(given) and hmac.compare_digest(given.encode(), text.encode())
    return found


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise NotVerifiedError(f"The {what} of this call is missing or wrong.")
