from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "apps.integrations"
    label = "integrations"

    def ready(self) -> None:
        from apps.integrations.models import Integration
        from apps.integrations.references import register_kind

        register_kind("integration", Integration)
