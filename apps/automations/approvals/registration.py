"""What approvals tell the apps below, in AppConfig.ready."""


def register() -> None:
    from apps.automations.approvals import explaining, probes, queue
    from apps.automations.approvals.standing import waiting_since
    from apps.events import standing
    from apps.executions import explain
    from apps.work import doctor, kinds

    for kind in queue.WORK_KINDS:
        kinds.register(kind)
    explain.register_reason(explaining.why_it_waits)
    doctor.register_all(probes.PROBES)
    standing.register_source("approvals", waiting_since)
