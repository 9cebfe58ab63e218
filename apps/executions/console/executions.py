"""Executions: what ran, who started it, why it ended so, its steps and exchanges."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html

from apps.accounts.console import (
    Button,
    ChoiceFilter,
    ConsoleAdmin,
    Fact,
    Outcome,
    WhenFilter,
    require_actor,
    table_section,
)
from apps.accounts.console.display import NOTHING, badge, link, moment, span
from apps.accounts.console.names import change_url, links_to, register_kind
from apps.accounts.console.searching import begins_with, ids_named
from apps.accounts.console.sections import Section
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.executions import trying
from apps.executions.console import doubts
from apps.executions.console.exchanges import exchange_section
from apps.executions.console.starters import people_named, starters_of
from apps.executions.explain import explain
from apps.executions.jobs import JOB_KINDS, tallies_of
from apps.executions.models import Execution, RecordError, State, Step
from apps.executions.services import cancel_execution
from apps.executions.summaries import ending, kind_of, numbers, outcome_of, records, step_outcome, target_kind

register_kind("execution", Execution, field="target_name")
STEPS_SHOWN = 200
RUNS_OF_A_RECORD = 200
Timeline = Callable[[Actor, Execution], Section]
_timelines: dict[str, Timeline] = {}


def register_timeline(kind: str, make: Timeline) -> None:
    """How the steps of a kind are shown, where its app knows better than this one."""
    _timelines[kind] = make


EXCHANGES_SHOWN = 20  # of failures, and of the newest


def cancel(actor: Actor, row: Execution) -> Outcome:
    ended = cancel_execution(actor=actor, execution=row)
    return Outcome("The run is canceled." if ended.is_terminal else "The run stops as soon as its workers notice.")


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "trouble": (
            "failed or with failed records",
            lambda rows: rows.filter(Q(state=State.FAILED) | Q(error_count__gt=0)),
        ),
        "failed": ("failed", lambda rows: rows.filter(state=State.FAILED)),
        "errors": ("with failed records", lambda rows: rows.filter(error_count__gt=0)),
        "open": ("not ended", lambda rows: rows.exclude(state__in=(State.SUCCEEDED, State.FAILED, State.CANCELED))),
        "succeeded": ("succeeded", lambda rows: rows.filter(state=State.SUCCEEDED)),
        "canceled": ("canceled", lambda rows: rows.filter(state=State.CANCELED)),
    }


@admin.register(Execution)
class ExecutionAdmin(ConsoleAdmin):
    list_display = ("name", "kind_shown", "state_shown", "records", "started", "took", "started_by", "why")
    list_filter = (StateFilter, WhenFilter)
    lookups = ("target_id", "integration_id", "kind", "parent")
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Flow, record or id"
    nothing = "Runs appear here when a flow is started: by hand, by its schedule, by an event or through the API."
    buttons = (
        Button(
            "cancel", "Cancel run", cancel, Verb.RUN, look="danger", shown=lambda row: not row.is_terminal,
            confirm="What is sent stays sent; the rest is dropped, and all that it has started is canceled too.",
        ),
    )  # fmt: skip

    def found_by(self, actor: Actor, rows: QuerySet[Any], words: str) -> QuerySet[Any]:
        """Those in which a record of that name failed, else those of flows with that name."""
        errors = RecordError.objects.for_actor(actor).filter(begins_with("trace_key", words))
        failed_in = list(errors.values_list("execution_id", flat=True).distinct()[:RUNS_OF_A_RECORD])
        if failed_in:
            return rows.filter(pk__in=failed_in)
        return rows.filter(kind__in=JOB_KINDS, target_id__in=ids_named(actor, "flow", words))

    def decorate(self, request: HttpRequest, rows: list[Any]) -> None:
        tallies, starters = tallies_of(rows), starters_of(require_actor(request), rows)
        for row in rows:
            row.tally, row.starter = tallies.runs[row.id], starters[row.id]

    def name(self, row: Execution) -> str:
        return row.target_name or f"{row.kind} {row.hex_id}"

    @admin.display(description="kind")
    def kind_shown(self, row: Execution) -> str:
        return kind_of(row)

    @admin.display(description="state")
    def state_shown(self, row: Any) -> str:
        return badge(outcome_of(row, row.tally.error))

    def records(self, row: Any) -> str:
        return records(row, row.tally)

    def started_by(self, row: Any) -> str:
        found: str = row.starter
        return found

    def started(self, row: Execution) -> str:
        return moment(row.started_at or row.created_at)

    def took(self, row: Execution) -> str:
        if row.started_at is None:
            return NOTHING
        return format_html('<span class="jn-time">{}</span>', span((row.ended_at or clock.now()) - row.started_at))

    def why(self, row: Any) -> str:
        return ending(row, row.tally)[:160] or NOTHING

    def title(self, row: Execution) -> str:
        return self.name(row)

    def headline(self, row: Execution) -> str:
        kind = format_html("{} ", kind_of(row)) if row.kind in ("retry", "plan", "replay") else ""
        return format_html("{}{}", kind, badge(outcome_of(row, row.error_count)))

    def sentence(self, row: Execution) -> str:
        return ending(row, tallies_of([row]).runs[row.id]) if row.is_terminal else explain(row)

    def alarming(self, row: Execution) -> bool:
        return row.state == State.FAILED

    def refreshing(self, row: Execution) -> bool:
        return not row.is_terminal

    def facts(self, actor: Actor, row: Any) -> Iterable[Fact]:
        row.tally = tallies_of([row]).runs[row.id]
        target = (target_kind(row), row.target_id)
        links = links_to(actor, [target, ("integration", row.integration_id)])
        yield Fact(target_kind(row).capitalize(), links[target])
        yield Fact("Integration", links[("integration", row.integration_id)])
        yield Fact("Records", records(row, row.tally))
        yield Fact("Open record errors", row.tally.open_errors)
        yield Fact("Queued", moment(row.created_at))
        yield Fact("Started", moment(row.started_at))
        yield Fact("Ended", moment(row.ended_at))
        yield Fact("Took", self.took(row))
        yield Fact("Started by", starters_of(actor, [row])[row.id])
        if row.canceled_by:
            people = people_named(actor, [row.canceled_by])
            yield Fact("Canceled by", people.get(row.canceled_by, "Junction itself"))
        if row.mode != "live":
            yield Fact("Mode", badge(row.mode))
        if row.parent_id:
            words = {"retry": "the run it retries", "replay": "the run it replays"}
            again = link(change_url(Execution, row.parent_id), words.get(row.kind, "its parent"))
            yield Fact("Belongs to", again)
        yield Fact("Id", row.hex_id)

    def more_urls(self) -> list[URLPattern]:
        return [
            self.address("try/<str:version_id>/", self.try_view, "try"),
            self.address("<str:object_id>/settle/", self.settle_view, "settle"),
        ]

    def settle_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return doubts.settle(request, require_actor(request), self.find(request, object_id))

    def try_view(self, request: HttpRequest, version_id: str) -> HttpResponse:
        return trying.page(request, version_id, site=self.admin_site)

    def sections(self, request: HttpRequest, actor: Actor, row: Any) -> Iterable[Section]:
        yield from doubts.doubt_sections(row, may_settle=self.may(actor, Verb.RETRY, row))
        if row.kind in trying.SHOWN_WHOLE:
            yield from trying.data_sections(row)
        yield _timelines.get(row.kind, timeline)(actor, row)
        yield exchange_section(actor, row)


def timeline(actor: Actor, row: Execution) -> Section:
    steps = list(Step.objects.filter(execution=row).order_by("id").defer("outcome")[:STEPS_SHOWN])
    tallies = tallies_of([row], steps=steps)
    kinds = {step.id: "import" if step.kind == "import" else "export" for step in steps}
    names = links_to(actor, {(kinds[step.id], step.target_id) for step in steps})
    rows = []
    for step in steps:
        tally, named = tallies.steps[step.id], names[(kinds[step.id], step.target_id)]
        rows.append(
            [
                named if step.target_id else step.path,
                step.kind,
                badge(step_outcome(row, step, tally)),
                numbers(tally),
                tally.pages,
                moment(step.ended_at),
                step.message,
            ]
        )
    headers = ["Step", "Kind", "State", "Records", "Pages", "Ended", "Message"]
    return table_section("Steps", headers, rows, empty="No step has begun.", rank=20)
