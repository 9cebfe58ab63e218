"""Entities: each field with where it comes from, what it is related to, and what is related to it."""

from collections.abc import Iterable
from typing import Any

import orjson
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join

from apps.accounts.console import Button, ChoiceFilter, Fact, Outcome, WhenFilter, document_section, table_section
from apps.accounts.console.display import NOTHING, badge, code, link, moment
from apps.accounts.console.names import address_of, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.catalog.api.celigo import EntityDocument
from apps.catalog.api.members import entity_members
from apps.catalog.console.editing import CatalogAdmin, checked
from apps.catalog.documents import entity_document
from apps.catalog.drafting import MANUAL, sources_of_fields
from apps.catalog.models import Entity, EntityLink, Suggestion
from apps.catalog.services import delete_entity, edit_entity, save_entity
from apps.core.actors import Actor, Verb

register_kind("entity", Entity, field="title")
SHOWN = 50
LONG = 200  # characters of a value


def delete(actor: Actor, row: Entity) -> Outcome:
    delete_entity(organization_id=actor.organization_id, actor=actor, id=row.natural_id)
    return Outcome(f"Entity {row} is deleted.", url=list_url(Entity))


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "active": ("active", lambda rows: rows.filter(is_active=True)),
        "inactive": ("inactive", lambda rows: rows.filter(is_active=False)),
        "hidden": ("hidden", lambda rows: rows.filter(is_hidden=True)),
    }


@admin.register(Entity)
class EntityAdmin(CatalogAdmin):
    nothing = "What plugins write through the API, and what automations make of it, stands here."
    advice = 'Fields of a rule are edited once their source, under fieldSources, is changed to "Manual".'
    list_display = ("title", "natural_id", "kind", "state", "changed")
    list_filter = (StateFilter, WhenFilter)
    lookups = ("blueprint",)
    related = ("blueprint",)
    heavy = ("properties", "relations", "sources", "field_sources")
    starter = {"id": "payments", "blueprintId": "service", "title": "Payments", "properties": {}, "relations": {}}
    buttons = (Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="What is related to it stays."),)

    @admin.display(description="blueprint")
    def kind(self, row: Entity) -> str:
        return row.blueprint.title

    def state(self, row: Entity) -> str:
        if row.is_hidden:
            return badge("hidden", look="plain")
        return badge("active") if row.is_active else badge("inactive", look="plain")

    def headline(self, row: Entity) -> str:
        return self.state(row)

    def sentence(self, row: Entity) -> str:
        return row.description or ""

    def facts(self, actor: Actor, row: Entity) -> Iterable[Fact]:
        yield Fact("Blueprint", link(address_of(row.blueprint), row.blueprint.title))
        yield Fact("Id", code(row.natural_id))
        yield Fact("Fed by", format_html_join(", ", "{}", ((code(text),) for text in row.sources)) or "nobody")
        yield Fact("Created", moment(row.created_at))
        yield Fact("Changed", moment(row.updated_at))

    def sections(self, request: HttpRequest, actor: Actor, row: Entity) -> Iterable[Section]:
        sources = sources_of_fields(row)
        cells = [[name, short(value), sources[f"properties.{name}"]] for name, value in row.properties.items()]
        note = f"Only what comes from {MANUAL} is edited by hand."
        yield table_section("Properties", ["Name", "Value", "Source"], cells, empty="None.", note=note, rank=10)
        yield self.relations(actor, row, sources)
        yield self.related_to(actor, row)
        yield self.suggestions(actor, row)
        yield document_section("Document", entity_document(row), folded=True, rank=90)

    def relations(self, actor: Actor, row: Entity, sources: dict[str, str]) -> Section:
        named = {name: ids_of(relation) for name, relation in row.relations.items()}
        wanted = {text for ids in named.values() for text in ids[:SHOWN]}
        there = {one.natural_id: one for one in Entity.objects.for_actor(actor).among(wanted)}
        cells = [
            [
                name,
                format_html_join(
                    ", ",
                    "{}",
                    ((link(address_of(there[i]), there[i].title) if i in there else code(i),) for i in ids[:SHOWN]),
                )
                or NOTHING,
                sources[f"relations.{name}"],
            ]
            for name, ids in named.items()
        ]
        return table_section("Relations", ["Name", "To", "Source"], cells, empty="None.", rank=20)

    def related_to(self, actor: Actor, row: Entity) -> Section:
        links = EntityLink.objects.filter(
            organization_id=actor.organization_id, value=row.natural_id, name__startswith="relations/"
        ).select_related("entity")
        cells = [
            [link(address_of(one.entity), one.entity.title), one.name.removeprefix("relations/")]
            for one in links.order_by("entity_id")[:SHOWN]
        ]
        return table_section("Related to it", ["Entity", "As"], cells, empty="Nothing.", rank=30)

    def suggestions(self, actor: Actor, row: Entity) -> Section:
        found = Suggestion.objects.for_actor(actor).filter(target_id=row.natural_id).order_by("-id")[:SHOWN]
        cells = [[link(address_of(one), one.title), badge(one.state), one.origin_id] for one in found]
        return table_section("Suggestions", ["Title", "State", "Of"], cells, empty="None for it.", rank=40)

    def editable(self, row: Entity) -> dict[str, Any]:
        own = ("createdAt", "createdBy", "updatedAt", "updatedBy")
        shown = {name: value for name, value in entity_document(row).items() if name not in own}
        return {**shown, "fieldSources": sources_of_fields(row)}

    def store(self, *, actor: Actor, row: Entity | None, document: dict[str, Any]) -> Entity:
        body = checked(document, EntityDocument)
        members = entity_members(body)
        if row is not None:
            sources = body.get("fieldSources") or {}
            return edit_entity(actor=actor, entity=row, id=body["id"], field_sources=sources, **members).entity
        return save_entity(
            organization_id=actor.organization_id, actor=actor, id=body["id"], must_be_new=True, **members
        ).entity


def ids_of(relation: Any) -> list[str]:
    value = relation.get("value")
    return value if isinstance(value, list) else [] if value is None else [value]


def short(value: Any) -> str:
    """Texts as they are, the rest as JSON in one line."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= LONG else f"{text[:LONG]}…"
