"""The address that providers call, outside the API: it takes no key."""

from django.urls import path

from apps.inbound.api.hooks import hook

urlpatterns = [path("<str:token>", hook), path("<str:token>/<str:listener>", hook)]
