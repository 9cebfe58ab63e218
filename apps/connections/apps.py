from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    name = "apps.connections"
    label = "connections"

    def ready(self) -> None:
        from apps.connections import health, probes, tokens
        from apps.connections.models import Connection
        from apps.connections.registration import count_registered
        from apps.integrations.counting import register_counting
        from apps.integrations.references import register_kind
        from apps.work import doctor, kinds

        kinds.register(health.WORK_KIND)
        kinds.register(tokens.WORK_KIND)
        register_kind("connection", Connection)
        register_counting("integration", count_registered)
        doctor.register_all(probes.PROBES)
