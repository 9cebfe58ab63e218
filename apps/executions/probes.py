"""What the doctor asks of executions: each open one has work, each piece of work an open one, each end is one."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from apps.executions import queue, services
from apps.executions.models import TERMINAL, Execution, Step
from apps.work.doctor import SHOWN_PER_PROBE, Finding
from apps.work.models import WorkItem


def without_work() -> Iterable[Finding]:
    for execution in queue.orphans()[:SHOWN_PER_PROBE]:
        what = f"it is {execution.state}, and no work item is left to go on with it"
        yield Finding("execution", execution.id, what, "The scheduler's sweep takes it up: is a scheduler running?")


def work_without_target() -> Iterable[Finding]:
    targets = Execution.objects.filter(pk=OuterRef("target_id")).exclude(state__in=TERMINAL)
    items = WorkItem.objects.filter(~Exists(targets), kind=services.WORK, lease_until__isnull=True)
    for item in items.order_by("id")[:SHOWN_PER_PROBE]:
        what = "its work item is still there, though it has ended or is gone"
        yield Finding("execution", item.target_id, what, "A worker drops it when it is due.")


def unsettled_intents() -> Iterable[Finding]:
    steps = Step.objects.filter(state=Step.State.INTENT, execution__state__in=TERMINAL)
    for step in steps.order_by("id")[:SHOWN_PER_PROBE]:
        what = f"a write ({step.path}) was begun and never settled, though its execution has ended"
        yield Finding("execution", step.execution_id, what, "Look at its target whether the write has arrived.")


PROBES = {
    "executions without work": without_work,
    "work of ended executions": work_without_target,
    "writes never settled": unsettled_intents,
}
