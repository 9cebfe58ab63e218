"""Credentials of end users on the console: how they are, renewing and disconnecting them, and links to connect."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from apps.accounts.console import (
    Button,
    ChoiceFilter,
    ConsoleAdmin,
    Fact,
    Outcome,
    Section,
    add_sections,
    require_actor,
    table_section,
)
from apps.accounts.console.display import NOTHING, badge, link, moment
from apps.accounts.console.names import address_of, list_url
from apps.accounts.end_users import find_end_user
from apps.accounts.models import EndUser
from apps.connections import bundles, connect, consents, credentials, tokens
from apps.connections.access import open_connection
from apps.connections.models import Credential
from apps.connectors.models import Connector
from apps.connectors.resolve import find_connector
from apps.core.actors import Actor, Verb
from apps.core.errors import DomainError

SHOWN = 50


def renew(actor: Actor, row: Credential) -> Outcome:
    opened = open_connection(connection_id=row.id, organization_id=actor.organization_id)
    tokens.renew(opened)
    return Outcome("The token is renewed.")


def disconnect(actor: Actor, row: Credential) -> Outcome:
    credentials.delete_credential(actor=actor, credential=row)
    return Outcome(f"{row.name} is disconnected.", url=list_url(Credential))


def is_oauth(row: Credential) -> bool:
    return tokens.auth_of(row.document).get("type") == "oauth" and not row.needs_reconnect


def state_of(row: Credential) -> str:
    if row.needs_reconnect:
        return badge("needs reconnect", look="danger")
    return badge("offline" if row.offline_since else "online")


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "lost": ("needs reconnect", lambda rows: rows.filter(needs_reconnect=True)),
        "offline": ("offline", lambda rows: rows.filter(offline_since__isnull=False, needs_reconnect=False)),
        "online": ("online", lambda rows: rows.filter(offline_since__isnull=True)),
    }


class LinkForm(forms.Form):
    user = forms.CharField(max_length=255, label="User id")
    connector = forms.ChoiceField(choices=[])
    credential = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Connector.objects.for_actor(actor).filter(securities__isnull=False).distinct().order_by("name")
        self.fields["connector"].choices = [(row.hex_id, row.name) for row in rows]  # type: ignore[attr-defined]


@admin.register(Credential)
class CredentialAdmin(ConsoleAdmin):
    """The surprise: nobody types secrets here. A person connects an account at the address that a link is."""

    nothing = "Your customers' accounts in other systems, once they are connected."
    read_verb = Verb.SECRETS
    heavy = ("document",)
    sealed = ("secret",)
    list_display = ("name", "person", "to", "state", "changed")
    list_filter = (StateFilter,)
    related = ("connector", "end_user")
    search_fields = ("name", "end_user__external_id")
    search_help_text = "Search by name or user id"
    buttons = (
        Button("renew", "Renew token", renew, Verb.EDIT, icon="refresh", look="primary", shown=is_oauth),
        Button(
            "disconnect", "Disconnect", disconnect, Verb.DELETE, look="danger",
            confirm="What runs for this person on this connector fails until they connect again.",
        ),
    )  # fmt: skip

    def rows(self, actor: Actor) -> QuerySet[Any]:
        return Credential.objects.for_actor(actor).filter(end_user__isnull=False, connector__isnull=False)

    @admin.display(description="end user")
    def person(self, row: Credential) -> str:
        return row.end_user.external_id if row.end_user else NOTHING

    @admin.display(description="connector")
    def to(self, row: Credential) -> str:
        return row.connector.name if row.connector else NOTHING

    def state(self, row: Credential) -> str:
        return state_of(row)

    def changed(self, row: Credential) -> str:
        return moment(row.updated_at)

    def headline(self, row: Credential) -> str:
        return state_of(row)

    def sentence(self, row: Credential) -> str:
        if row.needs_reconnect:
            return f"The person must connect it again: {row.offline_reason}"
        return f"Offline: {row.offline_reason}" if row.offline_since else ""

    def alarming(self, row: Credential) -> bool:
        return row.offline_since is not None

    def facts(self, actor: Actor, row: Credential) -> Iterable[Fact]:
        if row.end_user:
            yield Fact("End user", link(address_of(row.end_user), row.end_user.external_id))
        if row.connector:
            yield Fact("Connector", link(address_of(row.connector), row.connector.name))
        yield Fact("By", f"{row.security.name} ({row.security.type})" if row.security else "a security that is gone")
        plain = (row.document.get("http") or {}).get("unencrypted") or {}
        yield Fact("Token ends", moment(bundles.expiry_of(plain), empty="unknown, or never"))
        lease = getattr(row, "token_lease", None)
        yield Fact("Renewed next", moment(lease.renew_at if lease else None, empty="when it is refused"))
        if lease and lease.failures:
            yield Fact("Last renewal failed", lease.failure)
        yield Fact("May do", plain.get("scope") or NOTHING)
        yield Fact("Id", row.hex_id)
        yield Fact("Connected", moment(row.created_at))

    def tools(self, actor: Actor, row: Credential) -> Iterable[tuple[str, str]]:
        if not actor.may(Verb.EDIT) or row.end_user is None or row.connector is None:
            return []
        query = {"user": row.end_user.external_id, "connector": row.connector.hex_id, "credential": row.hex_id}
        return [("Link to connect it again", f"{add_url()}?{urlencode(query)}")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and require_actor(request).may(Verb.EDIT)

    def more_urls(self) -> list[URLPattern]:
        return [self.address("add/", self.new_link, "add")]

    def new_link(self, request: HttpRequest) -> HttpResponse:
        """The address is shown by the answer to the POST, and never again."""
        actor = require_actor(request)
        if not self.has_add_permission(request):
            raise Http404
        form, url = LinkForm(request.POST or None, initial=request.GET.dict(), actor=actor), ""
        if request.method == "POST" and form.is_valid():
            try:
                url = f"{consents.base_address(request)}/connect/{self.open(actor, form.cleaned_data)}"
            except DomainError as error:
                form.add_error(None, error.message)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Link to connect an account",
            "form": form,
            "url": url,
            "back": list_url(Credential),
        }
        response = TemplateResponse(request, "console/new_link.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def open(self, actor: Actor, chosen: dict[str, str]) -> str:
        end_user = find_end_user(chosen["user"], organization_id=actor.organization_id)
        connector = find_connector(chosen["connector"], organization_id=actor.organization_id)
        text = chosen.get("credential")
        known = credentials.find_token(text, end_user=end_user, connector=connector) if text else None
        _, token = connect.open_session(actor=actor, end_user=end_user, connector=connector, credential=known)
        return token


def add_url() -> str:
    return reverse("admin:connections_credential_add")


def credentials_section(request: HttpRequest, actor: Actor, row: EndUser) -> Iterable[Section]:
    if not actor.may(Verb.SECRETS):
        return
    found = Credential.objects.for_actor(actor).filter(end_user=row, connector__isnull=False).order_by("-id")
    found = found.defer("document", "secret").select_related("connector")[:SHOWN]
    cells = [[link(address_of(c), c.name), c.connector.name, state_of(c), moment(c.created_at)] for c in found]
    headers = ["Credential", "Connector", "State", "Connected"]
    more = f"{add_url()}?{urlencode({'user': row.external_id})}" if actor.may(Verb.EDIT) else ""
    yield table_section(
        "Credentials", headers, cells, empty="None is connected.", more=more, more_label="Link to connect an account"
    )


add_sections(EndUser, credentials_section)
