"""/v1/subscriptions and /v1/deliveries: what the documents lack, in the Celigo conventions."""

from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import record
from apps.core.actors import Verb
from apps.core.errors import BadRequestError, ValidationError
from apps.core.ids import hex24, parse_id
from apps.executions.payloads import unpack
from apps.inbound.addresses import hook_url
from apps.inbound.routing import FIRED
from apps.inbound.secrets import listener_secret
from apps.subscriptions import replaying, secrets, services
from apps.subscriptions.models import Delivery, Interest, Subscription
from apps.wire.fields import (
    Document,
    FlagField,
    IdField,
    Part,
    StampField,
    TextField,
    TextsField,
    WholeField,
    WordField,
)
from apps.wire.paging import list_page
from apps.wire.stamps import read_stamp, stamp
from apps.wire.viewsets import WireViewSet, require_object

SHORT = frozenset({"_id", "createdAt"})
MASK = "******"
States = Delivery.State


class SubscriptionSerializer(Document):
    name = TextField(max_length=200)
    url = TextField()
    events = TextsField()
    secret = TextField()
    enabled = FlagField(read_only=True)


class RangeSerializer(Part):
    def get_fields(self) -> dict[str, Any]:
        return {"from": StampField(), "to": StampField()}  # `from` is a word of the language


class RotateSerializer(Part):
    secret = TextField()


class DeliverySerializer(Document):
    _subscriptionId = IdField(read_only=True)
    state = WordField(States.values, read_only=True)
    attempts = WholeField(read_only=True)


class SubscriptionViewSet(WireViewSet):
    serializer_class = SubscriptionSerializer

    def rows(self) -> Any:
        """One query for the events of all, not one a row."""
        rows = Subscription.objects.for_actor(self.actor).select_related("listener__hook", "end_user")
        return rows.prefetch_related(Prefetch("interests", Interest.objects.order_by("pattern")))

    def row(self, verb: Verb) -> Subscription:
        found: Subscription = self.rows().find(self.kwargs["_id"])
        self.actor.require(verb)
        return found

    def list(self, request: Request) -> Response:
        return list_page(self.rows(), request=request, show=show_subscription, short=SHORT)

    def retrieve(self, request: Request, _id: str) -> Response:
        """With `redact=false` the signing secret is shown, to those who may see secrets, and it is noted who did."""
        row = self.row(Verb.VIEW)
        shown = show_subscription(row)
        if request.query_params.get("redact") != "false":
            return Response(shown)
        self.actor.require(Verb.REVEAL)
        record(
            actor=self.actor, event="reveal", resource_type="subscription", resource_id=row.id, resource_name=str(row)
        )
        shown["secret"] = secrets.unseal(row).current
        if row.listener is not None and settings.PUBLIC_URL:
            shown["hookUrl"] = hook_url(row.listener.hook, row.listener)
            shown["hookSecret"] = listener_secret(row.listener)
        return Response(shown, headers={"Cache-Control": "no-store"})

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        require_object(request.data)
        body = self.body()
        row = services.subscribe_to_events(
            actor=self.actor, url=body.get("url"), patterns=body.get("events") or [], name=body.get("name", ""),
            secret=body.get("secret"),
        )  # fmt: skip
        return Response({**show_subscription(row), "secret": secrets.unseal(row).current}, status=201)

    def change(self, request: Request, _id: str) -> Response:
        row = self.row(Verb.EDIT)
        body = require_object(request.data)
        self.body()
        unknown = sorted(set(body) - {"url", "name", "events"})
        if unknown:
            raise ValidationError(f"{unknown[0]} cannot be changed here.", field=unknown[0])
        services.change_subscription(actor=self.actor, subscription=row, **body)
        return Response(show_subscription(self.row(Verb.VIEW)))

    def destroy(self, request: Request, _id: str) -> Response:
        services.end_subscription(actor=self.actor, subscription=self.row(Verb.DELETE))
        return Response(status=204)

    def enable(self, request: Request, _id: str) -> Response:
        services.enable(actor=self.actor, subscription=self.row(Verb.EDIT))
        return Response(show_subscription(self.row(Verb.VIEW)))

    def disable(self, request: Request, _id: str) -> Response:
        services.disable(actor=self.actor, subscription=self.row(Verb.EDIT))
        return Response(show_subscription(self.row(Verb.VIEW)))

    def rotate_secret(self, request: Request, _id: str) -> Response:
        row = self.row(Verb.EDIT)
        body = require_object(request.data)
        self.body(serializer=RotateSerializer)
        secret = services.rotate_secret(actor=self.actor, subscription=row, secret=body.get("secret"))
        return Response({"secret": secret}, headers={"Cache-Control": "no-store"})

    def replay(self, request: Request, _id: str) -> Response:
        row = self.row(Verb.RETRY)
        body = require_object(request.data)
        self.body(serializer=RangeSerializer)
        moments = []
        for name in ("from", "to"):
            if not body.get(name):
                raise ValidationError(f"{name} is required.", field=name, code="missing_required_field")
            moments.append(read_stamp(body[name], field=name))
        count = replaying.replay_range(actor=self.actor, subscription=row, begin=moments[0], end=moments[1])
        return Response({"numReplayed": count})


class DeliveryViewSet(WireViewSet):
    serializer_class = DeliverySerializer

    def rows(self) -> Any:
        return Delivery.objects.for_actor(self.actor).select_related("event", "subscription").defer("payload")

    def row(self, verb: Verb) -> Delivery:
        found: Delivery = self.rows().find(self.kwargs["_id"])
        self.actor.require(verb)
        return found

    def list(self, request: Request) -> Response:
        rows, query = self.rows(), request.query_params
        if "_subscriptionId" in query:
            rows = rows.filter(subscription_id=parse_id(query["_subscriptionId"]) or hex_nil())
        if "state" in query:
            if query["state"] not in States.values:
                message = f"state must be one of {', '.join(States.values)}."
                raise BadRequestError(message, field="state", code="invalid_query_params")
            rows = rows.filter(state=query["state"])
        return list_page(rows, request=request, show=show_delivery, short=SHORT)

    def retrieve(self, request: Request, _id: str) -> Response:
        row = self.row(Verb.VIEW)
        return Response({**show_delivery(row), "log": row.log, "data": data_of(row)})

    def replay(self, request: Request, _id: str) -> Response:
        row = replaying.replay_delivery(actor=self.actor, delivery=self.row(Verb.RETRY))
        return Response(show_delivery(row))


def hex_nil() -> str:
    """What no row has: an id that cannot be read is an unknown one."""
    return "00000000-0000-0000-0000-000000000000"


def data_of(row: Delivery) -> Any:
    if row.payload:
        return unpack(row.payload)
    return row.event.data.get("data") if row.event.type == FIRED else row.event.data


def show_subscription(row: Subscription) -> dict[str, Any]:
    listener = row.listener
    shown: dict[str, Any] = {
        "_id": row.hex_id,
        "name": row.name,
        "url": row.url,
        "secret": MASK,
        "enabled": row.enabled,
        "reason": row.reason,
        "failingSince": stamp(row.failing_since),
        "createdAt": stamp(row.created_at),
        "lastModified": stamp(row.updated_at),
    }
    if listener is None:
        return {**shown, "events": [interest.pattern for interest in row.interests.all()]}
    return {
        **shown,
        "_connectorId": hex24(listener.hook.connector_id),
        "trigger": listener.trigger_name,
        "userId": row.end_user.external_id if row.end_user else None,
        "_userCredentialId": hex24(listener.connection_id) if listener.connection_id else None,
        "variables": listener.variables,
        "state": listener.state,
        "stateReason": listener.reason,
        "checkedAt": stamp(listener.checked_at),
        "polledAt": stamp(listener.polled_at),
        "numRepairs": listener.repairs,
    }


def show_delivery(row: Delivery) -> dict[str, Any]:
    event = row.event
    return {
        "_id": row.hex_id,
        "_subscriptionId": hex24(row.subscription_id),
        "_eventId": hex24(row.event_id),
        "type": event.data.get("trigger") if event.type == FIRED else event.type,
        "state": row.state,
        "attempts": row.attempts,
        "nextAttemptAt": stamp(row.next_at) if row.state == States.PENDING else None,
        "status": row.status,
        "message": row.message,
        "milliseconds": row.milliseconds,
        "numReplays": row.replays,
        "deliveredAt": stamp(row.delivered_at),
        "createdAt": stamp(row.created_at),
        "lastModified": stamp(row.updated_at),
    }
