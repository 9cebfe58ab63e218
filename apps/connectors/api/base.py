"""What all addresses below /v1/connector have in common: the connector named, the author, long lists."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.interactor import InteractorViewSet
from apps.connectors.authoring.author import Author
from apps.connectors.models import Connector
from apps.connectors.resolve import find_connector
from apps.core.actors import Verb
from apps.core.errors import BadRequestError
from apps.core.ids import parse_id
from apps.wire.paging import next_link, read_limit, refuse_query

VERSION = OpenApiParameter("version", required=True, description="A version's name, or minor or major.")
VERSION_OPTIONAL = OpenApiParameter("version", description="Without it, the version is edited in place.")
PAGE = [
    OpenApiParameter("limit", int, description="At most so many; a Link header names the next ones. All, if left out."),
    OpenApiParameter("after", description="The id of the last one seen."),
]


class ConnectorScopedViewSet(InteractorViewSet):
    def connector(self, verb: Verb = Verb.VIEW) -> Connector:
        """Asks for the right first: who may never write learns nothing of what is there."""
        self.actor.require(verb)
        return find_connector(self.kwargs["connectorId"], organization_id=self.actor.organization_id)

    def author(self, *, user_required: bool = True) -> Author:
        return Author(self.actor, self.acting_user() if user_required else self.end_user())

    def required_version(self) -> str:
        """A blank one is 422, and told by whoever reads it."""
        if "version" not in self.request.query_params:
            raise BadRequestError("version is required.", field="version")
        return self.request.query_params["version"]


def answer_list(rows: QuerySet[Any, Any], *, request: Request, show: Callable[[Any], dict[str, Any]]) -> Response:
    """All rows, in the order of their ids, unless a `limit` is asked for: then a Link header names the next page."""
    query, rows = request.query_params, rows.order_by("pk")
    if query.get("after"):
        after = parse_id(query["after"])
        if after is None:
            raise refuse_query("after must be the id that a Link header named.", field="after")
        rows = rows.filter(pk__gt=after)
    if not query.get("limit"):
        return Response([show(row) for row in rows])
    limit = read_limit(query)
    shown = [show(row) for row in rows[: limit + 1]]
    response = Response(shown[:limit])
    if len(shown) > limit:
        response["Link"] = next_link(request, after=shown[limit - 1]["id"])
    return response
