"""Components below /v1/connector/{id} in the Interactor conventions: one viewset, and how kinds differ."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.interactor import EMPTY_OBJECT, EMPTY_TEXT, NOTHING_TO_SAY, USER, USER_OPTIONAL, IdSerializer
from apps.connectors.api import serializers as shapes
from apps.connectors.api.base import PAGE, VERSION, VERSION_OPTIONAL, ConnectorScopedViewSet, answer_list
from apps.connectors.api.shapes import show_component
from apps.connectors.authoring import components as authoring
from apps.connectors.models import Component, ComponentVersion
from apps.connectors.resolve import find_component
from apps.core.actors import Verb

RELATED = ("component", "created_by", "updated_by")


class ComponentViewSet(ConnectorScopedViewSet):
    """`version_required`: an update names the version it writes. `virtual`: the body's member with a virtual id."""

    kind: ClassVar[str]
    parameter: ClassVar[str]
    virtual: ClassVar[str] = ""
    version_required: ClassVar[bool] = False
    delete_needs_user: ClassVar[bool] = False
    create_answers_whole: ClassVar[bool] = True
    update_answers_whole: ClassVar[bool] = True
    nothing: ClassVar[Any] = NOTHING_TO_SAY
    whole: ClassVar[Any]

    @property
    def parameters(self) -> Any:
        return {
            "list": PAGE,
            "retrieve": [USER_OPTIONAL],
            "create": [USER],
            "update": [USER, VERSION if self.version_required else VERSION_OPTIONAL],
            "destroy": [USER if self.delete_needs_user else USER_OPTIONAL],
        }

    @property
    def answer_serializers(self) -> dict[str, Any]:
        return {
            "list": self.whole,
            "retrieve": self.whole,
            "create": self.whole if self.create_answers_whole else IdSerializer,
            "update": self.whole if self.update_answers_whole else EMPTY_TEXT,
            "destroy": EMPTY_OBJECT if self.nothing == {} else EMPTY_TEXT,
        }

    @classmethod
    def writer(cls, action: str) -> Any:
        """The serializer of what is written."""
        return cls.write_serializers.get(action, cls.serializer_class)

    def component(self, verb: Verb = Verb.VIEW) -> ComponentVersion:
        return find_component(self.connector(verb), self.kwargs[self.parameter], kind=self.kind)

    def list(self, request: Request, **kwargs: str) -> Response:
        """Each component once: its newest published version, else its newest."""
        rows = ComponentVersion.objects.filter(component__connector=self.connector(), component__kind=self.kind)
        return answer_list(rows.current().select_related(*RELATED), request=request, show=show_component)

    def create(self, request: Request, **kwargs: str) -> Response:
        connector, author = self.connector(Verb.EDIT), self.author()
        row = authoring.create_component(
            author=author, connector=connector, kind=self.kind, body=self.body(), virtual=self.virtual
        )
        return Response(show_component(row) if self.create_answers_whole else {"id": str(row.pk)})

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        found = self.component()
        self.end_user()
        return Response(show_component(found))

    def update(self, request: Request, **kwargs: str) -> Response:
        version, author = self.component(Verb.EDIT), self.author()
        wish = self.required_version() if self.version_required else request.query_params.get("version")
        row = authoring.update_component(author=author, version=version, body=self.body(), wish=wish)
        return Response(show_component(row) if self.update_answers_whole else NOTHING_TO_SAY)

    def destroy(self, request: Request, **kwargs: str) -> Response:
        version, author = self.component(Verb.DELETE), self.author(user_required=self.delete_needs_user)
        authoring.delete_component(author=author, version=version, text=self.kwargs[self.parameter])
        return Response(self.nothing)


class DatatypeViewSet(ComponentViewSet):
    kind, parameter = Component.Kind.DATATYPE, "datatypeId"
    serializer_class, whole = shapes.DatatypeWriteSerializer, shapes.DatatypeSerializer
    version_required, create_answers_whole = True, False


class VariableViewSet(ComponentViewSet):
    kind, parameter = Component.Kind.VARIABLE, "variableId"
    serializer_class, whole = shapes.VariableWriteSerializer, shapes.VariableSerializer
    version_required = True
    nothing: ClassVar[Any] = {}


class ActionViewSet(ComponentViewSet):
    kind, parameter = Component.Kind.ACTION, "actionId"
    serializer_class, whole = shapes.ActionUpdateSerializer, shapes.ActionSerializer
    write_serializers: ClassVar[Any] = {"create": shapes.ActionCreateSerializer}
    version_required, update_answers_whole = True, False


class EventViewSet(ComponentViewSet):
    kind, parameter, virtual = Component.Kind.EVENT, "eventId", "eventId"
    serializer_class, whole = shapes.EventUpdateSerializer, shapes.EventSerializer
    write_serializers: ClassVar[Any] = {"create": shapes.EventCreateSerializer}
    delete_needs_user = True


class TriggerViewSet(ComponentViewSet):
    kind, parameter, virtual = Component.Kind.TRIGGER, "triggerId", "triggerId"
    serializer_class, whole = shapes.TriggerUpdateSerializer, shapes.TriggerSerializer
    write_serializers: ClassVar[Any] = {"create": shapes.TriggerCreateSerializer}
    delete_needs_user = True


class FunctionViewSet(ComponentViewSet):
    kind, parameter = Component.Kind.FUNCTION, "functionId"
    serializer_class, whole = shapes.FunctionWriteSerializer, shapes.FunctionSerializer


class ConditionViewSet(ComponentViewSet):
    kind, parameter = Component.Kind.CONDITION, "condition_id"
    serializer_class, whole = shapes.ConditionUpdateSerializer, shapes.ConditionSerializer
    write_serializers: ClassVar[Any] = {"create": shapes.ConditionCreateSerializer}
    delete_needs_user = True
    create_answers_whole, update_answers_whole = False, False


VIEWSETS: dict[str, type[ComponentViewSet]] = {
    viewset.kind: viewset
    for viewset in (
        DatatypeViewSet,
        VariableViewSet,
        ActionViewSet,
        EventViewSet,
        TriggerViewSet,
        FunctionViewSet,
        ConditionViewSet,
    )
}
