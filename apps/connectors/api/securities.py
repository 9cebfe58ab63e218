"""/v1/connector/{id}/security in the Interactor conventions. Secrets read as `******`, for everybody and always."""

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.interactor import EMPTY_OBJECT, USER, USER_OPTIONAL, IdSerializer
from apps.connectors import versions
from apps.connectors.api.base import PAGE, VERSION, ConnectorScopedViewSet, answer_list
from apps.connectors.api.serializers import (
    SecurityCreateSerializer,
    SecuritySerializer,
    SecurityUpdateSerializer,
)
from apps.connectors.api.shapes import show_security
from apps.connectors.authoring import securities as authoring
from apps.connectors.models import Security
from apps.connectors.resolve import find_security
from apps.core.actors import Verb


class SecurityViewSet(ConnectorScopedViewSet):
    serializer_class = SecurityUpdateSerializer
    write_serializers = {"create": SecurityCreateSerializer}
    answer_serializers = {
        "list": SecuritySerializer,
        "retrieve": SecuritySerializer,
        "create": IdSerializer,
        "update": EMPTY_OBJECT,
        "destroy": EMPTY_OBJECT,
    }
    parameters = {
        "list": PAGE,
        "retrieve": [USER_OPTIONAL],
        "create": [USER],
        "update": [USER, VERSION],
        "destroy": [USER_OPTIONAL],
    }

    def security(self, verb: Verb = Verb.VIEW) -> Security:
        return find_security(self.connector(verb), self.kwargs["securityId"])

    def list(self, request: Request, **kwargs: str) -> Response:
        return answer_list(self.connector().securities.defer("secret"), request=request, show=show_security)

    def create(self, request: Request, **kwargs: str) -> Response:
        """At an id of the author's choice, or at one of ours on the plain collection."""
        connector, author = self.connector(Verb.EDIT), self.author()
        text = self.kwargs.get("securityId", "")
        row = authoring.create_security(author=author, connector=connector, body=self.body(), text=text)
        return Response({"id": str(row.pk)})

    def retrieve(self, request: Request, **kwargs: str) -> Response:
        found = self.security()
        self.end_user()
        return Response(show_security(found))

    def update(self, request: Request, **kwargs: str) -> Response:
        """Edits in place: a security has no versions, so that `version` is asked for and not kept."""
        security, author = self.security(Verb.EDIT), self.author()
        versions.check_name(self.required_version())
        authoring.update_security(author=author, security=security, body=self.body())
        return Response({})

    def destroy(self, request: Request, **kwargs: str) -> Response:
        security, author = self.security(Verb.DELETE), self.author(user_required=False)
        authoring.delete_security(author=author, security=security)
        return Response({})
