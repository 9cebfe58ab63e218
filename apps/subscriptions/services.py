"""Subscribing, to triggers and to Junction's own events; switching off and on; ending; new signing secrets."""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from apps.accounts.models import EndUser
from apps.audit.services import record
from apps.connectors.models import Connector
from apps.connectors.resolve import find_component, find_version
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.core.errors import ConflictError, DomainError, ValidationError
from apps.core.webhooks import read_url
from apps.events.services import emit
from apps.inbound import listeners
from apps.subscriptions import secrets
from apps.subscriptions.models import Delivery, Interest, Subscription
from apps.subscriptions.secrets import Secrets
from apps.work import services as work
from apps.work.models import Lane

WORK = "deliveries"
MAX_PATTERNS = 50
PATTERN = re.compile(r"\*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?")


def subscribe(
    *,
    actor: Actor,
    connector: Connector,
    trigger: object,
    end_user: EndUser,
    version: object = None,
    credential_id: object = None,
    url: object = None,
    variables: object = None,
    needs_url: bool = False,
) -> Subscription:
    """An end user's subscription to a trigger, registered with the provider when this returns.

    Must not stand in a transaction. What the provider refuses is not kept. Raises DomainErrors.
    """
    actor.require(Verb.EDIT)
    if not connector.enabled:
        raise ConflictError(f"The connector {connector.name} is disabled.", field="connector")
    chosen = find_version(connector, version)
    component = find_component(connector, trigger, kind="trigger")
    credential = listeners.credential_for(
        end_user, connector=connector, version=chosen, trigger=component, credential_id=credential_id
    )
    address = read_url(url, needed=needs_url)
    values = {} if variables is None else variables
    if not isinstance(values, Mapping):
        raise ValidationError("variables must be an object.", field="variables")
    with transaction.atomic():
        listener = listeners.add_listener(
            organization_id=actor.organization_id, version=chosen, trigger=component, variables=values,
            end_user=end_user, connection=credential,
        )  # fmt: skip
        subscription = _new(actor, url=address, name=str(component.component)[:200])
        subscription.listener, subscription.end_user = listener, end_user
        subscription.save(force_insert=True)
        _note(actor, subscription, "create")
    try:
        listeners.register(listener)
    except DomainError:
        with transaction.atomic():
            subscription.delete()
            listeners.drop_listener(listener)
        raise
    return subscription


@transaction.atomic
def subscribe_to_events(
    *, actor: Actor, url: object, patterns: Sequence[Any], name: str = "", secret: object = None
) -> Subscription:
    """To what happens in Junction: `execution.failed`, `connection.*`, `*`."""
    actor.require(Verb.EDIT)
    subscription = _new(actor, url=read_url(url, needed=True), name=name, secret=secret)
    subscription.save(force_insert=True)
    _set_interests(subscription, patterns)
    _note(actor, subscription, "create")
    return subscription


def _new(actor: Actor, *, url: str, name: str, secret: object = None) -> Subscription:
    subscription = Subscription(organization_id=actor.organization_id, url=url, name=name)
    text = secrets.new_secret() if secret is None else secrets.read_secret(secret)
    secrets.seal(subscription, Secrets(current=text))
    return subscription


def _set_interests(subscription: Subscription, patterns: Sequence[Any]) -> None:
    if not patterns or len(patterns) > MAX_PATTERNS:
        raise ValidationError(f"events must name 1 to {MAX_PATTERNS} types of events.", field="events")
    for index, pattern in enumerate(patterns):
        if not isinstance(pattern, str) or len(pattern) > 100 or not PATTERN.fullmatch(pattern):
            message = f"events[{index}] must be a type of events such as execution.failed, connection.* or *."
            raise ValidationError(message, field=f"events[{index}]")
    Interest.objects.filter(subscription=subscription).delete()
    Interest.objects.bulk_create(
        Interest(organization_id=subscription.organization_id, subscription=subscription, pattern=pattern)
        for pattern in sorted(set(patterns))
    )


@transaction.atomic
def change_subscription(*, actor: Actor, subscription: Subscription, **fields: Any) -> Subscription:
    """`fields`: url, name, and events of one that has no trigger."""
    actor.require(Verb.EDIT)
    if "url" in fields:
        subscription.url = read_url(fields["url"], needed=subscription.listener_id is None)
    if "name" in fields:
        subscription.name = fields["name"]
    if "events" in fields:
        if subscription.listener_id is not None:
            raise ValidationError("events cannot be set: this subscription is to a trigger.", field="events")
        _set_interests(subscription, fields["events"])
    subscription.save(update_fields=["url", "name", "updated_at"])
    _note(actor, subscription, "update")
    return subscription


@transaction.atomic
def end_subscription(*, actor: Actor, subscription: Subscription) -> None:
    """Gone at once, with its deliveries; a push that is on its way is let go. A worker tells the provider."""
    actor.require(Verb.DELETE)
    listener = subscription.listener
    _note(actor, subscription, "delete")
    work.drop_target(kind=WORK, target_id=subscription.id)
    Delivery.objects.filter(subscription=subscription).delete()
    subscription.delete()
    if listener is not None:
        listeners.end_listener(listener)


@transaction.atomic
def rotate_secret(*, actor: Actor, subscription: Subscription, secret: object = None) -> str:
    """The new secret, which is shown this once; for a day both sign."""
    actor.require(Verb.EDIT)
    text = secrets.new_secret() if secret is None else secrets.read_secret(secret)
    row = Subscription.objects.select_for_update().get(pk=subscription.pk)
    secrets.seal(row, secrets.rotated(secrets.unseal(row), text))
    row.save(update_fields=["secret", "updated_at"])
    _note(actor, row, "update", [{"fieldPath": "secret", "oldValue": "******", "newValue": "******"}])
    return text


@transaction.atomic
def enable(*, actor: Actor, subscription: Subscription) -> None:
    """What was given up meanwhile stays so until it is replayed."""
    actor.require(Verb.EDIT)
    rows = Subscription.objects.filter(pk=subscription.pk)
    rows.update(enabled=True, reason="", disabled_at=None, failing_since=None, rest_until=None)
    subscription.refresh_from_db()
    _note(actor, subscription, "update", [{"fieldPath": "enabled", "oldValue": False, "newValue": True}])


@transaction.atomic
def disable(*, actor: Actor, subscription: Subscription) -> None:
    actor.require(Verb.EDIT)
    switch_off(subscription.id, organization_id=subscription.organization_id, reason="switched off by hand")
    subscription.refresh_from_db()
    _note(actor, subscription, "update", [{"fieldPath": "enabled", "oldValue": True, "newValue": False}])


def switch_off(subscription_id: uuid.UUID, *, organization_id: uuid.UUID, reason: str) -> None:
    """In the caller's transaction: what waits becomes dead letters, and whoever listens is told."""
    rows = Subscription.objects.filter(pk=subscription_id, enabled=True)
    if not rows.update(enabled=False, reason=reason[:300], disabled_at=clock.now()):
        return
    waiting = Delivery.objects.filter(subscription_id=subscription_id, state=Delivery.State.PENDING)
    given_up = waiting.update(state=Delivery.State.FAILED, message=f"The subscription was disabled: {reason}"[:300])
    emit(
        organization_id=organization_id, type="subscription.disabled", subject_kind="subscription",
        subject_id=subscription_id, data={"reason": reason, "deliveriesGivenUp": given_up},
    )  # fmt: skip


def wake(subscription_ids: Sequence[uuid.UUID], *, organization_id: uuid.UUID) -> None:
    """In the caller's transaction: these have something to deliver."""
    work.ensure_many(
        kind=WORK, lane=Lane.DELIVERIES, organization_id=organization_id, target_ids=list(subscription_ids)
    )


def _note(actor: Actor, row: Subscription, event: str, changes: list[dict[str, Any]] | None = None) -> None:
    record(
        actor=actor, event=event, resource_type="subscription", resource_id=row.id, resource_name=str(row),
        changes=changes,
    )  # fmt: skip
