from django.urls import path

from apps.audit.api.views import AuditView

urlpatterns = [path("audit", AuditView.as_view())]
