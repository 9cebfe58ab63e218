"""Customers' people and their groups on the console."""

from collections.abc import Iterable

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts import people
from apps.accounts.console import Button, ChoiceFilter, ConsoleAdmin, Fact, Outcome, document_section, table_section
from apps.accounts.console.display import NOTHING, badge, code, link, moment
from apps.accounts.console.names import address_of, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.accounts.models import EndUser, Group
from apps.core.actors import Actor, Verb

SHOWN = 50
register_kind("enduser", EndUser, field="external_id")
register_kind("group", Group)


def delete_end_user(actor: Actor, row: EndUser) -> Outcome:
    people.delete_end_user(actor=actor, end_user=row)
    return Outcome(f"{row.external_id} is deleted, with their credentials.", url=list_url(EndUser))


def delete_group(actor: Actor, row: Group) -> Outcome:
    people.delete_group(actor=actor, group=row)
    return Outcome(f"Group {row.name} is deleted.", url=list_url(Group))


@admin.register(EndUser)
class EndUserAdmin(ConsoleAdmin):
    nothing = "Your customers' people appear here when they are created through the API."
    list_display = ("external_id", "name", "email", "since")
    heavy = ("properties",)
    search_fields = ("external_id", "email")
    search_help_text = "Search by external id or e-mail"
    buttons = (
        Button(
            "delete", "Delete", delete_end_user, Verb.DELETE, look="danger",
            confirm="Their credentials and memberships go with them. This cannot be taken back.",
        ),
    )  # fmt: skip

    def since(self, row: EndUser) -> str:
        return moment(row.created_at)

    def facts(self, actor: Actor, row: EndUser) -> Iterable[Fact]:
        yield Fact("External id", code(row.external_id))
        yield Fact("Name", row.name or NOTHING)
        yield Fact("E-mail", row.email or NOTHING)
        yield Fact("Since", moment(row.created_at))

    def sections(self, request: HttpRequest, actor: Actor, row: EndUser) -> Iterable[Section]:
        found = row.memberships.select_related("group").order_by("id")[:SHOWN]
        cells = [[link(address_of(m.group), m.group.name), m.role, moment(m.created_at)] for m in found]
        yield table_section("Groups", ["Group", "Role", "Since"], cells, empty="In none.")


class SourceFilter(ChoiceFilter):
    title = "source"
    parameter_name = "source"
    options = {
        "local": ("local", lambda rows: rows.filter(source="local")),
        "remote": ("remote", lambda rows: rows.filter(source="remote")),
    }


@admin.register(Group)
class GroupAdmin(ConsoleAdmin):
    nothing = "Sets of your customers' people."
    list_display = ("name", "kind", "since")
    list_filter = (SourceFilter,)
    heavy = ("authorization",)
    search_fields = ("name",)
    buttons = (
        Button("delete", "Delete", delete_group, Verb.DELETE, look="danger", confirm="Its members stay, without it."),
    )

    @admin.display(description="source")
    def kind(self, row: Group) -> str:
        return badge(row.source)

    def since(self, row: Group) -> str:
        return moment(row.created_at)

    def facts(self, actor: Actor, row: Group) -> Iterable[Fact]:
        yield Fact("Source", row.source)
        yield Fact("Id", row.hex_id)
        yield Fact("Since", moment(row.created_at))

    def sections(self, request: HttpRequest, actor: Actor, row: Group) -> Iterable[Section]:
        found = row.memberships.select_related("end_user").order_by("id")[:SHOWN]
        cells = [[link(address_of(m.end_user), m.end_user.external_id), m.role, moment(m.created_at)] for m in found]
        yield table_section("Members", ["End user", "Role", "Since"], cells, empty="None yet.")
        yield document_section("Authorization", row.authorization, folded=True)
