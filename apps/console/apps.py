from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "apps.console"
    label = "console"

    def ready(self) -> None:
        from apps.accounts.console import add_sections
        from apps.console.flow_pages import flow_diagram, run_diagram
        from apps.executions.models import Execution
        from apps.flows.models import Flow

        add_sections(Flow, flow_diagram)
        add_sections(Execution, run_diagram)
