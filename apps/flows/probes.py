"""What the doctor asks of flows: pages and their work, payloads that should be gone, retries that never came back."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q

from apps.executions.models import TERMINAL, Execution, RecordError
from apps.flows.models import Page, PagePayload
from apps.flows.pipeline import pages
from apps.work.doctor import SHOWN_PER_PROBE, Finding
from apps.work.models import WorkItem

OPEN = Page.State.OPEN


def pages_without_work() -> Iterable[Finding]:
    items = WorkItem.objects.filter(kind=pages.WORK, target_id=OuterRef("pk"))
    lost = Page.objects.filter(~Exists(items), state=OPEN).order_by("id")
    for page in lost[:SHOWN_PER_PROBE]:
        what = f"{page.record_count} records stand on it, and no work item is left to go on with it"
        advice = "Insert a work item of kind page for it, or cancel its execution."
        yield Finding("page", page.id, what, advice)


def pages_of_ended_runs() -> Iterable[Finding]:
    for page in Page.objects.filter(state=OPEN, execution__state__in=TERMINAL).order_by("id")[:SHOWN_PER_PROBE]:
        what = f"its execution has ended with {page.record_count} records on it"
        yield Finding("page", page.id, what, "Run the flow again for these records.")


def work_without_page() -> Iterable[Finding]:
    targets = Page.objects.filter(pk=OuterRef("target_id"), state=OPEN)
    items = WorkItem.objects.filter(~Exists(targets), kind=pages.WORK, lease_until__isnull=True)
    for item in items.order_by("id")[:SHOWN_PER_PROBE]:
        what = "its work item is still there, though it is done or gone"
        yield Finding("page", item.target_id, what, "Delete the work item.")


def payloads_of_done_pages() -> Iterable[Finding]:
    for payload in PagePayload.objects.exclude(page__state=OPEN).order_by("id").only("page_id")[:SHOWN_PER_PROBE]:
        what = "its records are kept, though it is done"
        yield Finding("page", payload.page_id, what, "They go with the page when the scheduler prunes it.")


def retries_that_ended() -> Iterable[Finding]:
    running = Execution.objects.filter(pk=OuterRef("retrying_in")).exclude(state__in=TERMINAL)
    errors = RecordError.objects.filter(~Exists(running), Q(retrying_in__isnull=False), resolved_at__isnull=True)
    for error in errors.order_by("id")[:SHOWN_PER_PROBE]:
        what = "it is marked as being retried by an execution that has ended"
        yield Finding("error", error.id, what, "Retry it again.")


PROBES = {
    "pages without work": pages_without_work,
    "pages of ended runs": pages_of_ended_runs,
    "work of done pages": work_without_page,
    "payloads of done pages": payloads_of_done_pages,
    "retries that ended": retries_that_ended,
}
