"""End users' pages; the token's name keeps it out of the log."""

from django.urls import path

from apps.connections.pages import callback, connect_page

urlpatterns = [
    path("connect/<str:token>", connect_page, name="connect"),
    path("oauth/callback", callback, name="oauth-callback"),
]
