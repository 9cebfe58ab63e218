"""Notifications as they came in, and what became of each; listeners, and how they stand with their providers."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import ChoiceFilter, ConsoleAdmin, Fact, WhenFilter, document_section, table_section
from apps.accounts.console.display import NOTHING, ago, badge, code, link, moment
from apps.accounts.console.names import address_of
from apps.accounts.console.sections import Section
from apps.connectors.models import Connector
from apps.core.actors import Actor, Verb
from apps.core.errors import ValidationError
from apps.inbound.addresses import hook_url
from apps.inbound.models import Listener, Notification
from apps.integrations.console import copied

SHOWN_BODY = 16 * 1024
NOTIFICATIONS_SHOWN = 10
State = Notification.State
LOOKS = {State.RECEIVED: "info", State.ROUTED: "success", State.IGNORED: "plain", State.FAILED: "danger"}


def shown_state(row: Notification) -> str:
    return badge(row.state, look=LOOKS[State(row.state)])


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "failed": ("failed", lambda rows: rows.filter(state=State.FAILED)),
        "ignored": ("nobody listened", lambda rows: rows.filter(state=State.IGNORED)),
        "routed": ("routed", lambda rows: rows.filter(state=State.ROUTED)),
        "received": ("waiting", lambda rows: rows.filter(state=State.RECEIVED)),
    }


@admin.register(Notification)
class NotificationAdmin(ConsoleAdmin):
    nothing = "What other systems send to a connector's hook address appears here."
    list_display = ("name", "of", "became", "to", "when")
    list_filter = (StateFilter, WhenFilter)
    related = ("hook__connector",)
    heavy = ("headers", "query", "body")
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Search by id"

    @admin.display(description="notification")
    def name(self, row: Notification) -> str:
        return self.title(row)

    @admin.display(description="connector")
    def of(self, row: Notification) -> str:
        return row.hook.connector.name

    @admin.display(description="state")
    def became(self, row: Notification) -> str:
        return shown_state(row)

    @admin.display(description="triggers")
    def to(self, row: Notification) -> str:
        return ", ".join(row.routed_to) or row.reason[:120] or NOTHING

    def when(self, row: Notification) -> str:
        return moment(row.created_at)

    def title(self, row: Notification) -> str:
        return f"{row.event or 'notification'} {row.hex_id[:12]}"

    def headline(self, row: Notification) -> str:
        return shown_state(row)

    def sentence(self, row: Notification) -> str:
        return row.reason

    def alarming(self, row: Notification) -> bool:
        return row.state == State.FAILED

    def refreshing(self, row: Notification) -> bool:
        return row.state == State.RECEIVED

    def facts(self, actor: Actor, row: Notification) -> Iterable[Fact]:
        connector: Connector = row.hook.connector
        yield Fact("Connector", link(address_of(connector), connector.name))
        yield Fact("Event", row.event or NOTHING)
        yield Fact("Triggers", ", ".join(row.routed_to) or NOTHING)
        yield Fact("Address", "a listener's own" if row.listener_id else "the connector's")
        yield Fact("Id at the provider", code(row.dedupe.partition(":")[2]) if row.dedupe else NOTHING)
        yield Fact("Arrived", moment(row.created_at))
        yield Fact("Routed", moment(row.processed_at))
        yield Fact("Id", row.hex_id)

    def sections(self, request: HttpRequest, actor: Actor, row: Notification) -> Iterable[Section]:
        body = bytes(row.body)
        text = body[:SHOWN_BODY].decode("utf-8", "replace")
        note = f"{len(body)} bytes; at most 16 KB are shown."
        yield document_section("Body", text or "(empty)", rank=20, note=note)
        rows: list[list[Any]] = [[name, value] for name, value in row.headers.items()]
        yield table_section("Headers", ["Name", "Value"], rows, empty="None.", note="Proofs are struck out.", rank=30)
        if row.query:
            yield document_section("Query", row.query, rank=40)


class ListenerStateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "active": ("active", lambda rows: rows.filter(state=Listener.State.ACTIVE)),
        "failed": ("failed", lambda rows: rows.filter(state=Listener.State.FAILED)),
        "registering": ("registering", lambda rows: rows.filter(state=Listener.State.REGISTERING)),
        "ending": ("ending", lambda rows: rows.filter(state=Listener.State.ENDING)),
    }


@admin.register(Listener)
class ListenerAdmin(ConsoleAdmin):
    """Its address is a secret as well, so the page is for those who see secrets."""

    nothing = "A connector's trigger that a subscription or an automation has switched on stands here."
    read_verb = Verb.SECRETS
    list_display = ("trigger_shown", "of", "user", "key_shown", "became", "polled", "checked", "why")
    list_filter = (ListenerStateFilter, WhenFilter)
    related = ("hook__connector", "end_user")
    heavy = ("variables", "registered", "cursor")
    sealed = ("secret", "hook__secret")
    search_fields = ("trigger_name",)
    search_help_text = "Search by trigger or id"

    @admin.display(description="trigger")
    def trigger_shown(self, row: Listener) -> str:
        return row.trigger_name

    @admin.display(description="connector")
    def of(self, row: Listener) -> str:
        return row.hook.connector.name

    def user(self, row: Listener) -> str:
        return row.end_user.external_id if row.end_user else NOTHING

    @admin.display(description="key")
    def key_shown(self, row: Listener) -> str:
        return row.key or "all"

    @admin.display(description="state")
    def became(self, row: Listener) -> str:
        return badge(row.state)

    def polled(self, row: Listener) -> str:
        return ago(row.polled_at) if row.polled_at else "never"

    @admin.display(description="provider asked")
    def checked(self, row: Listener) -> str:
        return ago(row.checked_at) if row.checked_at else "never"

    def why(self, row: Listener) -> str:
        return row.reason[:120] or NOTHING

    def headline(self, row: Listener) -> str:
        return badge(row.state)

    def sentence(self, row: Listener) -> str:
        return row.reason

    def alarming(self, row: Listener) -> bool:
        return row.state == Listener.State.FAILED

    def facts(self, actor: Actor, row: Listener) -> Iterable[Fact]:
        connector: Connector = row.hook.connector
        yield Fact("Connector", link(address_of(connector), connector.name))
        yield Fact("User", self.user(row))
        yield Fact("Key", self.key_shown(row))
        yield Fact("Address", listener_address(row))
        yield Fact("Id at the provider", code(row.external_id) if row.external_id else NOTHING)
        yield Fact("Provider last asked", moment(row.checked_at, empty="never"))
        yield Fact("Repaired", f"{row.repairs} times" if row.repairs else "never")
        yield Fact("Last polled", moment(row.polled_at, empty="never"))
        yield Fact("Failures in a row", row.failures)
        yield Fact("Id", row.hex_id)

    def sections(self, request: HttpRequest, actor: Actor, row: Listener) -> Iterable[Section]:
        found = Notification.objects.for_actor(actor).filter(hook=row.hook_id).defer("headers", "query", "body")
        rows: list[list[Any]] = [
            [link(address_of(one), moment(one.created_at)), one.event, shown_state(one), ", ".join(one.routed_to)]
            for one in found.order_by("-id")[:NOTIFICATIONS_SHOWN]
        ]
        headers = ["Arrived", "Event", "State", "Triggers"]
        title = "Newest notifications of its connector"
        yield table_section(title, headers, rows, empty="None yet.", rank=20)
        if row.variables:
            yield document_section("Variables", row.variables, rank=30)


def listener_address(row: Listener) -> str:
    try:
        return copied(hook_url(row.hook, row))
    except ValidationError:
        return "none: JUNCTION_PUBLIC_URL is not set"
