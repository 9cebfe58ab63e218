"""Connections: their health, a ping, their document with secrets masked. Those who may not see secrets see none."""

from collections.abc import Iterable

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse

from apps.accounts.console import Button, ChoiceFilter, Fact, Outcome, require_actor
from apps.accounts.console.display import NOTHING, ago, badge, link, moment
from apps.accounts.console.names import address_of, register_kind, shown_id
from apps.connections import consents, credential_pages, grants, health, oauth
from apps.connections.access import open_connection
from apps.connections.api.serializers import ConnectionSerializer
from apps.connections.models import Connection
from apps.connections.resource import CONNECTIONS
from apps.core.actors import Actor, Verb
from apps.core.errors import DomainError
from apps.integrations.console import DocumentAdmin, delete_document

register_kind("connection", Connection, needs=Verb.SECRETS)
__all__ = ["ConnectionAdmin", "credential_pages"]


def ping(actor: Actor, row: Connection) -> Outcome:
    opened = open_connection(connection_id=row.id, organization_id=actor.organization_id)
    result = health.ping(opened)
    if result.ok:
        answered = f" The target answered {result.status}." if result.status else ""
        return Outcome(f"The connection works.{answered}")
    return Outcome(f"The connection does not work: {result.message}", ok=False)


def delete(actor: Actor, row: Connection) -> Outcome:
    return Outcome(f"Connection {row} is deleted.", url=delete_document(CONNECTIONS, actor, row))


class HealthFilter(ChoiceFilter):
    title = "health"
    parameter_name = "health"
    options = {
        "offline": ("offline", lambda rows: rows.filter(offline_since__isnull=False)),
        "online": ("online", lambda rows: rows.filter(offline_since__isnull=True)),
    }


@admin.register(Connection)
class ConnectionAdmin(DocumentAdmin):
    nothing = "An address with its secret and its limits, by which exports and imports reach a system."
    resource = CONNECTIONS
    serializer = ConnectionSerializer
    read_verb = Verb.SECRETS
    heavy = ("document", "secret")
    list_display = ("name", "type", "health", "reason", "changed")
    list_filter = (HealthFilter,)
    related = ("connector",)
    search_fields = ("name",)
    starter = {
        "name": "New connection", "type": "http",
        "http": {
            "baseURI": "https://example.com/api", "mediaType": "json",
            "auth": {"type": "basic", "basic": {"username": "", "password": ""}},
        },
    }  # fmt: skip
    buttons = (
        Button("ping", "Ping", ping, Verb.SECRETS, icon="network_ping", look="primary"),
        Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="Only what nothing uses can go."),
    )

    def tools(self, actor: Actor, row: Connection) -> list[tuple[str, str]]:
        found = super().tools(actor, row)
        is_oauth = grants.is_own(row) and grants.auth_of(row.document).get("type") == "oauth"
        if found and is_oauth and not oauth.grants_without_consent(row.document):
            found.append(("Authorize", reverse(self.view_name("authorize"), args=[shown_id(row.pk)])))
        return found

    def more_urls(self) -> list[URLPattern]:
        return [*super().more_urls(), self.address("<str:object_id>/authorize/", self.authorize, "authorize")]

    def authorize(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """On to the provider's consent page, which leads back to our callback."""
        actor, row = require_actor(request), self.find(request, object_id)
        if not self.may(actor, Verb.EDIT, row):
            raise Http404
        try:
            redirect = consents.callback_address(request)
            return HttpResponseRedirect(consents.begin_own(actor=actor, connection=row, redirect_uri=redirect))
        except DomainError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(address_of(row))

    def health(self, row: Connection) -> str:
        if row.needs_reconnect:
            return badge("needs reconnect", look="danger")
        return badge("offline" if row.offline_since else "online")

    def reason(self, row: Connection) -> str:
        return row.offline_reason[:120] or NOTHING

    def changed(self, row: Connection) -> str:
        return moment(row.updated_at)

    def headline(self, row: Connection) -> str:
        return self.health(row)

    def sentence(self, row: Connection) -> str:
        if row.offline_since is None:
            return ""
        return f"Offline for {ago(row.offline_since).removesuffix(' ago')}: {row.offline_reason}. Its work waits."

    def alarming(self, row: Connection) -> bool:
        return row.offline_since is not None

    def facts(self, actor: Actor, row: Connection) -> Iterable[Fact]:
        yield Fact("Type", row.type)
        if row.connector:
            yield Fact("Connector", link(address_of(row.connector), row.connector.name))
        yield Fact("Requests at once, at most", row.concurrency)
        yield Fact("Offline since", moment(row.offline_since, empty="not offline"))
        yield Fact("Id", row.hex_id)
        yield Fact("Changed", moment(row.updated_at))
