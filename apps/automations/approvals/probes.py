"""What the doctor asks of approvals: each that waits belongs to a run that does, and its timeout has work."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from apps.automations.approvals import services
from apps.automations.approvals.models import Approval
from apps.executions.models import TERMINAL
from apps.work.doctor import SHOWN_PER_PROBE, Finding
from apps.work.models import WorkItem


def of_ended_runs() -> Iterable[Finding]:
    rows = Approval.objects.filter(closed=False, execution__state__in=TERMINAL).order_by("id")
    for row in rows[:SHOWN_PER_PROBE]:
        what = "it waits for an answer, though its run has ended"
        yield Finding("approval", row.id, what, "Delete it: an answer would change nothing.")


def without_timeout_work() -> Iterable[Finding]:
    items = WorkItem.objects.filter(kind=services.WORK, target_id=OuterRef("pk"))
    rows = Approval.objects.filter(~Exists(items), closed=False, timeout_at__isnull=False).order_by("id")
    for row in rows[:SHOWN_PER_PROBE]:
        what = "it has a timeout, and no work item is left to keep it"
        yield Finding("approval", row.id, what, "Insert a work item of kind approval for it, or answer it.")


PROBES = {"approvals of ended runs": of_ended_runs, "timeouts of approvals without work": without_timeout_work}
