"""Messages signed as Standard Webhooks says: their secrets (`whsec_…`), their headers, the addresses they may go to."""

import base64
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from apps.core.errors import ValidationError

START = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
MAX_URL = 2000


def new_secret() -> str:
    return START + base64.b64encode(secrets.token_bytes(32)).decode()


def read_secret(text: Any) -> str:
    """One that a client brings. Raises ValidationError."""
    try:
        size = len(base64.b64decode(text.removeprefix(START), validate=True)) if isinstance(text, str) else 0
    except ValueError:
        size = 0
    if not LEAST_BYTES <= size <= MOST_BYTES:
        message = f"secret must be {START} and {LEAST_BYTES} to {MOST_BYTES} bytes in base64."
        raise ValidationError(message, field="secret")
    return START + str(text).removeprefix(START)


def sign(texts: Sequence[str], *, message_id: str, moment: datetime, body: str) -> str:
    return " ".join(Webhook(text).sign(message_id, moment, body) for text in texts)


def signed_headers(texts: Sequence[str], *, message_id: str, moment: datetime, body: bytes) -> dict[str, str]:
    """A repeat keeps its `webhook-id`, so that a receiver knows it for one."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "Junction",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": sign(texts, message_id=message_id, moment=moment, body=body.decode()),
    }


def read_url(value: object, *, needed: bool) -> str:
    """Raises ValidationError. Whether the address may be reached is the gateway's matter, at each push."""
    if value is None or value == "":
        if needed:
            raise ValidationError("url is required.", field="url", code="missing_required_field")
        return ""
    if not isinstance(value, str) or len(value) > MAX_URL or re.search(r"[\s\x00-\x1f]", value):
        raise ValidationError(f"url must be a text of at most {MAX_URL} characters without spaces.", field="url")
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ValidationError("url must begin with http:// or https:// and name a host.", field="url")
    return value
