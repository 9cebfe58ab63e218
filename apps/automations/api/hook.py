"""/v1/automations/{id}/hook: the address of an automation with an `onHook` trigger, and what its calls are proved by.

The address is a secret as well: whoever knows it may knock. So monitors see neither.
"""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.automations import addressing
from apps.automations.models import Automation
from apps.automations.runs import KIND as RUN
from apps.core.actors import Verb
from apps.core.errors import NotFoundError
from apps.core.ids import hex24
from apps.core.vault import MASK
from apps.inbound import direct
from apps.inbound.api.settings import HookSerializer, written
from apps.inbound.models import DirectHook
from apps.inbound.secrets import hook_secrets
from apps.wire.viewsets import WireView, require_object


class AutomationHookView(WireView):
    serializer_class = HookSerializer

    def found(self, verb: Verb) -> tuple[Automation, DirectHook]:
        self.actor.require(verb)
        rows, text = Automation.objects.for_actor(self.actor), self.kwargs["_id"]
        row: Automation = rows.filter(slug=text).first() or rows.find(text)
        hook = DirectHook.objects.filter(target_kind=RUN, target_id=row.id).first()
        if hook is None:
            raise NotFoundError(f"The automation {row.slug} has no trigger of type onHook.")
        return row, hook

    def get(self, request: Request, _id: str) -> Response:
        return Response(show(*self.found(Verb.SECRETS)))

    def put(self, request: Request, _id: str) -> Response:
        row, hook = self.found(Verb.EDIT)
        require_object(request.data)
        texts = self.body()["secrets"]
        hook = addressing.set_secrets(
            actor=self.actor, hook=hook, name=row.title,
            secrets=lambda locked: written(texts, stored=hook_secrets(locked)),
        )  # fmt: skip
        return Response(show(row, hook))


def show(row: Automation, hook: DirectHook) -> dict[str, Any]:
    return {
        "_id": hex24(hook.id),
        "_automationId": row.hex_id,
        "url": direct.direct_url(hook),
        "secrets": [MASK for _ in hook_secrets(hook)],
    }
