from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    name = "apps.schedules"
    label = "schedules"

    def ready(self) -> None:
        from apps.schedules import probes
        from apps.schedules.duties import DUTIES
        from apps.work import doctor, scheduler

        for duty in DUTIES:
            scheduler.register(duty)
        doctor.register_all(probes.PROBES)
