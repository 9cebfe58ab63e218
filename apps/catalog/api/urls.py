from typing import Any

from django.urls import path

from apps.catalog.api import celigo, rely

ALL: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "put": "replace", "delete": "destroy"}
PAGE: dict[str, Any] = {"get": "page", "post": "create"}
NAMED: dict[str, Any] = {"get": "retrieve", "put": "upsert", "delete": "destroy"}

urlpatterns = [
    path("v1/blueprints", celigo.BlueprintViewSet.as_view(ALL)),
    path("v1/blueprints/<str:_id>", celigo.BlueprintViewSet.as_view(ONE)),
    path("v1/entities", celigo.EntityViewSet.as_view(ALL)),
    path("v1/entities/<str:_id>", celigo.EntityViewSet.as_view(ONE)),
    path("api/v1/entities", rely.EntityViewSet.as_view(PAGE)),
    path("api/v1/entities/<str:id_>", rely.EntityViewSet.as_view(NAMED)),
    path("api/v1/suggestions", rely.SuggestionViewSet.as_view(PAGE)),
    path("api/v1/suggestions/<str:id_>", rely.SuggestionViewSet.as_view(NAMED)),
    path("api/v1/suggestions/<str:id_>/apply", rely.SuggestionViewSet.as_view({"post": "apply"})),
    path("api/v1/blueprints/<str:id_>", rely.BlueprintViewSet.as_view({"get": "retrieve"})),
]
