from django.apps import AppConfig


class InboundConfig(AppConfig):
    name = "apps.inbound"
    label = "inbound"

    def ready(self) -> None:
        from apps.inbound import probes
        from apps.inbound.duties import DUTIES
        from apps.inbound.keeping import LISTENER_KIND
        from apps.inbound.polling import POLL_KIND
        from apps.inbound.queue import NOTIFICATION_KIND
        from apps.work import doctor, kinds, scheduler

        for kind in (LISTENER_KIND, POLL_KIND, NOTIFICATION_KIND):
            kinds.register(kind)
        for duty in DUTIES:
            scheduler.register(duty)
        doctor.register_all(probes.PROBES)
