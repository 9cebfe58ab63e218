"""Blueprints: what entities of a kind look like, and how many there are."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import Button, ChoiceFilter, Fact, Outcome, document_section, table_section
from apps.accounts.console.display import NOTHING, badge, code, link, moment
from apps.accounts.console.names import address_of, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.catalog.api.celigo import FIELDS, BlueprintDocument
from apps.catalog.blueprints import delete_blueprint, save_blueprint
from apps.catalog.console.editing import CatalogAdmin, checked
from apps.catalog.documents import blueprint_document
from apps.catalog.models import Blueprint, Entity
from apps.core.actors import Actor, Verb

register_kind("blueprint", Blueprint, field="title")
NEWEST = 20


def delete(actor: Actor, row: Blueprint) -> Outcome:
    delete_blueprint(actor=actor, blueprint=row)
    return Outcome(f"Blueprint {row} is deleted.", url=list_url(Blueprint))


class ActiveFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "active": ("active", lambda rows: rows.filter(is_active=True)),
        "inactive": ("inactive", lambda rows: rows.filter(is_active=False)),
    }


@admin.register(Blueprint)
class BlueprintAdmin(CatalogAdmin):
    nothing = "A blueprint says what entities of a kind look like: services, teams, repositories."
    advice = "schemaProperties is the JSON Schema of its entities' properties; relations name other blueprints."
    list_display = ("title", "natural_id", "state", "changed")
    list_filter = (ActiveFilter,)
    heavy = ("schema", "options", "relations")
    starter = {
        "id": "service",
        "title": "Service",
        "schemaProperties": {"type": "object", "properties": {"readme": {"type": "string"}}},
        "relations": {"dependsOn": {"title": "Depends on", "value": "service", "array": True}},
    }
    buttons = (
        Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="Only one without entities can go."),
    )

    def state(self, row: Blueprint) -> str:
        return badge("active") if row.is_active else badge("inactive", look="plain")

    def headline(self, row: Blueprint) -> str:
        return self.state(row)

    def sentence(self, row: Blueprint) -> str:
        return row.description or ""

    def facts(self, actor: Actor, row: Blueprint) -> Iterable[Fact]:
        yield Fact("Id", code(row.natural_id))
        yield Fact("Entities", link(list_url(Entity, f"?blueprint={row.pk}"), "See all"))
        yield Fact("Changed", moment(row.updated_at))

    def sections(self, request: HttpRequest, actor: Actor, row: Blueprint) -> Iterable[Section]:
        properties = row.schema.get("properties") if isinstance(row.schema, dict) else None
        required = row.schema.get("required", []) if isinstance(row.schema, dict) else []
        cells = [
            [name, told(inner, "title"), told(inner, "type"), "yes" if name in required else NOTHING]
            for name, inner in (properties or {}).items()
        ]
        yield table_section("Properties", ["Name", "Title", "Type", "Required"], cells, empty="Anything goes.", rank=10)
        related = [
            [name, told(inner, "title"), told(inner, "value"), "many" if inner.get("array") else "one"]
            for name, inner in row.relations.items()
        ]
        yield table_section("Relations", ["Name", "Title", "Leads to", ""], related, empty="None declared.", rank=20)
        newest = Entity.objects.for_actor(actor).filter(blueprint=row).order_by("-id")[:NEWEST]
        shown = [[link(address_of(one), one.title), code(one.natural_id), moment(one.created_at)] for one in newest]
        more = list_url(Entity, f"?blueprint={row.pk}") if len(shown) == NEWEST else ""
        yield table_section("Newest entities", ["Title", "Id", "Created"], shown, empty="None yet.", more=more, rank=30)
        yield document_section("Document", blueprint_document(row), folded=True, rank=90)

    def editable(self, row: Blueprint) -> dict[str, Any]:
        return blueprint_document(row)

    def store(self, *, actor: Actor, row: Blueprint | None, document: dict[str, Any]) -> Blueprint:
        body = checked(document, BlueprintDocument)
        fields = {FIELDS[name]: value for name, value in body.items() if name in FIELDS}
        return save_blueprint(actor=actor, id=body["id"], fields=fields, blueprint=row)


def told(inner: Any, member: str) -> str:
    found = inner.get(member) if isinstance(inner, dict) else None
    return " or ".join(map(str, found)) if isinstance(found, list) else str(found) if found else NOTHING
