from django.apps import AppConfig


class AlarmsConfig(AppConfig):
    name = "apps.alarms"
    label = "alarms"

    def ready(self) -> None:
        from apps.alarms import probes
        from apps.alarms.duties import DUTIES
        from apps.alarms.listening import CONSUMER
        from apps.alarms.models import Alarm
        from apps.alarms.queue import JUDGE_KIND, SEND_KIND
        from apps.alarms.surveying import SURVEY_KIND
        from apps.events import consumers
        from apps.integrations.references import register_kind
        from apps.work import doctor, kinds, scheduler

        kinds.register(JUDGE_KIND)
        kinds.register(SEND_KIND)
        kinds.register(SURVEY_KIND)
        consumers.register(CONSUMER)
        for duty in DUTIES:
            scheduler.register(duty)
        doctor.register_all(probes.PROBES)
        register_kind("alarm", Alarm)
