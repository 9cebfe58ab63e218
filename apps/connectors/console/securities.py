"""Securities on the console. Their secrets are masked, here as everywhere."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import Button, ChoiceFilter, Fact, Outcome, document_section
from apps.accounts.console.display import link, moment
from apps.accounts.console.names import address_of
from apps.accounts.console.sections import Section
from apps.connectors.api.serializers import SecurityCreateSerializer
from apps.connectors.authoring import securities as authoring
from apps.connectors.authoring.author import Author
from apps.connectors.console.editing import ConnectorPartAdmin, checked
from apps.connectors.models import Security
from apps.core.actors import Actor, Verb
from apps.core.errors import ValidationError


def delete(actor: Actor, row: Security) -> Outcome:
    authoring.delete_security(author=Author(actor), security=row)
    return Outcome(f"Security {row} is deleted.", url=address_of(row.connector))


class TypeFilter(ChoiceFilter):
    title = "type"
    parameter_name = "of_type"
    options = {
        type: (label, lambda rows, type=type: rows.filter(type=type))  # type: ignore[misc]
        for type, label in Security.Type.choices
    }


@admin.register(Security)
class SecurityAdmin(ConnectorPartAdmin):
    list_display = ("name", "of", "type", "changed")
    list_filter = (TypeFilter,)
    related = ("connector",)
    heavy = ("document",)
    sealed = ("secret",)
    search_fields = ("name",)
    starter = {"name": "main", "type": "oauth2", **authoring.DEFAULTS}
    buttons = (Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="Its credentials stay."),)

    @admin.display(description="connector")
    def of(self, row: Security) -> str:
        return row.connector.name

    def changed(self, row: Security) -> str:
        return moment(row.updated_at)

    def facts(self, actor: Actor, row: Security) -> Iterable[Fact]:
        yield Fact("Type", row.type)
        yield Fact("Connector", link(address_of(row.connector), row.connector.name))
        yield Fact("Id", row.pk)
        yield Fact("Changed", moment(row.updated_at))

    def sections(self, request: HttpRequest, actor: Actor, row: Security) -> Iterable[Section]:
        yield document_section("Configuration", row.document.get("config") or {})

    def editable(self, row: Security) -> dict[str, Any]:
        members = {name: row.document.get(name, default) for name, default in authoring.DEFAULTS.items()}
        return {"type": row.type, **members}

    def store(self, *, actor: Actor, row: Security | None, document: dict[str, Any]) -> Security:
        author = Author(actor)
        if row is not None:
            return authoring.update_security(
                author=author, security=row, body=checked(document, SecurityCreateSerializer)
            )
        connector, name = self.taken_out(document, author=author), document.pop("name", "")
        if not isinstance(name, str):
            raise ValidationError("name must be a text.", field="name")
        body = checked(document, SecurityCreateSerializer)
        return authoring.create_security(author=author, connector=connector, body=body, text=name)
