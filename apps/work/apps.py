from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "apps.work"
    label = "work"

    def ready(self) -> None:
        from apps.work import doctor, probes

        doctor.register_all(probes.PROBES)
