"""Components and their versions on the console. The editor of a published version makes the next one, as a draft."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import Button, ChoiceFilter, Fact, Outcome, document_section, table_section
from apps.accounts.console.display import badge, link, moment
from apps.accounts.console.names import address_of, change_url
from apps.accounts.console.sections import Section
from apps.connectors.api.components import VIEWSETS
from apps.connectors.authoring import components as authoring
from apps.connectors.authoring.author import Author
from apps.connectors.console.editing import ConnectorPartAdmin, checked, is_draft, published
from apps.connectors.kinds import RULES
from apps.connectors.models import Component, ComponentVersion
from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError, ValidationError

SHOWN = 500


def newest_draft(row: Component) -> ComponentVersion | None:
    newest = row.versions.select_related("component__connector").order_by("-number").first()
    return newest if newest is not None and not newest.published else None


def has_draft(row: Component) -> bool:
    return newest_draft(row) is not None


def publish_newest(actor: Actor, row: Component) -> Outcome:
    draft = newest_draft(row)
    if draft is None:
        raise NotFoundError(f"{row} has no draft to publish.")
    return publish(actor, draft)


def publish(actor: Actor, row: ComponentVersion) -> Outcome:
    authoring.publish_component(author=Author(actor), version=row)
    return Outcome(f"{row} is published: it stays as it is from now on.")


def delete(actor: Actor, row: Component) -> Outcome:
    version = row.versions.select_related("component__connector").order_by("-number").first()
    if version is not None:
        authoring.delete_component(author=Author(actor), version=version, text=row.name)
    return Outcome(f"The {row.kind} {row} is deleted.", url=address_of(row.connector))


def delete_version(actor: Actor, row: ComponentVersion) -> Outcome:
    authoring.delete_component(author=Author(actor), version=row, text=str(row.pk))
    left = Component.objects.filter(pk=row.component_id).exists()
    return Outcome(f"{row} is deleted.", url=address_of(row.component if left else row.component.connector))


class KindFilter(ChoiceFilter):
    title = "kind"
    parameter_name = "of_kind"
    options = {
        kind: (label, lambda rows, kind=kind: rows.filter(kind=kind))  # type: ignore[misc]
        for kind, label in Component.Kind.choices
    }


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "published": ("published", lambda rows: rows.filter(published=True)),
        "draft": ("draft", lambda rows: rows.filter(published=False)),
    }


@admin.register(Component)
class ComponentAdmin(ConnectorPartAdmin):
    nothing = "Actions, triggers and the other parts of connectors."
    list_display = ("name", "kind", "of", "changed")
    list_filter = (KindFilter,)
    related = ("connector",)
    search_fields = ("name",)
    starter = {"kind": "action", "name": "", "label": {}, "schema": {}, "logic": {"execute": {"output": None}}}
    buttons = (
        Button(
            "publish", "Publish the draft", publish_newest, Verb.EDIT, icon="publish", look="primary", shown=has_draft,
            confirm="A published version never changes.",
        ),
        Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="With all its versions."),
    )  # fmt: skip

    @admin.display(description="connector")
    def of(self, row: Component) -> str:
        return row.connector.name

    def changed(self, row: Component) -> str:
        return moment(row.updated_at)

    def facts(self, actor: Actor, row: Component) -> Iterable[Fact]:
        yield Fact("Kind", row.kind)
        yield Fact("Connector", link(address_of(row.connector), row.connector.name))
        yield Fact("Id", row.pk)

    def sections(self, request: HttpRequest, actor: Actor, row: Component) -> Iterable[Section]:
        versions = ComponentVersion.objects.for_actor(actor).filter(component=row).order_by("-number")[:SHOWN]
        rows = [
            [link(change_url(ComponentVersion, v.pk), v.name), published(v), v.pk, moment(v.created_at)]
            for v in versions.only("name", "published", "created_at")
        ]
        yield table_section("Versions", ["Version", "State", "Id", "Created"], rows)

    def edit_label_of(self, row: Component) -> str:
        return "Edit the draft" if has_draft(row) else "New version"

    def editable(self, row: Component) -> dict[str, Any]:
        return editable(current(row))

    def store(self, *, actor: Actor, row: Component | None, document: dict[str, Any]) -> Component:
        author = Author(actor)
        if row is not None:
            return store(author, current(row), document).component
        connector, kind = self.taken_out(document, author=author), document.pop("kind", None)
        if kind not in RULES:
            raise ValidationError(f"kind must be one of {', '.join(RULES)}.", field="kind")
        body = checked(document, VIEWSETS[kind].writer("create"))
        drafted = {"published": False, **body}
        return authoring.create_component(author=author, connector=connector, kind=kind, body=drafted).component


@admin.register(ComponentVersion)
class ComponentVersionAdmin(ConnectorPartAdmin):
    list_display = ("name", "of", "kind", "state", "created")
    list_filter = (StateFilter,)
    related = ("component__connector",)
    heavy = ("logic", "schema", "document", "label")
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Search by id"
    buttons = (
        Button(
            "publish", "Publish", publish, Verb.EDIT, icon="publish", look="primary", shown=is_draft,
            confirm="A published version never changes.",
        ),
        Button(
            "delete", "Delete", delete_version, Verb.DELETE, look="danger", confirm="What is pinned to it fails then."
        ),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a component's editor makes them

    @admin.display(description="component")
    def of(self, row: ComponentVersion) -> str:
        return str(row.component)

    def kind(self, row: ComponentVersion) -> str:
        return row.component.kind

    def state(self, row: ComponentVersion) -> str:
        return published(row)

    def created(self, row: ComponentVersion) -> str:
        return moment(row.created_at)

    def headline(self, row: ComponentVersion) -> str:
        return published(row)

    def edit_label_of(self, row: ComponentVersion) -> str:
        return "New version" if row.published else "Edit"

    def facts(self, actor: Actor, row: ComponentVersion) -> Iterable[Fact]:
        yield Fact("Component", link(address_of(row.component), row.component.name))
        yield Fact("Kind", badge(row.component.kind))
        yield Fact("Connector", link(address_of(row.component.connector), row.component.connector.name))
        yield Fact("Id", row.pk)

    def sections(self, request: HttpRequest, actor: Actor, row: ComponentVersion) -> Iterable[Section]:
        yield document_section("Schema", row.schema)
        yield document_section("Logic", row.logic)
        yield document_section("Document", row.document, rank=90, folded=True)

    def editable(self, row: ComponentVersion) -> dict[str, Any]:
        return editable(row)

    def store(self, *, actor: Actor, row: ComponentVersion, document: dict[str, Any]) -> ComponentVersion:
        return store(Author(actor), row, document)


def current(row: Component) -> ComponentVersion:
    """What an editor of the component begins with: its newest draft, else its newest version."""
    found = newest_draft(row) or row.versions.select_related("component__connector").order_by("-number").first()
    if found is None:
        raise NotFoundError(f"{row} has no version.")
    return found


def editable(row: ComponentVersion) -> dict[str, Any]:
    """`version` is the one that a save writes: this one while it is a draft, else the next."""
    snapshot = authoring.snapshot(row)
    snapshot |= {"version": row.name if not row.published else "minor", "published": False}
    known = VIEWSETS[row.component.kind].writer("update")().fields
    return {name: value for name, value in snapshot.items() if name == "version" or name in known}


def store(author: Author, row: ComponentVersion, document: dict[str, Any]) -> ComponentVersion:
    wish = document.pop("version", None)
    if not isinstance(wish, str):
        raise ValidationError("version must be a name, minor or major.", field="version")
    body = checked(document, VIEWSETS[row.component.kind].writer("update"))
    return authoring.update_component(author=author, version=row, body={"published": False, **body}, wish=wish)
