"""GET and POST /v1/connections/{_id}/ping, POST /v1/connections/ping: does it work, now?"""

from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.connections import health
from apps.connections.access import open_row, open_unsaved
from apps.connections.api.serializers import ConnectionSerializer
from apps.connections.documents import RUNNABLE
from apps.connections.models import Connection
from apps.connections.resource import CONNECTIONS
from apps.connections.secrets import unseal
from apps.core.actors import Verb
from apps.core.errors import ValidationError
from apps.core.ids import new_id
from apps.integrations.references import resolve
from apps.integrations.resources import Draft
from apps.wire.fields import ListField, ObjectField, Part, WholeField
from apps.wire.viewsets import WireView


class PingSerializer(Part):
    code = WholeField(required=True)
    errors = ListField(ObjectField())


class PingView(WireView):
    """A target that does not answer, or refuses, is an answer too: `code` and `errors` tell."""

    answer_serializer = PingSerializer
    effect_in_transaction = False

    def get(self, request: Request, _id: str) -> Response:
        row = CONNECTIONS.readable(self.actor).find(_id)
        CONNECTIONS.require(actor=self.actor, verb=Verb.EDIT, row=row)
        return Response(health.ping_answer(health.ping(open_row(row))))

    post = get


class PingUnsavedView(WireView):
    serializer_class = ConnectionSerializer
    answer_serializer = PingSerializer
    effect_in_transaction = False

    def post(self, request: Request) -> Response:
        CONNECTIONS.require_somewhere(actor=self.actor, verb=Verb.EDIT)
        document = self.checked(self.body())
        kind, name = document["type"], document["name"]
        opened = open_unsaved(document=document, type=kind, name=name, organization_id=self.actor.organization_id)
        return Response(health.ping_answer(health.ping(opened)))

    def checked(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document, secrets in place. Raises ValidationErrors for what a save would refuse."""
        if document["type"] not in RUNNABLE:
            raise ValidationError(f"Connections of type {document['type']} cannot be tried here.", field="type")
        row = Connection(organization_id=self.actor.organization_id, id=new_id())
        draft = Draft(self.actor, row, True, dict(document))
        with transaction.atomic():
            draft.ids, draft.targets, draft.errors = resolve(actor=self.actor, document=draft.document)
            CONNECTIONS.check(draft)
            draft.settle()
            CONNECTIONS.fill(draft)
            draft.settle()
        return unseal(draft.document, bytes(row.secret), type=row.type, connection_id=row.id)
