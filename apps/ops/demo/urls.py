from django.urls import path

from apps.ops.demo import inbox, views

urlpatterns = [
    path("shop/orders", views.shop_orders),
    path("shop/customers/<str:customer_id>", views.shop_customer),
    path("crm/orders", views.crm_orders),
    path("inbox/<str:name>", inbox.messages),
]
