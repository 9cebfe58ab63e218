"""Flows: run, enable, disable; schedules, recent runs, open errors; and what a run's page shows of its flow."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest

from apps.accounts.console import (
    Button,
    ChoiceFilter,
    Fact,
    Outcome,
    require_actor,
    table_section,
)
from apps.accounts.console.display import NOTHING, ago, badge, link, moment, span
from apps.accounts.console.names import address_of, links_to, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.core.actors import Actor, Verb
from apps.core.ids import hex24
from apps.executions.jobs import tallies_of
from apps.executions.models import Execution, RecordError
from apps.executions.summaries import ending, kind_of, outcome_of, records
from apps.flows.api.serializers.flows import FlowSerializer
from apps.flows.models import Export, Flow, Import
from apps.flows.services.record_errors import count_open_errors
from apps.flows.services.resources import FLOWS
from apps.flows.services.runs import run_flow
from apps.integrations.console import DocumentAdmin, delete_document, ids_to_copy
from apps.integrations.models import Integration
from apps.schedules.models import Schedule

register_kind("flow", Flow)
RUNS_SHOWN = 10


def run_now(actor: Actor, row: Flow) -> Outcome:
    execution = run_flow(actor=actor, flow=row)
    return Outcome(f"{row} is queued to run.", url=address_of(execution))


def set_disabled(actor: Actor, row: Flow, *, disabled: bool) -> Outcome:
    FLOWS.replace(actor=actor, row=row, document=FLOWS.show(row) | {"disabled": disabled})
    return Outcome(f"{row} is {'disabled: its schedule rests' if disabled else 'enabled'}.")


def delete(actor: Actor, row: Flow) -> Outcome:
    return Outcome(f"Flow {row} is deleted.", url=delete_document(FLOWS, actor, row))


class EnabledFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "enabled": ("enabled", lambda rows: rows.filter(disabled=False)),
        "disabled": ("disabled", lambda rows: rows.filter(disabled=True)),
    }


@admin.register(Flow)
class FlowAdmin(DocumentAdmin):
    nothing = "A flow reads records with exports and writes them with imports, by hand or on a schedule."
    resource = FLOWS
    serializer = FlowSerializer
    list_display = ("name", "state", "integration_name", "last_run", "last_state", "next_run")
    list_filter = (EnabledFilter,)
    lookups = ("integration",)
    related = ("integration",)
    search_fields = ("name",)
    advice = (
        "pageGenerators read, pageProcessors look up and write, in this order; each names an export or import by id."
        ' "schedule": "? */5 * * * *" would run it every five minutes; without one it is run by hand.'
    )
    buttons = (
        Button(
            "run", "Run now", run_now, Verb.RUN, icon="play_arrow", look="primary",
            shown=lambda row: not row.disabled,
        ),
        Button(
            "disable", "Disable", lambda actor, row: set_disabled(actor, row, disabled=True), Verb.EDIT,
            shown=lambda row: not row.disabled,
        ),
        Button(
            "enable", "Enable", lambda actor, row: set_disabled(actor, row, disabled=False), Verb.EDIT,
            look="primary", shown=lambda row: row.disabled,
        ),
        Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="Its runs stay; what runs is canceled."),
    )  # fmt: skip

    def starter_of(self, request: HttpRequest) -> dict[str, Any]:
        """Whole but for its choice: the newest export and import stand in it."""
        actor = require_actor(request)
        source = Export.objects.for_actor(actor).filter(is_lookup=False).order_by("-pk").first()
        sink = Import.objects.for_actor(actor).order_by("-pk").first()
        return {
            "name": "New flow",
            "pageGenerators": [{"_exportId": source.hex_id if source else "an export's id"}],
            "pageProcessors": [{"type": "import", "_importId": sink.hex_id if sink else "an import's id"}],
        }

    def helps(self, actor: Actor) -> list[Section]:
        return [
            ids_to_copy("Exports, to read with", Export.objects.for_actor(actor), model=Export),
            ids_to_copy("Imports, to write with", Import.objects.for_actor(actor), model=Import),
            ids_to_copy("Integrations, for _integrationId", Integration.objects.for_actor(actor), model=Integration),
        ]

    def decorate(self, request: HttpRequest, rows: list[Any]) -> None:
        """The newest run and the next due moment of each: two queries for a page."""
        actor, ids = require_actor(request), [row.pk for row in rows]
        newest = newest_runs(actor, ids)
        due = Schedule.objects.for_actor(actor).filter(target_kind="flow", target_id__in=ids, next_due_at__isnull=False)
        next_due: dict[Any, Any] = {}
        for target_id, moment_due in due.values_list("target_id", "next_due_at"):
            next_due[target_id] = min(moment_due, next_due.get(target_id, moment_due))
        for row in rows:
            row.newest, row.next_due = newest.get(row.pk), next_due.get(row.pk)

    def state(self, row: Flow) -> str:
        return badge("disabled" if row.disabled else "enabled")

    @admin.display(description="integration")
    def integration_name(self, row: Flow) -> str:
        return row.integration.name if row.integration else NOTHING

    def last_run(self, row: Any) -> str:
        return link(address_of(row.newest), ago(row.newest.created_at)) if row.newest else "never"

    def last_state(self, row: Any) -> str:
        return badge(outcome_of(row.newest, row.newest.error_count)) if row.newest else NOTHING

    def next_run(self, row: Any) -> str:
        return moment(row.next_due)

    def headline(self, row: Flow) -> str:
        return self.state(row)

    def facts(self, actor: Actor, row: Flow) -> Iterable[Fact]:
        if row.integration:
            yield Fact("Integration", link(address_of(row.integration), row.integration.name))
        yield Fact("Last execution ended", moment(row.last_executed_at, empty="never"))
        schedules = Schedule.objects.for_actor(actor).filter(target_kind="flow", target_id=row.pk).order_by("generator")
        for schedule in schedules:
            due = f"{schedule} " if schedule.next_due_at is None else f"{schedule}: due {ago(schedule.next_due_at)}"
            yield Fact("Schedule", link(address_of(schedule), due))
        yield Fact("Id", row.hex_id)
        yield Fact("Changed", moment(row.updated_at))

    def sections(self, request: HttpRequest, actor: Actor, row: Flow) -> list[Section]:
        return [open_errors(actor, row), recent_runs(actor, row), *super().sections(request, actor, row)]


def newest_runs(actor: Actor, flow_ids: list[Any]) -> dict[Any, Execution]:
    """By one probe of the index a flow, in one query."""
    mine = Execution.objects.filter(organization_id=actor.organization_id, kind="flow", target_id=OuterRef("pk"))
    newest = Flow.objects.filter(pk__in=flow_ids).annotate(newest=Subquery(mine.order_by("-id").values("pk")[:1]))
    found = Execution.objects.for_actor(actor).filter(pk__in=newest.values("newest"))
    return {row.target_id: row for row in found}


def recent_runs(actor: Actor, flow: Flow) -> Section:
    runs = list(runs_of(actor, flow).order_by("-id")[:RUNS_SHOWN])
    tallies = tallies_of(runs)
    rows = [
        [
            link(address_of(run), moment(run.created_at)),
            kind_of(run),
            badge(outcome_of(run, tallies.runs[run.id].error)),
            records(run, tallies.runs[run.id]),
            span(run.ended_at - run.started_at) if run.ended_at and run.started_at else NOTHING,
            ending(run, tallies.runs[run.id])[:200],
        ]
        for run in runs
    ]
    more = list_url(Execution, f"?target_id={flow.pk}")
    return table_section(
        "Recent executions",
        ["Execution", "Kind", "State", "Records", "Took", "Why"],
        rows,
        empty="It never ran.",
        more=more,
        rank=20,
    )


def runs_of(actor: Actor, flow: Flow) -> "QuerySet[Execution]":
    found: QuerySet[Execution] = Execution.objects.for_actor(actor).filter(
        kind__in=("flow", "retry", "plan"), target_id=flow.pk
    )
    return found


def open_errors(actor: Actor, flow: Flow) -> Section:
    counted = count_open_errors(flow=flow)
    names = links_to(actor, [(kind, entry["step_id"]) for entry in counted for kind in ("export", "import")])
    rows = []
    for entry in counted:
        both = [names[(kind, entry["step_id"])] for kind in ("import", "export")]
        named = next((name for name in both if "<a" in name), hex24(entry["step_id"]))
        errors = list_url(RecordError, f"?flow_id={flow.pk}&step_id={entry['step_id']}")
        rows.append([named, link(errors, f"{entry['total']} open"), moment(entry["last"])])
    return table_section(
        "Open record errors", ["Step", "Errors", "Last"], rows, empty="No record error is open.", rank=15
    )
