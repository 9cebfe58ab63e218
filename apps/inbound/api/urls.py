from django.urls import path

from apps.inbound.api.dry_run import NotificationTestView
from apps.inbound.api.settings import HookView
from apps.inbound.api.webhook_setting import WebhookSettingView

urlpatterns = [
    path("connector/<str:connectorId>/webhookSetting", WebhookSettingView.as_view()),
    path("test/notification", NotificationTestView.as_view()),
    path("hooks/<str:_connectorId>", HookView.as_view()),
]
