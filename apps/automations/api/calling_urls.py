"""Addresses of automations that are called: a version's execute, and the settings of a hook."""

from django.urls import path

from apps.automations.api.executing import AutomationExecuteView
from apps.automations.api.hook import AutomationHookView

urlpatterns = [
    path("automation/<str:automationId>/version/<str:automationVersionId>/execute", AutomationExecuteView.as_view()),
    path("automations/<str:_id>/hook", AutomationHookView.as_view()),
]
