"""GET /v1/connector/{id}/webhookSetting: the address that the connector's third party sends notifications to."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.interactor import USER, InteractorView
from apps.connectors.resolve import find_connector
from apps.core.actors import Verb
from apps.inbound.addresses import hook_of


class WebhookSettingView(InteractorView):
    answer_serializer = {"type": "string", "format": "uri"}
    parameters = {"GET": [USER]}

    def get(self, request: Request, connectorId: str) -> Response:
        """Whoever knows the address can send to it, so it is not for monitors. The library's differ by organization."""
        self.actor.require(Verb.SECRETS)
        connector = find_connector(connectorId, organization_id=self.actor.organization_id)
        self.acting_user()
        hook = hook_of(connector, organization_id=self.actor.organization_id)
        base = settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
        return Response(f"{base}/hooks/{hook.token}")
