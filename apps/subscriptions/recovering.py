"""Whether a subscriber that lost deliveries takes them again: asked by alarms."""

import uuid
from collections.abc import Collection
from datetime import datetime

from apps.subscriptions.models import Delivery

LOOKED_AT = 100  # of a subscription's newest deliveries


def recovered(organization_id: uuid.UUID, ids: Collection[uuid.UUID], since: datetime) -> set[uuid.UUID]:
    """Those subscriptions of which one of the newest deliveries has arrived since."""
    found = set()
    for subscription_id in ids:
        newest = Delivery.objects.filter(organization_id=organization_id, subscription_id=subscription_id)
        seen = newest.order_by("-event_id").values_list("delivered_at", flat=True)[:LOOKED_AT]
        if any(delivered_at is not None and delivered_at > since for delivered_at in seen):
            found.add(subscription_id)
    return found
