"""/v1/hooks/{connector}: an organization's inbound address of a connector, and the secrets its calls are verified by.

The address is a secret as well: whoever knows it may knock. So monitors see neither.
"""

from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.services import record
from apps.connectors.models import Connector
from apps.connectors.resolve import find_connector
from apps.core.actors import Verb
from apps.core.errors import ValidationError
from apps.core.ids import hex24
from apps.core.vault import MASK
from apps.inbound import receiving
from apps.inbound.addresses import hook_of, hook_url
from apps.inbound.models import Hook
from apps.inbound.secrets import hook_secrets, seal_hook
from apps.wire.fields import Part, TextField, TextsField
from apps.wire.viewsets import WireView, require_object

MOST = 5


class HookSerializer(Part):
    url = TextField(read_only=True)
    secrets = TextsField(required=True)


class HookView(WireView):
    serializer_class = HookSerializer

    def connector(self, verb: Verb) -> Connector:
        self.actor.require(verb)
        return find_connector(self.kwargs["_connectorId"], organization_id=self.actor.organization_id)

    def get(self, request: Request, _connectorId: str) -> Response:
        return Response(show(hook_of(self.connector(Verb.SECRETS), organization_id=self.actor.organization_id)))

    def put(self, request: Request, _connectorId: str) -> Response:
        connector = self.connector(Verb.EDIT)
        require_object(request.data)
        hook = hook_of(connector, organization_id=self.actor.organization_id)
        texts = self.body()["secrets"]
        with transaction.atomic():
            hook = Hook.objects.select_for_update().get(pk=hook.pk)
            seal_hook(hook, written(texts, stored=hook_secrets(hook)))
            hook.save(update_fields=["secret", "updated_at"])
            record(
                actor=self.actor, event="update", resource_type="hook", resource_id=hook.id,
                resource_name=connector.name, changes=[{"fieldPath": "secrets", "oldValue": MASK, "newValue": MASK}],
            )  # fmt: skip
        receiving.forget_addresses()
        return Response(show(hook))


def written(texts: list[Any], *, stored: list[str]) -> list[str]:
    """`******` at a place is the secret that stands there."""
    if len(texts) > MOST:
        raise ValidationError(f"secrets may be at most {MOST}.", field="secrets")
    found = []
    for index, text in enumerate(texts):
        at = f"secrets[{index}]"
        if text == MASK and index >= len(stored):
            raise ValidationError(f"{at}: is masked, but no value is stored yet.", field=at)
        if not text:
            raise ValidationError(f"{at} must not be empty.", field=at)
        found.append(stored[index] if text == MASK else text)
    return found


def show(hook: Hook) -> dict[str, Any]:
    return {
        "_id": hex24(hook.id),
        "_connectorId": hex24(hook.connector_id),
        "url": hook_url(hook),
        "secrets": [MASK for _ in hook_secrets(hook)],
    }
