"""The schemas: /api/schema/<dialect>/ as JSON or YAML, /api/schema/<dialect>/browse/ to read and try."""

from typing import Any

from django.urls import path
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.wire.dialects import Dialect
from apps.wire.links import download
from apps.wire.schema import generator_of

PLAIN: dict[str, Any] = {"POSTPROCESSING_HOOKS": []}  # no named components for the words of every choice
OPEN: dict[str, Any] = {"authentication_classes": [], "permission_classes": []}
RENDERERS = [OpenApiJsonRenderer, OpenApiYamlRenderer]

urlpatterns = [
    path("downloads/<str:token>/<str:name>", download),
    *(
        path(
            f"api/schema/{dialect}/",
            SpectacularAPIView.as_view(
                generator_class=generator_of(dialect), renderer_classes=RENDERERS, custom_settings=PLAIN, **OPEN
            ),
            name=f"schema-{dialect}",
        )
        for dialect in Dialect
    ),
    *(
        path(
            f"api/schema/{dialect}/browse/",
            SpectacularSwaggerView.as_view(url_name=f"schema-{dialect}", **OPEN),
            name=f"schema-{dialect}-browse",
        )
        for dialect in Dialect
    ),
]
