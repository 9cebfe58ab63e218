"""POST /v1/connections/{_id}/authorize: where a person lets a connection of type oauth in. Ours, not documented."""

from rest_framework.request import Request
from rest_framework.response import Response

from apps.connections import consents
from apps.connections.resource import CONNECTIONS
from apps.core.actors import Verb
from apps.wire.fields import Part, TextField
from apps.wire.viewsets import WireView


class ConsentAddressSerializer(Part):
    url = TextField(required=True)


class AuthorizeView(WireView):
    """The address of the provider's consent page, good for ten minutes. It leads back to /oauth/callback."""

    answer_serializer = ConsentAddressSerializer

    def post(self, request: Request, _id: str) -> Response:
        row = CONNECTIONS.readable(self.actor).find(_id)
        CONNECTIONS.require(actor=self.actor, verb=Verb.EDIT, row=row)
        redirect = consents.callback_address(request._request)
        url = consents.begin_own(actor=self.actor, connection=row, redirect_uri=redirect)
        return Response({"url": url}, headers={"Cache-Control": "no-store"})
