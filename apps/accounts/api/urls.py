from typing import Any

from django.urls import path

from apps.accounts.api.people import GroupViewSet, MembershipViewSet, UserViewSet
from apps.accounts.api.views import TokenInfoView

COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}

urlpatterns = [
    path("tokenInfo", TokenInfoView.as_view()),
    path("user", UserViewSet.as_view({"post": "create"})),
    path("user/<str:userId>", UserViewSet.as_view(ONE)),
    path("group", GroupViewSet.as_view(COLLECTION)),
    path("group/<str:groupId>", GroupViewSet.as_view(ONE)),
    path("group/<str:groupId>/user", MembershipViewSet.as_view(COLLECTION)),
    path("group/<str:groupId>/user/<str:userId>", MembershipViewSet.as_view(ONE)),
]
