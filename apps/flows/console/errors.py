"""The error desk: failed records with their data, to retry, mend or resolve, one or many."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from apps.accounts.console import (
    Button,
    ChoiceFilter,
    ConsoleAdmin,
    Fact,
    Outcome,
    WhenFilter,
    document_section,
    require_actor,
)
from apps.accounts.console.admin import REFUSALS
from apps.accounts.console.display import NOTHING, badge, code, link, moment, pretty, unbroken
from apps.accounts.console.names import address_of, change_url, links_to, may_somewhere, register_kind
from apps.accounts.console.searching import begins_with, ids_named
from apps.accounts.console.sections import Section
from apps.core.actors import Actor, Verb
from apps.core.errors import DomainError, NotFoundError
from apps.core.ids import hex24
from apps.executions.console.starters import people_named
from apps.executions.models import Execution, RecordError, RetryData, Step
from apps.executions.payloads import unpack
from apps.flows.console.runs import status_of
from apps.flows.models import Flow
from apps.flows.services.record_errors import replace_retry_data, resolve_errors
from apps.flows.services.runs import retry_errors
from apps.integrations.console import read_document

register_kind("recorderror", RecordError, field="trace_key")
RESOLVERS = {"retry": "a retry of it", "autopilot": "a later run", "system": "Junction itself"}
Group = tuple[Flow, Any, list[str]]


def flow_of(actor: Actor, flow_id: Any) -> Flow:
    flow: Flow | None = Flow.objects.for_actor(actor).filter(pk=flow_id).first()
    if flow is None:
        raise NotFoundError("The flow of this error is gone.")
    return flow


def retry(actor: Actor, row: RecordError) -> Outcome:
    flow = flow_of(actor, row.flow_id)
    execution = retry_errors(actor=actor, flow=flow, step_id=row.step_id, error_ids=[row.hex_id])
    return Outcome("The record is queued to be sent again.", url=address_of(execution))


def resolve(actor: Actor, row: RecordError) -> Outcome:
    resolve_errors(actor=actor, flow=flow_of(actor, row.flow_id), step_id=row.step_id, error_ids=[row.hex_id])
    return Outcome("The error is resolved: the record is not sent again.")


def is_of_export(row: RecordError) -> bool:
    """What an export died of, rather than one record."""
    if row.trace_key or row.retryable:
        return False
    failed = Step.objects.filter(execution=row.execution_id, kind="export", state=Step.State.FAILED)
    return failed.filter(target_id=row.step_id).exists()


def is_open(row: RecordError) -> bool:
    return row.resolved_at is None


class StatusFilter(ChoiceFilter):
    """Open ones, unless asked otherwise or searched for: an error desk is for what is left to do."""

    title = "state"
    parameter_name = "status"
    options = {
        "open": ("open", lambda rows: rows.filter(resolved_at__isnull=True)),
        "kept": ("open, can be retried", lambda rows: rows.filter(resolved_at__isnull=True, retryable=True)),
        "resolved": ("resolved", lambda rows: rows.filter(resolved_at__isnull=False)),
        "all": ("all", lambda rows: rows),
    }

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.usual = "all" if request.GET.get("q") else "open"
        super().__init__(request, *args)

    def value(self) -> str:
        return super().value() or self.usual

    def choices(self, changelist: Any) -> Any:
        for value, label in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": self.value() == value, "query_string": query, "display": label}


@admin.register(RecordError)
class RecordErrorAdmin(ConsoleAdmin):
    list_display = ("what", "code", "record", "status", "flow", "when")
    list_filter = (StatusFilter, WhenFilter)
    lookups = ("flow_id", "step_id", "execution")
    heavy = ("export_data_uri", "import_data_uri", "tags")
    actions = ("retry_chosen", "resolve_chosen")
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Record, flow or id"
    nothing = "Records that a step could not read, map or deliver wait here, to be mended, retried or resolved."
    unfiltered = "status=all"
    buttons = (
        Button(
            "retry", "Retry", retry, Verb.RETRY, icon="replay", look="primary",
            shown=lambda row: is_open(row) and row.retryable,
        ),
        Button("resolve", "Resolve", resolve, Verb.RETRY, icon="check", shown=is_open),
    )  # fmt: skip

    def found_by(self, actor: Actor, rows: "QuerySet[Any]", words: str) -> "QuerySet[Any]":
        """Records whose name begins so, else those of flows with that name."""
        traced = rows.filter(begins_with("trace_key", words))
        return traced if traced.exists() else rows.filter(flow_id__in=ids_named(actor, "flow", words))

    def decorate(self, request: HttpRequest, rows: list[Any]) -> None:
        names = links_to(require_actor(request), {("flow", row.flow_id) for row in rows})
        for row in rows:
            row.shown_flow = names[("flow", row.flow_id)]

    @admin.display(description="what went wrong")
    def what(self, row: RecordError) -> str:
        return row.message[:160] or row.code

    def record(self, row: RecordError) -> str:
        return unbroken(row.trace_key) if row.trace_key else NOTHING

    def status(self, row: RecordError) -> str:
        return badge(status_of(row))

    def flow(self, row: Any) -> str:
        found: str = row.shown_flow
        return found

    def when(self, row: RecordError) -> str:
        return moment(row.created_at)

    def title(self, row: RecordError) -> str:
        if row.trace_key:
            return f"Record {row.trace_key} failed"
        return "An export failed" if is_of_export(row) else "A record failed"

    def headline(self, row: RecordError) -> str:
        return badge(status_of(row))

    def sentence(self, row: RecordError) -> str:
        return row.message

    def alarming(self, row: RecordError) -> bool:
        return is_open(row)

    def facts(self, actor: Actor, row: RecordError) -> Iterable[Fact]:
        targets = [
            ("flow", row.flow_id),
            ("export", row.step_id),
            ("import", row.step_id),
            ("execution", row.retrying_in),
        ]
        links = links_to(actor, targets)
        yield Fact("Flow", links[targets[0]])
        yield Fact("Step", next((links[t] for t in targets[1:3] if "<a" in links[t]), hex24(row.step_id)))
        yield Fact("Execution", link(change_url(Execution, row.execution_id), hex24(row.execution_id)))
        whole = is_of_export(row)
        if not whole:
            yield Fact("Record", code(row.trace_key) if row.trace_key else NOTHING)
            yield Fact("Number in its page", row.source_index)
        yield Fact("Code", code(row.code))
        yield Fact("From", row.source)
        yield Fact("When", moment(row.created_at))
        kept = "no: run the flow again" if whole else "no: its record was not kept"
        yield Fact("Can be retried", "yes" if row.retryable else kept)
        if row.retrying_in:
            yield Fact("Retried by", link(change_url(Execution, row.retrying_in), hex24(row.retrying_in)))
        yield Fact("Resolved", moment(row.resolved_at, empty="no"))
        if row.resolved_at:
            people = people_named(actor, [row.resolved_by])
            yield Fact("Resolved by", RESOLVERS.get(row.resolved_by) or people.get(row.resolved_by) or NOTHING)

    def sections(self, request: HttpRequest, actor: Actor, row: RecordError) -> Iterable[Section]:
        kept = RetryData.objects.filter(error=row).first()
        if kept is not None:
            note = f"As it reached the step at {kept.stage}; revision {kept.revision}."
            yield document_section("The record", unpack(kept.data), note=note, rank=10)

    def tools(self, actor: Actor, row: RecordError) -> Iterable[tuple[str, str]]:
        if is_open(row) and row.retryable and self.may(actor, Verb.EDIT, row):
            yield "Edit record", reverse("admin:executions_recorderror_edit", args=[row.hex_id])

    def more_urls(self) -> list[URLPattern]:
        return [self.address("<str:object_id>/edit/", self.edit_record, "edit")]

    def edit_record(self, request: HttpRequest, object_id: str) -> HttpResponse:
        actor, row = require_actor(request), self.find(request, object_id)
        kept = RetryData.objects.filter(error=row).first()
        if kept is None or not self.may(actor, Verb.EDIT, row):
            raise Http404
        text, faults = pretty(unpack(kept.data)), []
        if request.method == "POST":
            text = request.POST.get("document", "")
            try:
                flow = flow_of(actor, row.flow_id)
                data = read_document(text)
                replace_retry_data(actor=actor, flow=flow, step_id=row.step_id, key=row.hex_id, data=data)
                messages.success(request, "The record is saved. Retry sends it as it stands now.")
                return HttpResponseRedirect(address_of(row))
            except DomainError as error:
                faults = [error.message]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Edit record {row.trace_key}".strip() if row.trace_key else "Edit the record",
            "alarm": row.message,
            "advice": f"Number {row.source_index} in its page, as it reached the step at {kept.stage}.",
            "text": text,
            "faults": faults,
            "back": address_of(row),
        }
        return TemplateResponse(request, "console/editor.html", context, status=422 if faults else 200)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return may_somewhere(require_actor(request), Verb.RETRY)

    @admin.action(description="Retry", permissions=["retry"])
    def retry_chosen(self, request: HttpRequest, queryset: "QuerySet[RecordError]") -> None:
        def run(actor: Actor, group: Group) -> None:
            flow, step_id, ids = group
            retry_errors(actor=actor, flow=flow, step_id=step_id, error_ids=ids)

        self.do_to_many(request, queryset, run, done="queued to be sent again")

    @admin.action(description="Resolve", permissions=["retry"])
    def resolve_chosen(self, request: HttpRequest, queryset: "QuerySet[RecordError]") -> None:
        def run(actor: Actor, group: Group) -> None:
            flow, step_id, ids = group
            resolve_errors(actor=actor, flow=flow, step_id=step_id, error_ids=ids)

        self.do_to_many(request, queryset, run, done="resolved")

    def do_to_many(
        self, request: HttpRequest, queryset: "QuerySet[RecordError]", run: Callable[[Actor, Group], None], *, done: str
    ) -> None:
        """One call of the service a step; what one refuses does not stop the others."""
        actor = require_actor(request)
        steps: dict[tuple[Any, Any], list[str]] = {}
        for flow_id, step_id, pk in queryset.order_by("id").values_list("flow_id", "step_id", "pk"):
            steps.setdefault((flow_id, step_id), []).append(hex24(pk))
        count = 0
        for (flow_id, step_id), ids in steps.items():
            try:
                run(actor, (flow_of(actor, flow_id), step_id, ids))
                count += len(ids)
            except REFUSALS as error:
                self.refuse(request, error)
        if count:
            messages.success(request, f"{count} record{'s are' if count > 1 else ' is'} {done}.")
