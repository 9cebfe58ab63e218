"""An update is a PUT, or the same as a PATCH: both change only what the body names."""

from typing import Any

from django.urls import URLPattern, path

from apps.connectors.api.components import VIEWSETS
from apps.connectors.api.connectors import ConnectorViewSet, PublishView, VersionViewSet
from apps.connectors.api.securities import SecurityViewSet

COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
ITEM: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}
ONE = "connector/<str:connectorId>"


def component_paths(kind: str, viewset: Any) -> list[URLPattern]:
    return [
        path(f"{ONE}/{kind}", viewset.as_view(COLLECTION, detail=False)),
        path(f"{ONE}/{kind}/<str:{viewset.parameter}>", viewset.as_view(ITEM, detail=True)),
    ]


urlpatterns = [
    path("connector", ConnectorViewSet.as_view(COLLECTION, detail=False)),
    path(ONE, ConnectorViewSet.as_view(ITEM, detail=True)),
    path(f"{ONE}/publish", PublishView.as_view()),
    path(f"{ONE}/version", VersionViewSet.as_view(COLLECTION, detail=False)),
    path(f"{ONE}/version/<str:connectorVersionId>", VersionViewSet.as_view(ITEM, detail=True)),
    path(f"{ONE}/security", SecurityViewSet.as_view(COLLECTION, detail=False)),
    path(f"{ONE}/security/<str:securityId>", SecurityViewSet.as_view({"post": "create", **ITEM}, detail=True)),
    *(path for kind, viewset in VIEWSETS.items() for path in component_paths(kind, viewset)),
]
