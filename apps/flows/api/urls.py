"""The surprise of these addresses: `/flows/{flow}/{step}/errors` and `/flows/{flow}/jobs/latest` look alike.

So fixed words stand before open parts.
"""

from django.urls import path

from apps.audit.api.views import ResourceAuditView
from apps.flows.api import errors, folders, listening, lookup_caches, replacing, runs, trying, views
from apps.flows.api.serializers.exports import ExportSerializer
from apps.flows.api.serializers.flows import FlowSerializer
from apps.flows.api.serializers.imports import ImportSerializer
from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS, SCRIPTS
from apps.integrations.api.dependencies import DependenciesView
from apps.wire.routes import resource_paths

STEP = "flows/<str:_flowId>/<str:_stepId>"

urlpatterns = [
    path("exports/preview", trying.PreviewExportView.as_view()),
    path("exports/<str:_id>/data", listening.ListenerView.as_view()),
    path("exports/<str:_id>/<str:token>/data", listening.ListenerView.as_view()),
    path("exports/<str:_id>/invoke", trying.InvokeExportView.as_view()),
    path("imports/<str:_id>/invoke", trying.InvokeImportView.as_view()),
    path("connections/<str:_id>/export", trying.VirtualExportView.as_view()),
    path("connections/<str:_id>/export/pages", trying.VirtualExportPagesView.as_view()),
    path("connections/<str:_id>/import", trying.VirtualImportView.as_view()),
    path("connections/<str:_id>/import/map", trying.VirtualImportMapView.as_view()),
    *resource_paths("exports", views.ExportViewSet),
    *resource_paths("imports", views.ImportViewSet),
    *resource_paths("scripts", views.ScriptViewSet),
    *resource_paths("flows", views.FlowViewSet),
    *lookup_caches.paths,
    *(
        path(f"{resource.kind}s/<str:_id>/audit", ResourceAuditView.as_view(resource=resource))
        for resource in (EXPORTS, IMPORTS, SCRIPTS, FLOWS)
    ),
    *(
        path(f"{resource.kind}s/<str:_id>/dependencies", DependenciesView.as_view(resource=resource))
        for resource in (EXPORTS, IMPORTS, SCRIPTS, FLOWS)
    ),
    path("flows/<str:_id>/replaceConnection", replacing.ReplaceFlowConnectionView.as_view()),
    *(
        path(
            f"{resource.kind}s/<str:_id>/replaceConnection",
            replacing.ReplaceConnectionView.as_view(resource=resource, answer_serializer=serializer),
        )
        for resource, serializer in ((EXPORTS, ExportSerializer), (IMPORTS, ImportSerializer))
    ),
    *(
        path(
            f"integrations/<str:_id>/{resource.kind}s",
            folders.FolderContentsView.as_view(resource=resource, serializer_class=serializer),
        )
        for resource, serializer in (
            (FLOWS, FlowSerializer),
            (EXPORTS, ExportSerializer),
            (IMPORTS, ImportSerializer),
        )
    ),
    path("integrations/<str:_id>/errors", folders.FolderErrorsView.as_view()),
    path("integrations/<str:_id>/jobs/latest", folders.FolderLatestJobsView.as_view()),
    path("flows/<str:_id>/run", runs.FlowRunView.as_view()),
    path("flows/<str:_id>/jobs/latest", runs.FlowLatestJobsView.as_view()),
    path("flows/<str:_id>/lastExportDateTime", runs.FlowLastExportView.as_view()),
    path("flows/<str:_id>/errors", errors.FlowErrorCountsView.as_view()),
    path(f"{STEP}/errors", errors.OpenErrorsView.as_view({"get": "retrieve"})),
    path(f"{STEP}/errors/signedURL", errors.ErrorFileView.as_view({"get": "retrieve"})),
    path(f"{STEP}/errors/assign", errors.AssignErrorsView.as_view({"put": "assign"})),
    path(f"{STEP}/tags", errors.TagErrorsView.as_view({"put": "tag"})),
    path(
        f"{STEP}/resolved",
        errors.ResolvedErrorsView.as_view({"get": "retrieve", "put": "resolve", "delete": "erase"}),
    ),
    path(f"{STEP}/retry", errors.RetryView.as_view({"post": "create"})),
    path(f"{STEP}/<str:retryDataKey>/data", errors.RetryDataView.as_view({"get": "retrieve", "put": "replace"})),
]
