"""/v1/integrations/{_id}/connections: what is registered, and registering more."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.connections.api.serializers import ConnectionSerializer
from apps.connections.registration import register_connections, unregister_connection
from apps.connections.resource import CONNECTIONS
from apps.core.actors import Verb
from apps.core.errors import BadRequestError
from apps.integrations.services import INTEGRATIONS
from apps.wire.fields import IdField, Part
from apps.wire.paging import list_page
from apps.wire.viewsets import WireView


class RegisteredSerializer(Part):
    _id = IdField()


class FolderView(WireView):
    def folder(self, verb: Verb) -> Any:
        row = INTEGRATIONS.readable(self.actor).find(self.kwargs["_id"])
        self.actor.require(verb, integration_id=row.id)
        return row


class FolderConnectionsView(FolderView):
    serializer_class = ConnectionSerializer
    answers_list = True

    def get(self, request: Request, _id: str) -> Response:
        rows = CONNECTIONS.readable(self.actor).filter(integrations=self.folder(Verb.SECRETS))
        return list_page(rows, request=request, show=CONNECTIONS.show_listed, counted=CONNECTIONS.counted)


class RegisterManyView(FolderView):
    """The body is a bare list of ids."""

    serializer_class = RegisteredSerializer
    answers_list = True

    def put(self, request: Request, _id: str) -> Response:
        folder, ids = self.folder(Verb.EDIT), request.data
        if not isinstance(ids, list) or not ids or not all(isinstance(text, str) for text in ids):
            raise BadRequestError("The body must be a list of connection ids, with one at least.", code="invalid_body")
        if len(ids) > 1000:
            raise BadRequestError("At most 1000 connections can be registered in a call.", code="invalid_body")
        found = register_connections(actor=self.actor, integration=folder, ids=ids)
        return Response([{"_id": connection.hex_id} for connection in found])


class RegisterOneView(FolderView):
    serializer_class = RegisteredSerializer

    def put(self, request: Request, _id: str, _connectionId: str) -> Response:
        folder = self.folder(Verb.EDIT)
        connection = CONNECTIONS.readable(self.actor).find(_connectionId)
        register_connections(actor=self.actor, integration=folder, ids=[connection.hex_id])
        return Response({"_id": connection.hex_id})

    def delete(self, request: Request, _id: str, _connectionId: str) -> Response:
        folder = self.folder(Verb.EDIT)
        connection = CONNECTIONS.readable(self.actor).find(_connectionId)
        unregister_connection(actor=self.actor, integration=folder, connection=connection)
        return Response(status=204)
