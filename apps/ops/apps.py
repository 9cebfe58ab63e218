import importlib

from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "apps.ops"
    label = "ops"

    def ready(self) -> None:
        from apps.connectors.library.install import install_library
        from apps.ops import startup, workers
        from apps.wire.idempotency import purge_expired
        from apps.work import scheduler

        importlib.import_module("config.celery")  # what this process publishes goes through it
        workers.connect()
        scheduler.register(scheduler.Duty("purge idempotency keys", 3600.0, purge_expired, elected=True))
        startup.register(startup.Step("store the connector library", install_library))
