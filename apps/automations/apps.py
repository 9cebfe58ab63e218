from django.apps import AppConfig


class AutomationsConfig(AppConfig):
    name = "apps.automations"
    label = "automations"

    def ready(self) -> None:
        from apps.automations import backfilling, hooks, kinds, probes
        from apps.automations.approvals import registration
        from apps.automations.models import Automation
        from apps.automations.triggers import fanning, firing, on_schedule
        from apps.events import consumers
        from apps.executions import kinds as execution_kinds
        from apps.inbound import targets as inbound_targets
        from apps.integrations.references import register_kind
        from apps.schedules import targets
        from apps.work import doctor
        from apps.work import kinds as work_kinds

        execution_kinds.register(kinds.EXECUTION_KIND)
        work_kinds.register(fanning.WORK_KIND)
        work_kinds.register(backfilling.WORK_KIND)
        work_kinds.register(firing.WORK_KIND)
        consumers.register(fanning.CONSUMER)
        consumers.register(firing.CONSUMER)
        targets.register(on_schedule.TARGET)
        inbound_targets.register(hooks.TARGET)
        registration.register()
        doctor.register_all(probes.PROBES)
        register_kind("automation", Automation)
