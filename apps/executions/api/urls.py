from django.urls import path

from apps.executions.api.execute import (
    ActionExecuteView,
    DatatypeExecuteView,
    ExecuteActionView,
    RefreshVariablesView,
)
from apps.executions.api.executions import ExecutionViewSet, ReplayView
from apps.executions.api.job_files import JobDiagnosticsView, JobErrorFileView, JobErrorsView
from apps.executions.api.jobs import JobViewSet
from apps.executions.api.trials import TrialView

ACTION = "connector/<str:connectorId>/action/<str:actionId>"

urlpatterns = [
    path("execute", ExecuteActionView.as_view()),
    path(f"{ACTION}/execute", ActionExecuteView.as_view()),
    path("connector/<str:connectorId>/datatype/<str:datatypeId>/execute", DatatypeExecuteView.as_view()),
    # The document names the operation, not its address: these three are what readers of it have guessed.
    path(f"{ACTION}/refreshVariables", RefreshVariablesView.as_view()),
    path(f"{ACTION}/refresh", RefreshVariablesView.as_view()),
    path(f"{ACTION}/variable/refresh", RefreshVariablesView.as_view()),
    path("test/logic", TrialView.as_view()),
    path("test", TrialView.as_view()),
    path("jobs", JobViewSet.as_view({"get": "list"})),
    path("jobs/current", JobViewSet.as_view({"post": "current"})),
    path("jobs/<str:_id>", JobViewSet.as_view({"get": "retrieve"})),
    path("jobs/<str:_id>/family", JobViewSet.as_view({"get": "family"})),
    path("jobs/<str:_id>/cancel", JobViewSet.as_view({"put": "cancel"})),
    path("jobs/<str:_id>/joberrors", JobErrorsView.as_view()),
    path("jobs/<str:_id>/errorFile/signedURL", JobErrorFileView.as_view()),
    path("jobs/<str:_id>/diagnostics", JobDiagnosticsView.as_view()),
    path("executions/<str:_id>", ExecutionViewSet.as_view({"get": "retrieve"})),
    path("executions/<str:_id>/cancel", ExecutionViewSet.as_view({"put": "cancel"})),
    path("executions/<str:_id>/replay", ReplayView.as_view()),
    path("executions/<str:_id>/requests", ExecutionViewSet.as_view({"get": "requests"})),
    path("executions/<str:_id>/exchanges", ExecutionViewSet.as_view({"get": "exchanges"})),
]
