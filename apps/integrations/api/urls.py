from django.urls import path

from apps.audit.api.views import ResourceAuditView
from apps.integrations.api.dependencies import DependenciesView
from apps.integrations.api.views import IntegrationViewSet
from apps.integrations.services import INTEGRATIONS
from apps.wire.routes import resource_paths

urlpatterns = [
    *resource_paths("integrations", IntegrationViewSet),
    path("integrations/<str:_id>/audit", ResourceAuditView.as_view(resource=INTEGRATIONS)),
    path("integrations/<str:_id>/dependencies", DependenciesView.as_view(resource=INTEGRATIONS)),
]
