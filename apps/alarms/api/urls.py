from django.urls import path

from apps.alarms.api.views import AlarmFiringViewSet, AlarmLogViewSet, AlarmTestViewSet, AlarmViewSet
from apps.alarms.services import ALARMS
from apps.audit.api.views import ResourceAuditView
from apps.wire.routes import resource_paths

urlpatterns = [
    *resource_paths("alarms", AlarmViewSet),
    path("alarms/<str:_id>/test", AlarmTestViewSet.as_view({"post": "test"})),
    path("alarms/<str:_id>/log", AlarmLogViewSet.as_view({"get": "list"}, detail=False)),
    path("alarms/<str:_id>/firings", AlarmFiringViewSet.as_view({"get": "list"}, detail=False)),
    path("alarms/<str:_id>/audit", ResourceAuditView.as_view(resource=ALARMS)),
]
