from typing import Any

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "apps.flows"
    label = "flows"

    def ready(self) -> None:
        from apps.executions import kinds as execution_kinds
        from apps.executions import startable
        from apps.executions.jobs import register_live_counts
        from apps.flows import probes, scheduling
        from apps.flows.models import Export, Flow, Import, LookupCache, Script
        from apps.flows.pipeline import coordinator, finish, pages, planning, retry, running, snapshot
        from apps.flows.services import blobs, plans, replays
        from apps.flows.services.counts import count_flows, count_queued, live_counts, tell_owner
        from apps.flows.services.runs import STARTABLE
        from apps.integrations.counting import register_counting
        from apps.integrations.references import register_kind
        from apps.schedules import targets
        from apps.work import doctor, kinds, scheduler

        kinds.register(pages.WORK_KIND)
        targets.register(scheduling.TARGET)
        startable.register(STARTABLE)
        common: dict[str, Any] = {
            "drop": coordinator.drop,
            "totals": finish.totals,
            "close": finish.close,
            "connections": snapshot.connections_of,
        }
        for name, run, replay in (("flow", running.run, replays.replay_flow), ("retry", retry.run, None)):
            execution_kinds.register(execution_kinds.ExecutionKind(name=name, run=run, replay=replay, **common))
        execution_kinds.register(
            execution_kinds.ExecutionKind(
                name=planning.KIND, run=planning.run, totals=planning.totals, connections=snapshot.connections_of,
                show=plans.shown_plan,
            )
        )  # fmt: skip
        scheduler.register(scheduler.Duty("prune plans", 600.0, plans.prune_plans, elected=True))
        scheduler.register(scheduler.Duty("prune blobs", 600.0, blobs.prune_blobs, elected=True))
        scheduler.register(scheduler.Duty("prune pages", 30.0, finish.prune_pages, elected=True))
        for model in (Export, Import, Script, Flow, LookupCache):
            register_kind(str(model._meta.model_name), model)
        register_live_counts(live_counts)
        register_counting("integration", count_flows)
        register_counting("connection", count_queued, lists=False)
        register_counting("flow", tell_owner)
        register_counting("lookupcache", tell_owner)
        doctor.register_all(probes.PROBES)
