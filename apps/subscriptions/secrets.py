"""Signing secrets as Standard Webhooks writes them (`whsec_…`). After a rotation the old one signs too, for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.core import clock, vault
from apps.core.webhooks import new_secret, read_secret
from apps.subscriptions.models import Subscription

PURPOSE = "subscription"
OVERLAP = timedelta(hours=24)
__all__ = ["Secrets", "new_secret", "read_secret", "rotated", "seal", "unseal"]


@dataclass(frozen=True)
class Secrets:
    current: str
    previous: str = ""
    previous_until: str = ""

    def signing(self, moment: datetime) -> list[str]:
        if self.previous and datetime.fromisoformat(self.previous_until) > moment:
            return [self.current, self.previous]
        return [self.current]


def seal(subscription: Subscription, found: Secrets) -> None:
    subscription.secret = vault.encrypt_json(found.__dict__, purpose=PURPOSE, row=subscription.id)


def unseal(subscription: Subscription) -> Secrets:
    found: Any = vault.decrypt_json(bytes(subscription.secret), purpose=PURPOSE, row=subscription.id)
    return Secrets(**found)


def rotated(old: Secrets, new: str) -> Secrets:
    until = clock.now() + OVERLAP
    return Secrets(current=new, previous=old.current, previous_until=until.isoformat())
