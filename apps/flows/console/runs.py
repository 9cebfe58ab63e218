"""What the page of a flow's run or retry shows and offers besides: failed records, pages, running it again."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Sum
from django.http import HttpRequest

from apps.accounts.console import Button, Outcome, add_buttons, add_sections, table_section
from apps.accounts.console.display import badge, link, moment, unbroken
from apps.accounts.console.names import address_of, change_url, list_url
from apps.accounts.console.sections import Section
from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError
from apps.core.ids import hex24
from apps.executions.models import Execution, RecordError, State
from apps.executions.summaries import counted
from apps.flows.console.flows import RUNS_SHOWN, run_now
from apps.flows.models import Flow, Page
from apps.flows.services.runs import RETRIES_PER_CALL, retry_errors


def flow_of(actor: Actor, row: Execution) -> Flow:
    flow: Flow | None = Flow.objects.for_actor(actor).filter(pk=row.target_id).first()
    if flow is None:
        raise NotFoundError("The flow of this run is gone.")
    return flow


def run_again(actor: Actor, row: Execution) -> Outcome:
    return run_now(actor, flow_of(actor, row))


def retryable(actor: Actor | None, row: Execution) -> Any:
    rows = RecordError.objects.filter(execution=row, resolved_at__isnull=True, retryable=True)
    return rows.filter(organization_id=actor.organization_id) if actor else rows


def retry_failed(actor: Actor, row: Execution) -> Outcome:
    """One retry a step, of its oldest thousand."""
    flow = flow_of(actor, row)
    steps: dict[Any, list[str]] = {}
    for step_id, pk in retryable(actor, row).order_by("id").values_list("step_id", "pk")[:RETRIES_PER_CALL]:
        steps.setdefault(step_id, []).append(hex24(pk))
    if not steps:
        raise NotFoundError("No failed record of this run is open and kept.")
    started = [retry_errors(actor=actor, flow=flow, step_id=step, error_ids=ids) for step, ids in steps.items()]
    count = sum(map(len, steps.values()))
    return Outcome(
        f"{count} failed record{'s are' if count > 1 else ' is'} queued to be sent again.", url=address_of(started[0])
    )


def is_flow_run(row: Execution) -> bool:
    return row.kind in ("flow", "retry") and row.is_terminal


def has_failed(row: Execution) -> bool:
    return is_flow_run(row) and row.state == State.FAILED


def went_through(row: Execution) -> bool:
    return is_flow_run(row) and row.state != State.FAILED


def has_retryable(row: Execution) -> bool:
    return is_flow_run(row) and retryable(None, row).exists()


def run_sections(request: HttpRequest, actor: Actor, row: Execution) -> Iterable[Section]:
    """A run's failed records first, and how its pages stand."""
    if row.kind not in ("flow", "retry"):
        return
    errors = list(
        RecordError.objects.for_actor(actor).filter(execution=row).order_by("resolved_at", "-id")[:RUNS_SHOWN]
    )
    if errors:
        rows = [
            [
                link(change_url(RecordError, e.pk), e.message[:160]),
                unbroken(e.code),
                unbroken(e.trace_key),
                badge(status_of(e)),
                moment(e.created_at),
            ]
            for e in errors
        ]
        more = list_url(RecordError, f"?execution={row.pk}&status=all")
        headers = ["What went wrong", "Code", "Record", "State", "When"]
        yield table_section("Record errors", headers, rows, more=more, more_label="See all record errors", rank=10)
    yield page_section(row)


def page_section(row: Execution) -> Section:
    """The pages of an ended run are cleared away, a part at a time: only its counts tell of them."""
    headers = ["State", "Pages", "Records"]
    if row.is_terminal:
        made = counted(row.pages_generated, "page")
        told = f"{made.capitalize()}, cleared after the end." if row.pages_generated else "No page was made."
        return table_section("Pages", headers, [], empty=told, rank=30)
    pages = Page.objects.filter(execution=row).values("state").order_by("state")
    rows = [
        [badge(entry["state"], look="info" if entry["state"] == "open" else ""), entry["n"], entry["records"]]
        for entry in pages.annotate(n=Count("id"), records=Sum("record_count"))
    ]
    return table_section("Pages", headers, rows, empty="None yet: no source has answered so far.", rank=30)


def status_of(row: RecordError) -> str:
    if row.resolved_at:
        return "resolved"
    return "retrying" if row.retrying_in else "open"


add_buttons(
    Execution,
    Button(
        "retry", "Retry failed records", retry_failed, Verb.RETRY, icon="replay", look="primary", shown=has_retryable
    ),
    Button("again", "Run again", run_again, Verb.RUN, icon="play_arrow", look="primary", shown=has_failed),
    Button("again", "Run again", run_again, Verb.RUN, icon="play_arrow", shown=went_through),
)
add_sections(Execution, run_sections)
