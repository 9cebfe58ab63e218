"""PUT …/replaceConnection."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.actors import Verb
from apps.flows.api.serializers.exports import ExportSerializer
from apps.flows.api.serializers.flows import FlowSerializer
from apps.flows.services.replacing import replace_connection, replace_flow_connection
from apps.flows.services.resources import FLOWS
from apps.wire.fields import IdField, Part
from apps.wire.viewsets import WireView


class ReplaceSerializer(Part):
    _newConnectionId = IdField(required=True)


class ReplaceInFlowSerializer(ReplaceSerializer):
    _connectionId = IdField(required=True)


class ReplaceConnectionView(WireView):
    """`as_view(resource=…, answer_serializer=…)`."""

    serializer_class = ReplaceSerializer
    answer_serializer: ClassVar[Any] = ExportSerializer
    resource: ClassVar[Any] = None

    def put(self, request: Request, _id: str) -> Response:
        row = self.resource.readable(self.actor).find(_id)
        self.resource.require(actor=self.actor, verb=Verb.EDIT, row=row)
        new_id = self.body()["_newConnectionId"]
        row = replace_connection(actor=self.actor, resource=self.resource, row=row, new_id=new_id)
        return Response(self.resource.show(row))


class ReplaceFlowConnectionView(WireView):
    serializer_class = ReplaceInFlowSerializer
    answer_serializer = FlowSerializer

    def put(self, request: Request, _id: str) -> Response:
        flow = FLOWS.readable(self.actor).find(_id)
        FLOWS.require(actor=self.actor, verb=Verb.EDIT, row=flow)
        wanted = self.body()
        flow = replace_flow_connection(
            actor=self.actor, flow=flow, old_id=wanted["_connectionId"], new_id=wanted["_newConnectionId"]
        )
        return Response(FLOWS.show(flow))
