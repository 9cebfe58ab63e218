"""Hooks: the addresses at which automations are called, how calls are proved, and what came of them.

The address is a secret as well, so the page is for those who see secrets; what proves a call is never shown.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from apps.accounts.console import (
    Button,
    ConsoleAdmin,
    Fact,
    Outcome,
    WhenFilter,
    add_sections,
    add_tools,
    require_actor,
    table_section,
)
from apps.accounts.console.admin import REFUSALS
from apps.accounts.console.display import NOTHING, ago, badge, code, link, moment
from apps.accounts.console.names import address_of, list_url
from apps.accounts.console.sections import Section
from apps.automations import addressing
from apps.automations.models import Automation
from apps.automations.runs import KIND as RUN
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.core.errors import ValidationError
from apps.core.ids import id_floor
from apps.core.vault import VaultError
from apps.executions.models import Execution
from apps.inbound.declared import read_inlet
from apps.inbound.direct import direct_url
from apps.inbound.models import DirectHook, Listener
from apps.inbound.secrets import hook_secrets
from apps.integrations.console import copied

COUNTED = timedelta(days=7)
RUNS_SHOWN = 10
BEGINNING = 4  # characters of an address in a list: enough to tell two apart


def automation_of(actor: Actor, row: DirectHook) -> Automation | None:
    found: Automation | None = Automation.objects.for_actor(actor).filter(pk=row.target_id).first()
    return found


def name_of(actor: Actor, row: DirectHook) -> str:
    automation = automation_of(actor, row)
    return automation.title if automation else str(row)


def rotate_secret(actor: Actor, row: DirectHook) -> Outcome:
    secret = addressing.rotate_secret(actor=actor, hook=row, name=name_of(actor, row))
    return Outcome("The one before counts too, until you drop it.", secret=secret)


def drop_old(actor: Actor, row: DirectHook) -> Outcome:
    addressing.drop_old_secrets(actor=actor, hook=row, name=name_of(actor, row))
    return Outcome("The newest secret alone counts now.")


def rotate_address(actor: Actor, row: DirectHook) -> Outcome:
    addressing.rotate_address(actor=actor, hook=row, name=name_of(actor, row))
    return Outcome("It has a new address. At the old one there is nothing any more.")


def is_signed(row: DirectHook) -> bool:
    return addressing.proof_of(row) not in (addressing.UNSIGNED, "basic")


def is_proved(row: DirectHook) -> bool:
    return addressing.proof_of(row) != addressing.UNSIGNED


@admin.register(DirectHook)
class HookAdmin(ConsoleAdmin):
    nothing = "An automation with a trigger of type onHook has an address of its own, which stands here."
    read_verb = Verb.SECRETS
    list_display = ("automation", "address_begins", "proof", "answers", "state", "last_run", "runs_lately")
    list_filter = (WhenFilter,)
    sealed = ("secret",)
    lookups = ("target_id",)
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Search by id"
    buttons = (
        Button(
            "secret", "New secret", rotate_secret, Verb.EDIT, shown=is_signed,
            confirm="Whoever calls must learn it. The one before counts until you drop it; older ones do not.",
        ),
        Button(
            "drop", "Drop old secrets", drop_old, Verb.EDIT, shown=is_proved,
            confirm="Calls that are proved by any but the newest secret are refused from now on.",
        ),
        Button(
            "address", "New address", rotate_address, Verb.EDIT, look="danger",
            confirm="Whoever calls must learn the new address: at the old one there is nothing from now on.",
        ),
    )  # fmt: skip

    def rows(self, actor: Actor) -> QuerySet[Any]:
        return super().rows(actor).filter(target_kind=RUN)

    def decorate(self, request: HttpRequest, rows: list[Any]) -> None:
        actor = require_actor(request)
        automations = Automation.objects.for_actor(actor).in_bulk([row.target_id for row in rows])
        runs = runs_of(actor, [row.target_id for row in rows])
        for row in rows:
            row.of, (row.newest, row.count) = automations.get(row.target_id), runs.get(row.target_id, (None, 0))

    def automation(self, row: Any) -> str:
        return row.of.title if row.of else f"{row.target_kind} {row.hex_id}"

    @admin.display(description="address")
    def address_begins(self, row: DirectHook) -> str:
        return f"/hooks/{row.token[:BEGINNING]}…"

    @admin.display(description="proved by")
    def proof(self, row: DirectHook) -> str:
        return proof_words(row)

    def answers(self, row: DirectHook) -> str:
        return "the outputs" if read_inlet(row.config).sync else "at once"

    def state(self, row: Any) -> str:
        return state_of(row.of)

    @admin.display(description="last run")
    def last_run(self, row: Any) -> str:
        return ago(row.newest) if row.newest else "none lately"

    @admin.display(description="runs in 7 days")
    def runs_lately(self, row: Any) -> int:
        found: int = row.count
        return found

    def title(self, row: DirectHook) -> str:
        found = Automation.objects.filter(pk=row.target_id).values_list("title", flat=True).first()
        return f"Hook of {found or row.hex_id}"

    def facts(self, actor: Actor, row: DirectHook) -> Iterable[Fact]:
        automation = automation_of(actor, row)
        inlet = read_inlet(row.config)
        newest, count = runs_of(actor, [row.target_id]).get(row.target_id, (None, 0))
        yield Fact("Automation", link(address_of(automation), automation.title) if automation else NOTHING)
        yield Fact("State", state_of(automation))
        yield Fact("Address", address_words(row))
        yield Fact("Proved by", proof_words(row))
        yield Fact("Secrets", secret_words(row))
        yield Fact("Answers", "with the outputs, in the call" if inlet.sync else "202 at once; a worker runs it")
        yield Fact(
            "Challenge", f"answered, {inlet.challenge.place} {inlet.challenge.name}" if inlet.challenge else "none"
        )
        known = inlet.id_header or inlet.id_path
        yield Fact("Taken once by", code(known) if known else "nothing: each call is a run")
        yield Fact("Last run", moment(newest, empty="none lately"))
        yield Fact("Runs in 7 days", count)
        yield Fact("Id", row.hex_id)

    def sections(self, request: HttpRequest, actor: Actor, row: DirectHook) -> Iterable[Section]:
        found = called(actor, [row.target_id]).order_by("-id")[:RUNS_SHOWN]
        rows = [[link(address_of(run), moment(run.created_at)), badge(run.state), run.reason[:200]] for run in found]
        note = "A call that meets no condition of the trigger, or was taken before, starts none."
        more = list_url(Execution, f"?target_id={row.target_id}")
        headers = ["Run", "State", "Why"]
        yield table_section("Runs that calls have started", headers, rows, empty="None.", note=note, more=more, rank=20)

    # Setting a secret that the caller has chosen.

    def tools(self, actor: Actor, row: DirectHook) -> Iterable[tuple[str, str]]:
        if is_proved(row) and actor.may(Verb.EDIT):
            yield "Set secret", reverse("admin:inbound_directhook_set", args=[row.hex_id])

    def more_urls(self) -> list[URLPattern]:
        return [self.address("<str:object_id>/set/", self.set_view, "set")]

    def set_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        actor, row = require_actor(request), self.find(request, object_id)
        if not is_proved(row) or not actor.may(Verb.EDIT):
            raise Http404
        fault = ""
        if request.method == "POST":
            try:
                text = request.POST.get("secret", "").strip()
                if not text:
                    raise ValidationError("Write the secret.", field="secret")
                keep = bool(request.POST.get("keep"))
                addressing.set_secrets(
                    actor=actor, hook=row, name=name_of(actor, row),
                    secrets=lambda locked: [text, *(hook_secrets(locked)[:1] if keep else [])],
                )  # fmt: skip
                messages.success(request, "The secret is set. It is not shown again.")
                return HttpResponseRedirect(address_of(row))
            except REFUSALS as error:
                fault = str(error)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Secret of {name_of(actor, row)}",
            "proof": proof_words(row),
            "fault": fault,
            "back": address_of(row),
        }
        return TemplateResponse(request, "console/set_secret.html", context, status=422 if fault else 200)


def called(actor: Actor, automation_ids: Sequence[uuid.UUID]) -> Any:
    """Runs that calls have started, lately, by the index of a target's executions."""
    rows = Execution.objects.for_actor(actor).filter(kind=RUN, target_id__in=automation_ids, triggered_by="hook")
    return rows.filter(id__gte=id_floor(clock.now() - COUNTED))


def runs_of(actor: Actor, automation_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[Any, int]]:
    """(when the newest was started, how many there are), in one query."""
    grouped = called(actor, automation_ids).order_by().values("target_id")
    found = grouped.annotate(newest=Max("created_at"), number=Count("id"))
    return {row["target_id"]: (row["newest"], row["number"]) for row in found}


def state_of(automation: Automation | None) -> str:
    """Of one that is off, or gone, nothing is taken."""
    return badge("enabled" if automation is not None and automation.is_active else "disabled")


def proof_words(row: DirectHook) -> str:
    security = read_inlet(row.config).security
    where = security.header or (f"query {security.query}" if security.query else "")
    if security.type == addressing.UNSIGNED:
        return "nothing but its address"
    return f"{security.type} in {where}" if where else security.type


def address_words(row: DirectHook) -> str:
    try:
        return copied(direct_url(row))
    except ValidationError:
        return f"/hooks/{row.token} (JUNCTION_PUBLIC_URL is not set)"


def secret_words(row: DirectHook) -> str:
    try:
        count = len(hook_secrets(row))
    except VaultError as error:
        return str(error)
    if not is_proved(row):
        return "none needed"
    return f"{count} set" if count else "none set: every call is refused"


def hook_tool(actor: Actor, automation: Automation) -> Iterable[tuple[str, str]]:
    """On the automation's own page."""
    if actor.may(Verb.SECRETS):
        for row in DirectHook.objects.for_actor(actor).filter(target_kind=RUN, target_id=automation.pk).only("pk"):
            yield "Hook", address_of(row)


def listening_automation(request: HttpRequest, actor: Actor, row: Listener) -> Iterable[Section]:
    """On the page of a connector's trigger that is switched on."""
    rows = Automation.objects.for_actor(actor).filter(listeners__listener=row)
    cells: list[list[Any]] = [[link(address_of(one), one.title), state_of(one)] for one in rows]
    if cells:
        yield table_section("Switched on by", ["Automation", "State"], cells, rank=10)


add_tools(Automation, hook_tool)
add_sections(Listener, listening_automation)
