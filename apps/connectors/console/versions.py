"""Versions of connectors on the console. A published one is not edited: its editor makes the next."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import Button, ChoiceFilter, Fact, Outcome, document_section
from apps.accounts.console.display import NOTHING, code, link, moment
from apps.accounts.console.names import address_of
from apps.accounts.console.sections import Section
from apps.connectors.api.serializers import ConnectorVersionWriteSerializer
from apps.connectors.authoring import connectors as authoring
from apps.connectors.authoring.author import Author
from apps.connectors.console.editing import ConnectorPartAdmin, checked, is_draft, published
from apps.connectors.models import ConnectorVersion
from apps.core.actors import Actor, Verb


def publish(actor: Actor, row: ConnectorVersion) -> Outcome:
    authoring.publish_version(author=Author(actor), version=row)
    return Outcome(f"{row} is published: it stays as it is from now on.")


def delete(actor: Actor, row: ConnectorVersion) -> Outcome:
    authoring.delete_version(author=Author(actor), version=row)
    return Outcome(f"{row} is deleted.", url=address_of(row.connector))


class VersionStateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "published": ("published", lambda rows: rows.filter(published=True)),
        "draft": ("draft", lambda rows: rows.filter(published=False)),
    }


@admin.register(ConnectorVersion)
class ConnectorVersionAdmin(ConnectorPartAdmin):
    list_display = ("name", "of", "state", "created")
    list_filter = (VersionStateFilter,)
    related = ("connector",)
    heavy = ("logic", "document", "label")
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Search by id"
    starter = {"name": "1.0.0", "label": {}, "logic": {}, "setting": {"baseUrl": "https://"}}
    buttons = (
        Button(
            "publish", "Publish", publish, Verb.EDIT, icon="publish", look="primary", shown=is_draft,
            confirm="A published version never changes.",
        ),
        Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="What is pinned to it fails then."),
    )  # fmt: skip

    @admin.display(description="connector")
    def of(self, row: ConnectorVersion) -> str:
        return row.connector.name

    def state(self, row: ConnectorVersion) -> str:
        return published(row)

    def created(self, row: ConnectorVersion) -> str:
        return moment(row.created_at)

    def headline(self, row: ConnectorVersion) -> str:
        return published(row)

    def edit_label_of(self, row: ConnectorVersion) -> str:
        return "New version" if row.published else "Edit"

    def facts(self, actor: Actor, row: ConnectorVersion) -> Iterable[Fact]:
        yield Fact("Connector", link(address_of(row.connector), row.connector.name))
        yield Fact("Base URL", code(row.base_url or NOTHING))
        yield Fact("Id", row.pk)
        yield Fact("Created", moment(row.created_at))

    def sections(self, request: HttpRequest, actor: Actor, row: ConnectorVersion) -> Iterable[Section]:
        yield document_section("Logic", row.logic)
        yield document_section("Document", row.document, rank=90, folded=True)

    def editable(self, row: ConnectorVersion) -> dict[str, Any]:
        name = "minor" if row.published else row.name
        return {"name": name, "label": row.label, "logic": row.logic, "setting": authoring.setting_of(row)}

    def store(self, *, actor: Actor, row: ConnectorVersion | None, document: dict[str, Any]) -> ConnectorVersion:
        author = Author(actor)
        connector = row.connector if row else self.taken_out(document, author=author)
        body = checked(document, ConnectorVersionWriteSerializer)
        if row is None or row.published:
            return authoring.create_version(author=author, connector=connector, body=body)
        return authoring.update_version(author=author, version=row, body=body)
