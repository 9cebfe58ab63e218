"""Notifications as they came in, and what became of each. To read."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import ChoiceFilter, ConsoleAdmin, Fact, WhenFilter, document_section, table_section
from apps.accounts.console.display import NOTHING, badge, code, link, moment
from apps.accounts.console.names import address_of
from apps.accounts.console.sections import Section
from apps.connectors.models import Connector
from apps.core.actors import Actor
from apps.inbound.models import Notification

SHOWN_BODY = 16 * 1024
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
