from typing import Any

from django.urls import path

from apps.automations.api import celigo, rely

PAGE: dict[str, Any] = {"get": "page", "post": "create"}
NAMED: dict[str, Any] = {"get": "retrieve", "put": "upsert", "delete": "destroy"}
ALL: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "put": "replace", "delete": "destroy"}

urlpatterns = [
    path("api/v1/flows", rely.FlowViewSet.as_view(PAGE)),
    path("api/v1/flows/<str:id_>", rely.FlowViewSet.as_view(NAMED)),
    path("api/v1/flow-runs", rely.FlowRunViewSet.as_view(PAGE)),
    path("api/v1/flow-runs/<str:id_>", rely.FlowRunViewSet.as_view({"get": "retrieve"})),
    path("api/v1/flow-runs/<str:id_>/approve", rely.FlowRunViewSet.as_view({"post": "approve"})),
    path("api/v1/flow-runs/<str:id_>/reject", rely.FlowRunViewSet.as_view({"post": "reject"})),
    path("v1/automations", celigo.AutomationViewSet.as_view(ALL)),
    path("v1/automations/<str:_id>", celigo.AutomationViewSet.as_view(ONE)),
    path("v1/automations/<str:_id>/versions", celigo.VersionViewSet.as_view({"get": "list"}, detail=False)),
    path(
        "v1/automations/<str:_id>/versions/<str:_versionId>",
        celigo.VersionViewSet.as_view({"get": "retrieve"}, detail=True),
    ),
]
