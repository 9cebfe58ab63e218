"""An end user's subscriptions, in the Interactor conventions: made by a trigger's path or by names, listed, ended."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.interactor import NOTHING_TO_SAY, InteractorView
from apps.connectors.resolve import find_connector
from apps.core.actors import Verb
from apps.core.errors import BadRequestError
from apps.subscriptions import services
from apps.subscriptions.models import Subscription
from apps.wire.fields import ObjectField, TextField
from apps.wire.stamps import naive_stamp

SHOWN = ("listener__hook", "listener__trigger", "end_user")
EMPTY_TEXT = {"type": "string", "const": ""}
USER = OpenApiParameter("userId", required=True, description="Acting user: external id, or internal UUID.")
CREDENTIAL = OpenApiParameter("userCredentialId", description="Which stored token, where the user has several.")


class TriggerSubscriptionSerializer(serializers.Serializer[Any]):
    url = TextField(allow_null=True)
    variables = ObjectField(allow_null=True)


class SubscriptionCreateSerializer(serializers.Serializer[Any]):
    platform = TextField(required=True)
    service = TextField(required=True)
    userCredentialId = TextField(allow_null=True)
    connectorVersion = TextField(allow_null=True)
    trigger = TextField(required=True)
    url = TextField(required=True)
    variables = ObjectField(allow_null=True)


class SubscriptionSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    userId = TextField()
    connectorId = TextField()
    triggerId = TextField()
    userCredentialId = TextField(allow_null=True)
    url = TextField(allow_null=True)
    variables = ObjectField()
    insertedAt = TextField()
    updatedAt = TextField()


class IdSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()


class TriggerSubscriptionView(InteractorView):
    effect_in_transaction = False
    serializer_class = TriggerSubscriptionSerializer
    answer_serializer = IdSerializer
    query_parameters = [USER, CREDENTIAL]

    def post(self, request: Request, connectorId: str, triggerId: str) -> Response:
        self.actor.require(Verb.EDIT)
        connector = find_connector(connectorId, organization_id=self.actor.organization_id)
        end_user, body = self.acting_user(), self.body()
        subscription = services.subscribe(
            actor=self.actor, connector=connector, trigger=triggerId, end_user=end_user,
            credential_id=request.query_params.get("userCredentialId"), url=body.get("url"),
            variables=body.get("variables"),
        )  # fmt: skip
        return Response({"id": str(subscription.id)})


class SubscriptionView(InteractorView):
    """What both methods of /v1/subscription share is only the address."""

    effect_in_transaction = False
    serializer_class = SubscriptionCreateSerializer
    answer_serializers = {"POST": IdSerializer, "GET": SubscriptionSerializer(many=True)}
    query_parameters = [USER]

    def get(self, request: Request) -> Response:
        self.actor.require(Verb.VIEW)
        rows = Subscription.objects.for_actor(self.actor).filter(end_user=self.acting_user(), listener__isnull=False)
        found = rows.select_related(*SHOWN).defer("secret", "listener__secret").order_by("pk")
        return Response([show(row) for row in found])

    def post(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        end_user, body = self.acting_user(), self.body()
        for name in ("platform", "service", "trigger", "url"):
            if not body[name].strip():
                raise BadRequestError(f"{name} is required.", field=name)
        connector = find_connector(body["service"], organization_id=self.actor.organization_id)
        subscription = services.subscribe(
            actor=self.actor, connector=connector, trigger=body["trigger"], end_user=end_user,
            version=body.get("connectorVersion"), credential_id=body.get("userCredentialId"), url=body["url"],
            variables=body.get("variables"), needs_url=True,
        )  # fmt: skip
        return Response({"id": str(subscription.id)})


class OneSubscriptionView(InteractorView):
    answer_serializer = EMPTY_TEXT
    query_parameters = [USER]

    def delete(self, request: Request, subscriptionId: str) -> Response:
        """Another user's is not there."""
        self.actor.require(Verb.DELETE)
        rows = Subscription.objects.for_actor(self.actor).filter(listener__isnull=False, end_user=self.acting_user())
        services.end_subscription(actor=self.actor, subscription=rows.find(subscriptionId))
        return Response(NOTHING_TO_SAY)


def show(row: Subscription) -> dict[str, Any]:
    listener = row.listener
    if listener is None:
        return {"id": str(row.id)}
    return {
        "id": str(row.id),
        "userId": str(row.end_user_id),
        "connectorId": str(listener.hook.connector_id),
        "triggerId": str(listener.trigger.component_id) if listener.trigger else listener.trigger_name,
        "userCredentialId": str(listener.connection_id) if listener.connection_id else None,
        "url": row.url or None,
        "variables": listener.variables,
        "insertedAt": naive_stamp(row.created_at),
        "updatedAt": naive_stamp(row.updated_at),
    }
