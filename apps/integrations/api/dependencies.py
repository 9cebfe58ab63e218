"""GET …/dependencies: what names a resource, by plural kind; an empty object means nothing."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.ids import hex24
from apps.integrations.references import dependents_of
from apps.wire.fields import ObjectField, Part
from apps.wire.viewsets import WireView


class DependenciesSerializer(Part):
    flows = ObjectField()


class DependenciesView(WireView):
    """`as_view(resource=…)`."""

    serializer_class = DependenciesSerializer
    resource: ClassVar[Any] = None

    def get(self, request: Request, _id: str) -> Response:
        row = self.resource.readable(self.actor).find(_id)
        self.resource.require(actor=self.actor, verb=self.resource.read_verb, row=row)
        answer: dict[str, list[dict[str, Any]]] = {}
        for entry in dependents_of(kind=self.resource.kind, row_id=row.pk):
            named = {self.resource.kind: [row.hex_id]}
            answer.setdefault(f"{entry.kind}s", []).append(
                {"id": hex24(entry.id), "name": entry.name, "dependencyIds": named}
            )
        return Response(answer)
