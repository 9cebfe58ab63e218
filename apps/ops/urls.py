from django.urls import include, path

from apps.ops import health, metrics

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics.metrics),
    path("demo/", include("apps.ops.demo.urls")),
]
