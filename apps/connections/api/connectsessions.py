"""/v1/connectsessions: a product asks for a page where one of its users connects one connector."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.end_users import find_end_user
from apps.connections import connect, consents, credentials
from apps.connections.models import ConnectSession
from apps.connectors.resolve import find_connector
from apps.core.actors import Verb
from apps.core.ids import hex24
from apps.wire.fields import IdField, NameField, Part, StampField, TextField, WordField
from apps.wire.stamps import stamp
from apps.wire.viewsets import WireView


class SessionSerializer(Part):
    """`userCredentialId` names a credential that is to be connected anew."""

    userId = NameField(max_length=255)
    connectorId = NameField()
    redirectUrl = TextField(max_length=2000)
    userCredentialId = IdField()


class SessionAnswerSerializer(Part):
    _id = IdField(required=True)
    url = TextField()
    status = WordField(ConnectSession.Outcome.values, required=True)
    expiresAt = StampField(required=True)
    _connectionId = IdField()


class ConnectSessionsView(WireView):
    serializer_class = SessionSerializer
    answer_serializer = SessionAnswerSerializer
    answer_status = 201

    def post(self, request: Request) -> Response:
        """`url` is shown once: it is good for ten minutes and for one connection."""
        self.actor.require(Verb.EDIT)
        body, organization_id = self.body(), self.actor.organization_id
        connector = find_connector(body["connectorId"], organization_id=organization_id)
        end_user = find_end_user(body["userId"], organization_id=organization_id)
        chosen = body.get("userCredentialId")
        row, token = connect.open_session(
            actor=self.actor,
            end_user=end_user,
            connector=connector,
            redirect_url=body.get("redirectUrl", ""),
            credential=credentials.find_token(chosen, end_user=end_user, connector=connector) if chosen else None,
        )
        url = f"{consents.base_address(request._request)}/connect/{token}"
        answer = {**show_session(row), "url": url}
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})


class ConnectSessionView(WireView):
    serializer_class = SessionAnswerSerializer

    def get(self, request: Request, _id: str) -> Response:
        self.actor.require(Verb.VIEW)
        return Response(show_session(ConnectSession.objects.for_actor(self.actor).find(_id)))


def show_session(row: ConnectSession) -> dict[str, Any]:
    shown = {"_id": row.hex_id, "status": row.outcome, "expiresAt": stamp(row.expires_at)}
    if row.outcome == ConnectSession.Outcome.SUCCESS and row.connection_id:
        shown["_connectionId"] = hex24(row.connection_id)
    return shown
