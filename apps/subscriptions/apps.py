from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "apps.subscriptions"
    label = "subscriptions"

    def ready(self) -> None:
        from apps.events import consumers, standing
        from apps.subscriptions import probes, recovering
        from apps.subscriptions.duties import DUTIES
        from apps.subscriptions.fanning import CONSUMER, FANOUT_KIND
        from apps.subscriptions.queue import DELIVERIES_KIND
        from apps.work import doctor, kinds, scheduler

        kinds.register(DELIVERIES_KIND)
        kinds.register(FANOUT_KIND)
        consumers.register(CONSUMER)
        standing.register_recovery("subscription", recovering.recovered)
        for duty in DUTIES:
            scheduler.register(duty)
        doctor.register_all(probes.PROBES)
