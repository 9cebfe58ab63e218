"""Pushing again: one delivery, or all of a subscription whose events lie in a range of time."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.core.errors import ConflictError, ValidationError
from apps.subscriptions import services
from apps.subscriptions.models import Delivery, Subscription

AGAIN = {"state": Delivery.State.PENDING, "attempts": 0, "message": "", "status": None, "log": []}


@transaction.atomic
def replay_delivery(*, actor: Actor, delivery: Delivery) -> Delivery:
    """The same message, by the same id, with all its tries before it."""
    actor.require(Verb.RETRY)
    _require_enabled(delivery.subscription)
    rows = Delivery.objects.filter(pk=delivery.pk).exclude(state=Delivery.State.PENDING)
    if not rows.update(**AGAIN, next_at=clock.now(), replays=F("replays") + 1):
        raise ConflictError("This delivery is under way already.", code="delivery_pending")
    services.wake([delivery.subscription_id], organization_id=delivery.organization_id)
    delivery.refresh_from_db()
    return delivery


@transaction.atomic
def replay_range(*, actor: Actor, subscription: Subscription, begin: datetime, end: datetime) -> int:
    """Everything that happened from `begin` to before `end`, delivered or not; answers how many."""
    actor.require(Verb.RETRY)
    _require_enabled(subscription)
    if begin >= end:
        raise ValidationError("from must lie before to.", field="from")
    rows = Delivery.objects.filter(
        subscription=subscription, event__created_at__gte=begin, event__created_at__lt=end
    ).filter(~Q(state=Delivery.State.PENDING))
    count = rows.update(**AGAIN, next_at=clock.now(), replays=F("replays") + 1)
    if count:
        services.wake([subscription.id], organization_id=subscription.organization_id)
    return count


def _require_enabled(subscription: Subscription) -> None:
    if not subscription.enabled:
        raise ConflictError("The subscription is disabled: enable it first.", code="subscription_disabled")
    if not subscription.url:
        raise ConflictError("The subscription has no url to deliver to.", code="no_url")
