"""Connectors on the console: what they hold, their publication, their document."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.console import Button, ChoiceFilter, Fact, Outcome, table_section
from apps.accounts.console.display import NOTHING, badge, code, link, moment
from apps.accounts.console.names import address_of, change_url, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.accounts.models import User
from apps.connectors.api.serializers import ConnectorWriteSerializer
from apps.connectors.authoring import connectors as authoring
from apps.connectors.authoring.author import Author
from apps.connectors.console.editing import ConnectorPartAdmin, checked, published
from apps.connectors.hooks import hook_address
from apps.connectors.models import Component, ComponentVersion, Connector, ConnectorVersion, Security
from apps.core.actors import Actor, Verb

register_kind("connector", Connector)
SHOWN = 500


def publish(actor: Actor, row: Connector) -> Outcome:
    person = User.objects.filter(pk=actor.user_id).first() if actor.user_id else None
    done = authoring.publish_connector(author=Author(actor), connector=row, contributor=person.email if person else "")
    return Outcome(f"{done} is published with its version {done.default_version.name if done.default_version else ''}.")


def delete(actor: Actor, row: Connector) -> Outcome:
    authoring.delete_connector(author=Author(actor), connector=row)
    return Outcome(f"Connector {row} is deleted.", url=list_url(Connector))


class OriginFilter(ChoiceFilter):
    title = "origin"
    parameter_name = "origin"
    options = {
        "own": ("own", lambda rows: rows.filter(organization__is_system=False)),
        "library": ("library", lambda rows: rows.filter(organization__is_system=True)),
    }


class EnabledFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "enabled": ("enabled", lambda rows: rows.filter(enabled=True)),
        "disabled": ("disabled", lambda rows: rows.filter(enabled=False)),
    }


class PublishedFilter(ChoiceFilter):
    title = "publication"
    parameter_name = "publication"
    options = {
        "published": ("published", lambda rows: rows.filter(published_at__isnull=False)),
        "draft": ("draft", lambda rows: rows.filter(published_at__isnull=True)),
    }


@admin.register(Connector)
class ConnectorAdmin(ConnectorPartAdmin):
    nothing = "A connector describes a system: how to sign in, and what can be done there."
    list_display = ("name", "origin", "state", "publication", "version", "changed")
    list_filter = (OriginFilter, EnabledFilter, PublishedFilter)
    related = ("organization", "default_version")
    heavy = (
        "hook_token",
        "document",
        "label",
        "default_version__logic",
        "default_version__document",
        "default_version__label",
    )
    search_fields = ("name",)
    ordering = ("name", "id")
    starter = {"name": "", "enabled": True, **authoring.DEFAULTS}
    buttons = (
        Button("publish", "Publish", publish, Verb.EDIT, icon="publish", look="primary"),
        Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="With all its versions and components."),
    )

    def origin(self, row: Connector) -> str:
        return "library" if row.organization.is_system else "own"

    def state(self, row: Connector) -> str:
        return badge("enabled" if row.enabled else "disabled")

    def publication(self, row: Connector) -> str:
        return badge("published" if row.published_at else "draft")

    def version(self, row: Connector) -> str:
        return row.default_version.name if row.default_version else NOTHING

    def changed(self, row: Connector) -> str:
        return moment(row.updated_at)

    def headline(self, row: Connector) -> str:
        return self.publication(row) if row.enabled else badge("disabled")

    def facts(self, actor: Actor, row: Connector) -> Iterable[Fact]:
        yield Fact("Origin", self.origin(row))
        yield Fact("Default version", self.version(row))
        yield Fact("Published", moment(row.published_at, empty="no"))
        if row.published_by:
            yield Fact("Published by", row.published_by)
        if self.may(actor, Verb.SECRETS, row):
            yield Fact("Takes notifications at", code(hook_address(row, base=settings.PUBLIC_URL)))
        yield Fact("Id", row.pk)

    def tools(self, actor: Actor, row: Connector) -> list[tuple[str, str]]:
        found = super().tools(actor, row)
        if found:
            for label, model in (("version", ConnectorVersion), ("component", Component), ("security", Security)):
                add = reverse(f"admin:connectors_{model._meta.model_name}_add")
                found.append((f"New {label}", f"{add}?connector={row.pk}"))
        return found

    def sections(self, request: HttpRequest, actor: Actor, row: Connector) -> Iterable[Section]:
        versions = ConnectorVersion.objects.for_actor(actor).filter(connector=row).order_by("-created_at", "-id")
        rows: list[list[Any]] = [
            [link(address_of(v), v.name), published(v), code(v.base_url or NOTHING), moment(v.created_at)]
            for v in versions.only("name", "published", "base_url", "created_at")[:SHOWN]
        ]
        yield table_section("Versions", ["Version", "State", "Base URL", "Created"], rows, rank=10)
        current = ComponentVersion.objects.filter(component__connector=row).current()
        current = current.order_by("component__kind", "component__name")[:SHOWN]
        rows = [
            [link(change_url(Component, v["component_id"]), v["component__name"]), v["component__kind"], v["name"],
             badge("published" if v["published"] else "draft"), moment(v["updated_at"])]
            for v in current.values(
                "component_id", "component__name", "component__kind", "name", "published", "updated_at"
            )
        ]  # fmt: skip
        yield table_section("Components", ["Name", "Kind", "Version", "State", "Changed"], rows, rank=20)
        securities = Security.objects.for_actor(actor).filter(connector=row).order_by("name")[:SHOWN]
        rows = [
            [link(address_of(s), s.name), s.type, moment(s.updated_at)] for s in securities.defer("secret", "document")
        ]
        yield table_section("Ways to authenticate", ["Name", "Type", "Changed"], rows, empty="None.", rank=30)

    def editable(self, row: Connector) -> dict[str, Any]:
        members = {name: row.document.get(name, default) for name, default in authoring.DEFAULTS.items()}
        default = str(row.default_version_id) if row.default_version_id else None
        return {"name": row.name, "enabled": row.enabled, "defaultVersionId": default, **members}

    def starter_of(self, request: HttpRequest) -> dict[str, Any]:
        return dict(self.starter)

    def store(self, *, actor: Actor, row: Connector | None, document: dict[str, Any]) -> Connector:
        body = checked(document, ConnectorWriteSerializer)
        if row is None:
            return authoring.create_connector(author=Author(actor), body=body)
        return authoring.update_connector(author=Author(actor), connector=row, body=body)
