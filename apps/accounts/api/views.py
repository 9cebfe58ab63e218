"""/v1/tokenInfo: who the caller's key acts as."""

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.ids import hex24
from apps.wire.fields import IdField, Part, TextField
from apps.wire.viewsets import WireView


class TokenInfoSerializer(Part):
    _userId = IdField(required=True)
    scope = TextField()


class TokenInfoView(WireView):
    serializer_class = TokenInfoSerializer

    def get(self, request: Request) -> Response:
        scope = self.actor.role or "shares"
        return Response({"_userId": hex24(self.actor.user_id), "scope": scope})  # type: ignore[arg-type]
