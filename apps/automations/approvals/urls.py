"""/v1/approvals, and the page behind mailed links; the token's name keeps it out of the log."""

from django.urls import path

from apps.automations.approvals.api import ApprovalViewSet
from apps.automations.approvals.pages import approval_page

urlpatterns = [
    path("approvals/<str:token>", approval_page, name="approval"),
    path("v1/approvals", ApprovalViewSet.as_view({"get": "list"}, detail=False)),
    path("v1/approvals/<str:_id>", ApprovalViewSet.as_view({"get": "retrieve"}, detail=True)),
    path("v1/approvals/<str:_id>/approve", ApprovalViewSet.as_view({"post": "approve"})),
    path("v1/approvals/<str:_id>/reject", ApprovalViewSet.as_view({"post": "reject"})),
]
