from typing import Any

from django.urls import path

from apps.subscriptions.api.celigo import DeliveryViewSet, SubscriptionViewSet
from apps.subscriptions.api.interactor import OneSubscriptionView, SubscriptionView, TriggerSubscriptionView

ONE: dict[str, Any] = {"get": "retrieve", "patch": "change", "delete": "destroy"}
urlpatterns = [
    path("connector/<str:connectorId>/trigger/<str:triggerId>/subscription", TriggerSubscriptionView.as_view()),
    path("connector/<str:connectorId>/trigger/<str:triggerId>/subscribe", TriggerSubscriptionView.as_view()),
    path("subscription", SubscriptionView.as_view()),
    path("subscription/<str:subscriptionId>", OneSubscriptionView.as_view()),
    path("subscriptions", SubscriptionViewSet.as_view({"get": "list", "post": "create"}, detail=False)),
    path("subscriptions/<str:_id>", SubscriptionViewSet.as_view(ONE, detail=True)),
    path("subscriptions/<str:_id>/enable", SubscriptionViewSet.as_view({"post": "enable"})),
    path("subscriptions/<str:_id>/disable", SubscriptionViewSet.as_view({"post": "disable"})),
    path("subscriptions/<str:_id>/rotateSecret", SubscriptionViewSet.as_view({"post": "rotate_secret"})),
    path("subscriptions/<str:_id>/replay", SubscriptionViewSet.as_view({"post": "replay"})),
    path("deliveries", DeliveryViewSet.as_view({"get": "list"}, detail=False)),
    path("deliveries/<str:_id>", DeliveryViewSet.as_view({"get": "retrieve"}, detail=True)),
    path("deliveries/<str:_id>/replay", DeliveryViewSet.as_view({"post": "replay"})),
]
