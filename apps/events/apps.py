from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "apps.events"
    label = "events"

    def ready(self) -> None:
        from apps.events import probes
        from apps.events.duties import DUTIES
        from apps.events.queue import WORK_KIND
        from apps.work import doctor, kinds, scheduler

        kinds.register(WORK_KIND)
        for duty in DUTIES:
            scheduler.register(duty)
        doctor.register_all(probes.PROBES)
