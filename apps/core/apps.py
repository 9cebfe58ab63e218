from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"
    label = "core"

    def ready(self) -> None:
        from django.core.signals import request_started

        from apps.core.liveness import trust_quiet_sockets

        request_started.connect(trust_quiet_sockets)
