from django.apps import AppConfig


class AutomationsConfig(AppConfig):
    name = "apps.automations"
    label = "automations"

    def ready(self) -> None:
        from apps.automations import backfilling, kinds
        from apps.automations.approvals import registration
        from apps.automations.models import Automation
        from apps.automations.triggers import fanning
        from apps.events import consumers
        from apps.executions import kinds as execution_kinds
        from apps.integrations.references import register_kind
        from apps.work import kinds as work_kinds

        execution_kinds.register(kinds.EXECUTION_KIND)
        work_kinds.register(fanning.WORK_KIND)
        work_kinds.register(backfilling.WORK_KIND)
        consumers.register(fanning.CONSUMER)
        registration.register()
        register_kind("automation", Automation)
