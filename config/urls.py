"""All addresses: the console, the four dialects, the operator's probes."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from apps.wire.views import unserved

handler403 = "apps.console.refusals.forbidden"
handler404 = "apps.console.refusals.not_found"
handler500 = "apps.console.refusals.failed"
to_console = RedirectView.as_view(pattern_name="admin:index")

urlpatterns = [
    path("hooks/", include("apps.inbound.urls")),  # first: what providers call most is found at once
    path("", to_console),
    path("console", to_console),
    path("console/", admin.site.urls),
    path("", include("apps.ops.urls")),
    path("", include("apps.wire.urls")),
    path("", include("apps.connections.urls")),
    path("v1/", include("apps.accounts.api.urls")),
    path("v1/", include("apps.audit.api.urls")),
    path("v1/", include("apps.integrations.api.urls")),
    path("v1/", include("apps.connectors.api.urls")),
    path("v1/", include("apps.connections.api.urls")),
    path("v1/", include("apps.executions.api.urls")),
    path("v1/", include("apps.flows.api.urls")),
    path("v1/", include("apps.inbound.api.urls")),
    path("", include("apps.catalog.api.urls")),
    path("v1/", include("apps.subscriptions.api.urls")),
    path("", include("apps.automations.api.urls")),
    path("", include("apps.automations.approvals.urls")),
    path("v1/", include("apps.alarms.api.urls")),
    path("v1/", include("apps.automations.api.calling_urls")),
    *unserved,  # last: whatever else lies under /v1 and /api
]
