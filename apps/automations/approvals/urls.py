"""The page behind mailed links; the token's name keeps it out of the log."""

from django.urls import path

from apps.automations.approvals.pages import approval_page

urlpatterns = [path("approvals/<str:token>", approval_page, name="approval")]
