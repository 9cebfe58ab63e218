from dataclasses import replace

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "apps.executions"
    label = "executions"

    def ready(self) -> None:
        from apps.executions import actions, files, probes, replaying, retention
        from apps.executions import kinds as execution_kinds
        from apps.executions.counting import count_open_errors, tell_resolved
        from apps.executions.queue import WORK_KIND, sweep
        from apps.integrations.counting import register_counting
        from apps.wire.links import register_download
        from apps.work import doctor, kinds, scheduler

        kinds.register(WORK_KIND)
        for kind in actions.EXECUTION_KINDS:
            execution_kinds.register(replace(kind, replay=replaying.replay_action))
        execution_kinds.register(replaying.EXECUTION_KIND)
        scheduler.register(scheduler.Duty("sweep executions", 5.0, sweep, elected=True))
        scheduler.register(scheduler.Duty("prune executions", 600.0, retention.prune, elected=True))
        register_download(files.ERRORS, files.errors_file)
        register_download(files.DIAGNOSTICS, files.diagnostics_file)
        register_counting("integration", count_open_errors)
        register_counting("flow", tell_resolved, lists=False)
        doctor.register_all(probes.PROBES)
