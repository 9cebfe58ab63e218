"""POST /v1/test/notification: what an inbound notification would be routed to, with nothing sent and nothing kept.

The documents give the body no shape. Ours: `connector` and perhaps `event` name what receives it, `data`, `headers`
and `query` are the call. A body without a connector tries nothing.
"""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.interactor import NOTHING_TO_SAY, InteractorView
from apps.connectors.models import Component, ComponentVersion
from apps.connectors.resolve import find_component, find_connector
from apps.core.actors import Verb
from apps.core.gateway import Mode
from apps.inbound import running
from apps.inbound.models import Hook
from apps.inbound.receiving import inlets_of
from apps.inbound.routing import read_routes
from apps.wire.fields import AnyField, ObjectField, TextField


class NotificationSerializer(serializers.Serializer[Any]):
    connector = TextField(allow_null=True)
    event = TextField(allow_null=True)
    data = AnyField()
    headers = ObjectField(allow_null=True)
    query = ObjectField(allow_null=True)


class NotificationTestView(InteractorView):
    effect_in_transaction = False
    serializer_class = NotificationSerializer
    answer_serializer = {"type": "string", "const": ""}

    def post(self, request: Request) -> Response:
        """Runs the event's route and response hooks; what is wrong with them is told."""
        self.actor.require(Verb.RUN)
        if not isinstance(request.data, dict):
            return Response(NOTHING_TO_SAY)
        body = self.body()
        if body.get("connector"):
            connector = find_connector(body["connector"], organization_id=self.actor.organization_id)
            hook = Hook(organization_id=self.actor.organization_id, connector=connector)
            for event in self.events(hook, body.get("event")):
                self.try_out(hook, event, body)
        return Response(NOTHING_TO_SAY)

    def events(self, hook: Hook, name: str | None) -> list[ComponentVersion]:
        if name:
            return [find_component(hook.connector, name, kind=Component.Kind.EVENT)]
        return [event for event, _ in inlets_of(hook)]

    def try_out(self, hook: Hook, event: ComponentVersion, body: dict[str, Any]) -> None:
        headers = {str(name).lower(): value for name, value in (body.get("headers") or {}).items()}
        told: dict[str, Any] = {
            "data": body.get("data"),
            "query": body.get("query") or {},
            "headers": headers,
            "mode": Mode.PLAN,
        }
        for name in (running.ROUTE, running.RESPONSE):
            if name not in event.logic:
                continue
            answer = running.run_event(hook, event, name, **told)
            if name == running.ROUTE:
                read_routes(answer, event=event.component.name, body=body.get("data"))
