"""/v1/connector and its versions in the Interactor conventions."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.interactor import EMPTY_TEXT, NOTHING_TO_SAY, USER, USER_OPTIONAL, IdSerializer, InteractorView
from apps.connectors.api.base import PAGE, ConnectorScopedViewSet, answer_list
from apps.connectors.api.serializers import (
    ConnectorSerializer,
    ConnectorVersionSerializer,
    ConnectorVersionWriteSerializer,
    ConnectorWriteSerializer,
)
from apps.connectors.api.shapes import CONNECTOR_COLUMNS, show_connector, show_version
from apps.connectors.authoring import connectors as authoring
from apps.connectors.models import Connector, ConnectorVersion
from apps.connectors.resolve import find_connector, find_version
from apps.core.actors import Verb


class ConnectorViewSet(ConnectorScopedViewSet):
    serializer_class = ConnectorWriteSerializer
    answer_serializers = {
        "list": ConnectorSerializer,
        "retrieve": ConnectorSerializer,
        "create": IdSerializer,
        "update": EMPTY_TEXT,
        "destroy": EMPTY_TEXT,
    }
    parameters = {"list": PAGE, "create": [USER], "update": [USER], "destroy": [USER]}

    def list(self, request: Request) -> Response:
        self.actor.require(Verb.VIEW)
        rows = Connector.objects.for_actor(self.actor).values(*CONNECTOR_COLUMNS)
        return answer_list(rows, request=request, show=show_connector)

    def create(self, request: Request) -> Response:
        self.actor.require(Verb.EDIT)
        author = self.author()
        return Response({"id": str(authoring.create_connector(author=author, body=self.body()).pk)})

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        found = self.connector()
        return Response(show_connector(Connector.objects.values(*CONNECTOR_COLUMNS).get(pk=found.pk)))

    def update(self, request: Request, **kwargs: str) -> Response:
        connector, author = self.connector(Verb.EDIT), self.author()
        authoring.update_connector(author=author, connector=connector, body=self.body())
        return Response(NOTHING_TO_SAY)

    def destroy(self, request: Request, **kwargs: str) -> Response:
        connector, author = self.connector(Verb.DELETE), self.author()
        authoring.delete_connector(author=author, connector=connector)
        return Response(NOTHING_TO_SAY)


class PublishView(InteractorView):
    takes_body = False
    answer_serializer = EMPTY_TEXT
    parameters = {"POST": [OpenApiParameter("contributor_id", required=True, description="Publishing contributor.")]}

    def post(self, request: Request, connectorId: str) -> Response:
        """Publishes the connector's default version. Repeating is harmless."""
        self.actor.require(Verb.EDIT)
        connector = find_connector(connectorId, organization_id=self.actor.organization_id)
        contributor = self.required_query("contributor_id")
        author = authoring.Author(self.actor, self.end_user())
        authoring.publish_connector(author=author, connector=connector, contributor=contributor)
        return Response(NOTHING_TO_SAY)


class VersionViewSet(ConnectorScopedViewSet):
    serializer_class = ConnectorVersionWriteSerializer
    answer_serializers = {
        "list": ConnectorVersionSerializer,
        "retrieve": ConnectorVersionSerializer,
        "create": IdSerializer,
        "update": EMPTY_TEXT,
        "destroy": EMPTY_TEXT,
    }
    parameters = {"list": PAGE, "retrieve": [USER_OPTIONAL], "create": [USER], "update": [USER], "destroy": [USER]}

    def version(self, verb: Verb = Verb.VIEW) -> ConnectorVersion:
        return find_version(self.connector(verb), self.kwargs["connectorVersionId"])

    def list(self, request: Request, **kwargs: str) -> Response:
        rows = self.connector().versions.select_related("created_by", "updated_by")
        return answer_list(rows, request=request, show=show_version)

    def create(self, request: Request, **kwargs: str) -> Response:
        connector, author = self.connector(Verb.EDIT), self.author()
        return Response({"id": str(authoring.create_version(author=author, connector=connector, body=self.body()).pk)})

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        found = self.version()
        self.end_user()
        return Response(show_version(found))

    def update(self, request: Request, **kwargs: str) -> Response:
        version, author = self.version(Verb.EDIT), self.author()
        authoring.update_version(author=author, version=version, body=self.body())
        return Response(NOTHING_TO_SAY)

    def destroy(self, request: Request, **kwargs: str) -> Response:
        version, author = self.version(Verb.DELETE), self.author()
        authoring.delete_version(author=author, version=version)
        return Response(NOTHING_TO_SAY)
