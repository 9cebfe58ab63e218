"""Members, API keys, and the change log, whose app lies below this one's floor; customers' people beside it."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts import people_pages, services
from apps.accounts.console import (
    Button,
    ChoiceFilter,
    ConsoleAdmin,
    Fact,
    Outcome,
    WhenFilter,
    require_actor,
    seat_of,
    table_section,
)
from apps.accounts.console.display import NOTHING, ago, badge, code, moment, pretty
from apps.accounts.console.names import links_to, list_url, register_kind
from apps.accounts.console.secret_page import secret_page
from apps.accounts.console.sections import Section
from apps.accounts.models import ApiKey, Membership
from apps.audit.models import AuditEntry
from apps.audit.querysets import entries
from apps.core.actors import RANK, Actor, Role, Verb

__all__ = ["ApiKeyAdmin", "AuditEntryAdmin", "MembershipAdmin", "people_pages"]

register_kind("apikey", ApiKey, needs=Verb.SECRETS)
# What the log says in one word, as people read it: the noun follows.
EVENTS = {"edit": "edit the data of", "erase": "erase the data of", "settle": "settle a doubt in"}
KINDS = {"recorderror": "failed record", "apikey": "API key", "enduser": "end user"}
WHOLE = {  # without a noun
    "run": "run",
    "retry": "retry",
    "cancel": "cancel",
    "pause": "pause a schedule",
    "resume": "resume a schedule",
    "signin": "sign in",
    "signin_refused": "refused sign-in",
    "password": "new password",
}


@admin.register(Membership)
class MembershipAdmin(ConsoleAdmin):
    list_display = ("person", "email", "access", "since")
    related = ("user",)
    search_fields = ("user__email", "user__name")

    @admin.display(description="person")
    def person(self, row: Membership) -> str:
        return row.user.name or row.user.email

    def email(self, row: Membership) -> str:
        return row.user.email

    def access(self, row: Membership) -> str:
        return badge(row.role or "shared integrations only")

    def since(self, row: Membership) -> str:
        return moment(row.created_at)

    def facts(self, actor: Actor, row: Membership) -> Iterable[Fact]:
        yield Fact("Access", row.role or "only what is shared with them")
        yield Fact("E-mail", row.user.email)
        yield Fact("Time zone", row.user.timezone)
        yield Fact("Last sign-in", moment(row.user.last_login))

    def sections(self, request: HttpRequest, actor: Actor, row: Membership) -> Iterable[Section]:
        shares = list(row.shares.order_by("id").values_list("integration_id", "role"))
        names = links_to(actor, [("integration", shared) for shared, _ in shares])
        rows = [[names[("integration", shared)], role] for shared, role in shares]
        yield table_section("Shared integrations", ["Integration", "Access"], rows, empty="None is shared one by one.")


def revoke(actor: Actor, row: ApiKey) -> Outcome:
    services.revoke_api_key(actor=actor, api_key=row)
    return Outcome(f"Key {row.name} is revoked: calls with it fail from now on.")


class NewKeyForm(forms.Form):
    name = forms.CharField(max_length=100)
    role = forms.ChoiceField(choices=[])

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = RANK[actor.role] if actor.role else 0
        self.fields["role"].choices = [(r.value, r.value) for r in Role if RANK[r] <= most]  # type: ignore[attr-defined]


@admin.register(ApiKey)
class ApiKeyAdmin(ConsoleAdmin):
    """The surprise: the secret is shown by the answer to the POST, and never again."""

    nothing = "A key lets a program call the API, as the person who made it."
    read_verb = Verb.SECRETS
    list_display = ("name", "starts_with", "person", "role", "state", "last_used")
    related = ("user",)
    sealed = ("digest",)
    search_fields = ("name",)
    buttons = (
        Button(
            "revoke", "Revoke", revoke, Verb.SECRETS, look="danger", shown=lambda row: row.revoked_at is None,
            confirm="Calls with this key will fail at once. This cannot be taken back.",
        ),
    )  # fmt: skip

    def starts_with(self, row: ApiKey) -> str:
        return code(f"{row.prefix}…")

    def person(self, row: ApiKey) -> str:
        return str(row.user)

    def state(self, row: ApiKey) -> str:
        return badge("revoked" if row.revoked_at else "active")

    def last_used(self, row: ApiKey) -> str:
        return ago(row.last_used_at) if row.last_used_at else "never"

    def may(self, actor: Actor, verb: Verb, row: ApiKey) -> bool:
        """Everybody revokes their own keys; those of others whoever may invite."""
        return actor.may(verb) and (row.user_id == actor.user_id or actor.may(Verb.INVITE))

    def facts(self, actor: Actor, row: ApiKey) -> Iterable[Fact]:
        yield Fact("State", badge("revoked" if row.revoked_at else "active"))
        yield Fact("Starts with", code(f"{row.prefix}…"))
        yield Fact("Acts as", str(row.user))
        yield Fact("At most with the role", row.role)
        yield Fact("Created", moment(row.created_at))
        yield Fact("Last used", moment(row.last_used_at, empty="never"))
        yield Fact("Revoked", moment(row.revoked_at, empty="no"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def more_urls(self) -> list[URLPattern]:
        return [self.address("add/", self.new_key, "add")]

    def new_key(self, request: HttpRequest) -> HttpResponse:
        actor, seat = require_actor(request), seat_of(request)
        if seat is None or not self.has_add_permission(request):
            raise Http404
        form = NewKeyForm(request.POST or None, actor=actor)
        if request.method == "POST" and form.is_valid():
            _, secret = services.create_api_key(
                organization=seat.organization, user=seat.user, name=form.cleaned_data["name"],
                role=form.cleaned_data["role"], actor=actor,
            )  # fmt: skip
            return secret_page(
                request, site=self.admin_site, opts=self.opts, title="New API key", secret=secret,
                back=list_url(ApiKey),
            )  # fmt: skip
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "New API key",
            "form": form,
        }
        return TemplateResponse(request, "console/new_key.html", context)


class SourceFilter(ChoiceFilter):
    title = "source"
    parameter_name = "through"
    options = {
        "api": ("API", lambda rows: rows.filter(source="api")),
        "ui": ("console", lambda rows: rows.filter(source="ui")),
        "system": ("system", lambda rows: rows.filter(source="system")),
    }


def event_of(row: AuditEntry) -> str:
    if row.event in WHOLE:
        return WHOLE[row.event]
    return f"{EVENTS.get(row.event, row.event)} {KINDS.get(row.resource_type, row.resource_type)}"


def who_of(row: AuditEntry, key: SafeString | str) -> SafeString | str:
    """Nobody who is known: Junction itself, or whoever has its command line or tried to sign in."""
    if row.user is None:
        return "nobody signed in" if row.source == "ui" else "system"
    if row.key_id is None:
        return str(row.user)
    return format_html("{}, with {}", row.user, format_html("the key {}", key) if "<a" in key else "an API key")


@admin.register(AuditEntry)
class AuditEntryAdmin(ConsoleAdmin):
    nothing = "Who changed, ran, retried or resolved what, and who signed in, is noted here."
    list_display = ("event_name", "resource", "person", "source", "when")
    list_filter = (WhenFilter, SourceFilter)
    lookups = ("resource_id", "resource_type")
    heavy = ("changes",)
    search_fields = ("id",)
    search_help_text = "Id of an entry"
    ids_only = True

    def rows(self, actor: Actor) -> Any:
        return entries(actor)

    def decorate(self, request: HttpRequest, rows: list[Any]) -> None:
        targets = {(row.resource_type, row.resource_id) for row in rows} | {("apikey", row.key_id) for row in rows}
        names = links_to(require_actor(request), targets)
        for row in rows:
            row.shown_resource = names[(row.resource_type, row.resource_id)]
            row.shown_key = names[("apikey", row.key_id)]

    @admin.display(description="event")
    def event_name(self, row: AuditEntry) -> str:
        return event_of(row)

    def resource(self, row: Any) -> str:
        return row.shown_resource if "<a" in row.shown_resource else row.resource_name or row.shown_resource

    def person(self, row: Any) -> str:
        return who_of(row, row.shown_key)

    def when(self, row: AuditEntry) -> str:
        return moment(row.created_at)

    def title(self, row: AuditEntry) -> str:
        return f"{event_of(row)}: {row.resource_name}".removesuffix(": ")

    def facts(self, actor: Actor, row: AuditEntry) -> Iterable[Fact]:
        target, key = (row.resource_type, row.resource_id), ("apikey", row.key_id)
        links = links_to(actor, [target, key])
        yield Fact("What", links[target] if "<a" in links[target] else row.resource_name or links[target])
        yield Fact("Who", who_of(row, links[key]))
        yield Fact("Through", row.source)
        yield Fact("When", moment(row.created_at))

    def sections(self, request: HttpRequest, actor: Actor, row: AuditEntry) -> Iterable[Section]:
        rows = [
            [code(c.get("fieldPath", "")), pretty(c.get("oldValue", NOTHING)), pretty(c.get("newValue", NOTHING))]
            for c in row.changes
        ]
        yield table_section("Changes", ["Member", "Before", "After"], rows, empty="No members were changed.")
