from typing import Any

from django.urls import path

from apps.audit.api.views import ResourceAuditView
from apps.connections.api.authorizing import AuthorizeView
from apps.connections.api.celigo import ConnectionViewSet
from apps.connections.api.connectsessions import ConnectSessionsView, ConnectSessionView
from apps.connections.api.interactor import CredentialViewSet, OAuthUrlView, TokenViewSet
from apps.connections.api.pinging import PingUnsavedView, PingView
from apps.connections.api.registration import FolderConnectionsView, RegisterManyView, RegisterOneView
from apps.connections.resource import CONNECTIONS
from apps.integrations.api.dependencies import DependenciesView
from apps.wire.routes import resource_paths

FOLDER = "integrations/<str:_id>/connections"
TOKEN = "connector/<str:connectorId>/token"
ONE: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}
CREDENTIALS: dict[str, Any] = {"get": "list", "post": "create"}

urlpatterns = [
    path(TOKEN, TokenViewSet.as_view({"get": "list"})),
    path(f"{TOKEN}/<str:tokenId>", TokenViewSet.as_view(ONE)),
    path("user/<str:userId>/token", CredentialViewSet.as_view(CREDENTIALS)),
    path("user/<str:userId>/credential", CredentialViewSet.as_view(CREDENTIALS)),
    path("connectsessions", ConnectSessionsView.as_view()),
    path("connectsessions/<str:_id>", ConnectSessionView.as_view()),
    path("connector/<str:connectorId>/oauth", OAuthUrlView.as_view()),
    path(FOLDER, FolderConnectionsView.as_view()),
    path(f"{FOLDER}/register", RegisterManyView.as_view()),
    path(f"{FOLDER}/<str:_connectionId>/register", RegisterOneView.as_view()),
    path("connections/ping", PingUnsavedView.as_view()),
    *resource_paths("connections", ConnectionViewSet),
    path("connections/<str:_id>/ping", PingView.as_view()),
    path("connections/<str:_id>/authorize", AuthorizeView.as_view()),
    path("connections/<str:_id>/audit", ResourceAuditView.as_view(resource=CONNECTIONS)),
    path("connections/<str:_id>/dependencies", DependenciesView.as_view(resource=CONNECTIONS)),
]
