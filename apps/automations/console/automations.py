"""Automations: what starts them, what they do, their saves and runs; run by hand, switch off and on, edit."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from apps.accounts.console import Button, ChoiceFilter, Fact, Outcome, document_section, require_actor, table_section
from apps.accounts.console.admin import REFUSALS
from apps.accounts.console.display import NOTHING, ago, badge, code, link, moment, pretty, span
from apps.accounts.console.names import address_of, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.automations import services
from apps.automations.api.celigo import AutomationDocument, whole_document
from apps.automations.console import approving
from apps.automations.models import Automation, AutomationVersion, Run, Type
from apps.automations.running.compiled import Compiled, Trigger, compiled, every
from apps.automations.services import manual_trigger
from apps.core.actors import Actor, Verb
from apps.core.errors import DomainError, ValidationErrors
from apps.core.ids import hex24
from apps.executions.models import Execution
from apps.integrations.console import EditorAdmin, read_document
from apps.wire.errors import failure_of

register_kind("automation", Automation, field="title")
RUNS_SHOWN, VERSIONS_SHOWN = 10, 10
STARTER: dict[str, Any] = {
    "id": "new-rule",
    "title": "New rule",
    "type": "automation",
    "triggers": [
        {"type": "onEvent", "event": {"resource": "entity", "action": ["create", "update"]}, "conditions": []}
    ],
    "actions": [{"type": "fetchResource", "id": "found", "args": {"conditions": []}}],
}


def switch(actor: Actor, row: Automation, *, active: bool) -> Outcome:
    services.switch_automation(actor=actor, automation=row, active=active)
    return Outcome(f"{row} is switched {'on' if active else 'off: nothing starts it'}.")


def delete(actor: Actor, row: Automation) -> Outcome:
    services.delete_automation(actor=actor, automation=row)
    return Outcome(f"Automation {row} is deleted.", url=list_url(Automation))


class ActiveFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "active": ("on", lambda rows: rows.filter(is_active=True)),
        "inactive": ("off", lambda rows: rows.filter(is_active=False)),
    }


TYPES = {
    Type.AUTOMATION.value: "automation",
    Type.SELF_SERVICE.value: "self-service action",
    Type.SCORECARD.value: "scorecard",
    Type.REFERENCE.value: "reference",
}


def of_type(word: str) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    return lambda rows: rows.filter(type=word)


class TypeFilter(ChoiceFilter):
    title = "type"
    parameter_name = "type"
    options = {word: (label, of_type(word)) for word, label in TYPES.items()}


@admin.register(Automation)
class AutomationAdmin(EditorAdmin):
    nothing = "An automation waits for something to happen, asks its conditions, and does what its actions say."
    advice = "Triggers start it, conditions must all hold, actions are done in their order. Texts may be templates."
    starter = STARTER
    list_display = ("title_shown", "slug", "kind", "state", "started_by", "last_run", "last_state")
    list_filter = (ActiveFilter, TypeFilter)
    related = ("version",)
    sealed = ("version__secrets",)
    ordering = ("order", "slug")
    search_fields = ("slug", "title")
    buttons = (
        Button(
            "off", "Switch off", lambda actor, row: switch(actor, row, active=False), Verb.EDIT,
            shown=lambda row: row.is_active,
        ),
        Button(
            "on", "Switch on", lambda actor, row: switch(actor, row, active=True), Verb.EDIT, look="primary",
            shown=lambda row: not row.is_active,
        ),
        Button(
            "delete", "Delete", delete, Verb.DELETE, look="danger",
            confirm="Its versions go with it; its runs stay, and those that have not ended fail.",
        ),
    )  # fmt: skip

    def decorate(self, request: HttpRequest, rows: list[Any]) -> None:
        """The newest run of each, by one probe of the index, in one query."""
        actor = require_actor(request)
        runs = Run.objects.filter(automation_id=OuterRef("pk")).order_by("-execution_id")
        newest = Automation.objects.filter(pk__in=[row.pk for row in rows])
        ids = newest.annotate(newest=Subquery(runs.values("pk")[:1])).values("newest")
        found = {run.target_id: run for run in Execution.objects.for_actor(actor).filter(pk__in=ids)}
        for row in rows:
            row.newest = found.get(row.pk)

    @admin.display(description="title")
    def title_shown(self, row: Automation) -> str:
        return row.title

    @admin.display(description="type")
    def kind(self, row: Automation) -> str:
        return TYPES[row.type]

    def state(self, row: Automation) -> str:
        return badge("enabled" if row.is_active else "disabled")

    def started_by(self, row: Automation) -> str:
        kinds = [one.get("type") for one in (row.version.document.get("triggers") or [])] if row.version else []
        return ", ".join(dict.fromkeys(map(str, kinds))) or NOTHING

    def last_run(self, row: Any) -> str:
        return link(address_of(row.newest), ago(row.newest.created_at)) if row.newest else "never"

    def last_state(self, row: Any) -> str:
        return badge(row.newest.state) if row.newest else NOTHING

    def headline(self, row: Automation) -> str:
        return self.state(row)

    def sentence(self, row: Automation) -> str:
        return str(row.version.document.get("description") or "") if row.version else ""

    def facts(self, actor: Actor, row: Automation) -> Iterable[Fact]:
        document = row.version.document if row.version else {}
        yield Fact("Id", code(row.slug))
        yield Fact("Type", TYPES[row.type])
        yield Fact("Needs approval", "yes, before its first action" if document.get("needsApproval") else "no")
        if document.get("concurrencyKey"):
            yield Fact("One at a time of", code(document["concurrencyKey"]))
        yield Fact("Order", row.order)
        yield Fact("Version", row.version.number if row.version else NOTHING)
        yield Fact("Changed", moment(row.updated_at))

    def tools(self, actor: Actor, row: Automation) -> list[tuple[str, str]]:
        found = super().tools(actor, row)
        if actor.may(Verb.EDIT):
            found.append(("Approval", reverse(self.view_name("approval"), args=[row.hex_id])))
        if row.is_active and actor.may(Verb.RUN) and manual_trigger(row) is not None:
            found.insert(0, ("Run", reverse(self.view_name("start"), args=[row.hex_id])))
        return found

    def sections(self, request: HttpRequest, actor: Actor, row: Automation) -> Iterable[Section]:
        yield from program_sections(row)
        yield recent_runs(actor, row)
        yield saves(actor, row)
        yield document_section("Document", whole_document(row.version), folded=True, rank=90)

    # Editing, and running by hand.

    def editable(self, row: Automation) -> dict[str, Any]:
        return whole_document(row.version)

    def revision_of(self, row: Automation) -> str:
        return str(row.version_id)

    def store(self, *, actor: Actor, row: Automation | None, document: dict[str, Any]) -> Automation:
        AutomationDocument(data=document).is_valid(raise_exception=True)
        if row is None:
            return services.create_automation(actor=actor, document=document)
        return services.replace_automation(actor=actor, automation=row, document={**document, "id": row.slug})

    def more_urls(self) -> list[URLPattern]:
        return [
            *super().more_urls(),
            self.address("<str:object_id>/start/", self.start_view, "start"),
            self.address("<str:object_id>/approval/", self.approval_view, "approval"),
        ]

    def approval_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return approving.page(request, self.find(request, object_id), site=self.admin_site, opts=self.opts)

    def start_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for args, and queues a run."""
        actor, row = require_actor(request), self.find(request, object_id)
        trigger = manual_trigger(row)
        if trigger is None or not actor.may(Verb.RUN):
            raise Http404
        schema = trigger.get("inputSchema") or {}
        text = request.POST.get("args", pretty(services.empty_args(schema)))
        faults: list[str] = []
        if request.method == "POST":
            try:
                execution = services.run_by_hand(actor=actor, automation=row, args=read_document(text or "{}"))
                messages.success(request, f"{row} is queued to run.")
                return HttpResponseRedirect(address_of(execution))
            except REFUSALS as error:
                failure = failure_of(error)
                faults = [item.message for item in failure.items] if failure else [str(error)]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Run {row}",
            "text": text,
            "schema": pretty(schema) if schema else "",
            "faults": faults,
            "back": address_of(row),
        }
        return TemplateResponse(request, "console/run_automation.html", context, status=422 if faults else 200)


def program_sections(row: Automation) -> Iterable[Section]:
    try:
        program = compiled(row.version) if row.version else None
    except (DomainError, ValidationErrors) as error:
        yield table_section("What it does", ["Fault"], [[error.message]], rank=10)
        return
    if program is None:
        return
    triggers = [
        [trigger.kind.name, trigger_words(trigger), conditions_of(trigger.document)] for trigger in program.triggers
    ]
    told = dict.fromkeys(trigger.kind.advice for trigger in program.triggers if trigger.kind.advice)
    yield table_section(
        "Started by", ["Trigger", "When", "If"], triggers, empty="Nothing starts it.", note=" ".join(told), rank=10
    )
    yield table_section(
        "What it does", ["Action", "Kind", "If"], actions_of(program), empty="It has no action.", rank=15
    )


def trigger_words(trigger: Trigger) -> str:
    event = trigger.document.get("event")
    if isinstance(event, dict) and isinstance(event.get("action"), list):
        return f"{event.get('resource')}: {', '.join(map(str, event['action']))}"
    return ", ".join(f"{name}: {value}" for name, value in trigger.document.items() if name in SHOWN_OF_TRIGGERS)


SHOWN_OF_TRIGGERS = ("schedule", "timezone", "connector", "trigger", "respond", "states", "kinds")


def conditions_of(document: Any) -> str:
    """In words as short as they are."""
    found = document.get("conditions") or []
    return "; ".join(f"{one['field']} {one['operator']} {one.get('value')!r}" for one in found)[:300]


def actions_of(program: Compiled) -> list[list[Any]]:
    rows = []
    for action in every(program.actions):
        depth = action.path.count(".args.")
        name = action.title or action.id or action.path
        rows.append([f"{'· ' * depth}{name}", action.kind.name, conditions_of({"conditions": action.conditions})])
    return rows


def recent_runs(actor: Actor, row: Automation) -> Section:
    runs = Execution.objects.for_actor(actor).filter(kind="automation", target_id=row.pk).order_by("-id")[:RUNS_SHOWN]
    cells = [
        [
            link(address_of(run), moment(run.created_at)),
            badge(run.state),
            span(run.ended_at - run.started_at) if run.ended_at and run.started_at else NOTHING,
            run.reason[:200],
        ]
        for run in runs
    ]
    more = list_url(Execution, f"?target_id={row.pk}")
    return table_section(
        "Recent runs", ["Run", "State", "Took", "Why"], cells, empty="It never ran.", more=more, rank=20
    )


def saves(actor: Actor, row: Automation) -> Section:
    rows = AutomationVersion.objects.for_actor(actor).filter(automation=row).select_related("created_by")
    cells = [
        [
            f"{version.number}{' (current)' if version.id == row.version_id else ''}",
            moment(version.created_at),
            str(version.created_by) if version.created_by else "Junction itself",
            hex24(version.id),
        ]
        for version in rows.defer("secrets", "document").order_by("-number")[:VERSIONS_SHOWN]
    ]
    return table_section("Versions", ["Version", "Saved", "By", "Id"], cells, rank=30)
