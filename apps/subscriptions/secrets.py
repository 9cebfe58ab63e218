"""Signing secrets as Standard Webhooks writes them (`whsec_…`). After a rotation the old one signs too, for a day."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from standardwebhooks import Webhook

from apps.core import clock, vault
from apps.core.errors import ValidationError
from apps.subscriptions.models import Subscription

PURPOSE = "subscription"
START = "whsec_"
OVERLAP = timedelta(hours=24)
LEAST_BYTES, MOST_BYTES = 24, 64


@dataclass(frozen=True)
class Secrets:
    current: str
    previous: str = ""
    previous_until: str = ""

    def signing(self, moment: datetime) -> list[str]:
        if self.previous and datetime.fromisoformat(self.previous_until) > moment:
            return [self.current, self.previous]
        return [self.current]


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


def seal(subscription: Subscription, found: Secrets) -> None:
    subscription.secret = vault.encrypt_json(found.__dict__, purpose=PURPOSE, row=subscription.id)


def unseal(subscription: Subscription) -> Secrets:
    found: Any = vault.decrypt_json(bytes(subscription.secret), purpose=PURPOSE, row=subscription.id)
    return Secrets(**found)


def rotated(old: Secrets, new: str) -> Secrets:
    until = clock.now() + OVERLAP
    return Secrets(current=new, previous=old.current, previous_until=until.isoformat())


def sign(texts: list[str], *, message_id: str, moment: datetime, body: str) -> str:
    return " ".join(Webhook(text).sign(message_id, moment, body) for text in texts)
