"""Exports, imports and scripts: lists, documents, and the flows that use them."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import Button, Fact, Outcome, require_actor, table_section
from apps.accounts.console.display import NOTHING, moment
from apps.accounts.console.names import links_to, register_kind
from apps.accounts.console.sections import Section
from apps.connections.models import Connection
from apps.connections.resource import CONNECTIONS
from apps.core.actors import Actor, Verb
from apps.flows.api.serializers.exports import ExportSerializer
from apps.flows.api.serializers.flows import LookupCacheSerializer, ScriptSerializer
from apps.flows.api.serializers.imports import ImportSerializer
from apps.flows.models import Export, Import, LookupCache, LookupEntry, Script
from apps.flows.services.lookup_data import purge_data
from apps.flows.services.resources import EXPORTS, IMPORTS, LOOKUP_CACHES, SCRIPTS
from apps.integrations.console import DocumentAdmin, delete_document, ids_to_copy
from apps.integrations.models import Reference

register_kind("export", Export)
register_kind("import", Import)
register_kind("script", Script)
register_kind("lookupcache", LookupCache)
USERS_SHOWN = 200
EXPORT_STARTER: dict[str, Any] = {
    "pageSize": 100,
    "traceKeyTemplate": "{{record.id}}",
    "http": {
        "method": "GET",
        "relativeURI": "/orders?page={{export.http.paging.page}}",
        "response": {"resourcePath": "data"},
        "paging": {"method": "page", "page": 1},
    },
}
IMPORT_STARTER: dict[str, Any] = {
    "traceKeyTemplate": "{{record.id}}",
    "http": {"method": ["POST"], "relativeURI": ["/orders"]},
    "mappings": [{"generate": "number", "dataType": "string", "extract": "$.id", "status": "Active"}],
}
READS = {
    "": "everything each time",
    "delta": "what changed (delta)",
    "once": "each record once",
    "test": "a few, to test",
    "simple": "what is uploaded",
    "webhook": "what is sent to it",
}


class ResourceAdmin(DocumentAdmin):
    search_fields = ("name",)

    def facts(self, actor: Actor, row: Any) -> Iterable[Fact]:
        targets = [
            ("connection", getattr(row, "connection_id", None)),
            ("integration", getattr(row, "integration_id", None)),
        ]
        links = links_to(actor, targets)
        if hasattr(row, "adaptor_type"):
            yield Fact("Adaptor", row.adaptor_type or NOTHING)
            yield Fact("Connection", links[targets[0]])
            yield Fact("Integration", links[targets[1]])
        yield Fact("Id", row.hex_id)
        yield Fact("Changed", moment(row.updated_at))

    def sections(self, request: HttpRequest, actor: Actor, row: Any) -> list[Section]:
        users = Reference.objects.filter(
            organization_id=actor.organization_id, target_kind=self.resource.kind, target_id=row.pk
        ).order_by("source_kind", "source_id")
        found = list(users.values_list("source_kind", "source_id")[:USERS_SHOWN])
        links = links_to(actor, found)
        rows = [[links[target], target[0]] for target in found]
        section = table_section("Used by", ["Name", "Kind"], rows, empty="Nothing uses it.", rank=40)
        return [section, *super().sections(request, actor, row)]

    def changed(self, row: Any) -> str:
        return moment(row.updated_at)

    def adaptor(self, row: Any) -> str:
        return row.adaptor_type or NOTHING


def delete_button(resource: Any) -> Button:
    def delete(actor: Actor, row: Any) -> Outcome:
        return Outcome(f"{row} is deleted.", url=delete_document(resource, actor, row))

    return Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="Only what nothing uses can go.")


class TravellerAdmin(ResourceAdmin):
    """Of what goes out through a connection."""

    model_starter: ClassVar[dict[str, Any]] = {}

    def starter_of(self, request: HttpRequest) -> dict[str, Any]:
        """With the newest HTTP connection, where the person may see connections."""
        actor = require_actor(request)
        rows = Connection.objects.for_actor(actor).filter(type="http") if actor.may(Verb.SECRETS) else None
        newest = rows.order_by("-pk").first() if rows is not None else None
        named = {"_connectionId": newest.hex_id if newest else "a connection's id"}
        return {"name": f"New {self.opts.verbose_name}", **named, **self.model_starter}

    def helps(self, actor: Actor) -> list[Section]:
        rows = CONNECTIONS.listed(actor) if actor.may(Verb.SECRETS) else Connection.objects.none()
        return [ids_to_copy("Connections, to go out through", rows, model=Connection)]


@admin.register(Export)
class ExportAdmin(TravellerAdmin):
    model_starter = EXPORT_STARTER
    advice = "What is asked, where the records are in the answer, and how it goes on to the next page."
    nothing = "An export says what a flow reads, and through which connection."
    resource = EXPORTS
    serializer = ExportSerializer
    heavy = ("document", "secret")
    list_display = ("name", "adaptor", "reads", "changed")
    buttons = (delete_button(EXPORTS),)

    def reads(self, row: Export) -> str:
        if row.is_lookup:
            return "one record's data (lookup)"
        return READS.get(row.type, row.type)


@admin.register(Import)
class ImportAdmin(TravellerAdmin):
    model_starter = IMPORT_STARTER
    advice = "What is sent for each record, and how a record becomes that: generate from extract."
    nothing = "An import says what a flow writes, and through which connection."
    resource = IMPORTS
    serializer = ImportSerializer
    list_display = ("name", "adaptor", "changed")
    buttons = (delete_button(IMPORTS),)


@admin.register(Script)
class ScriptAdmin(ResourceAdmin):
    nothing = "JavaScript that exports, imports and flows call with their records."
    resource = SCRIPTS
    serializer = ScriptSerializer
    heavy = ("document", "content")
    list_display = ("name", "changed")
    buttons = (delete_button(SCRIPTS),)


ENTRIES_SHOWN = 50


def empty(actor: Actor, row: Any) -> Outcome:
    return Outcome(f"{row} is empty: {purge_data(actor=actor, cache=row)} entries are gone.")


@admin.register(LookupCache)
class LookupCacheAdmin(ResourceAdmin):
    nothing = "A table of keys and values that mappings look things up in."
    resource = LOOKUP_CACHES
    serializer = LookupCacheSerializer
    list_display = ("name", "megabytes", "changed")
    buttons = (
        Button("empty", "Empty", empty, Verb.EDIT, look="danger", confirm="All keys and values of it are deleted."),
        delete_button(LOOKUP_CACHES),
    )

    @admin.display(description="MB")
    def megabytes(self, row: LookupCache) -> str:
        return f"{row.size / 1_000_000:.2f}"

    def sections(self, request: HttpRequest, actor: Actor, row: Any) -> list[Section]:
        first = LookupEntry.objects.filter(cache=row).order_by("key").values_list("key", "value")[:ENTRIES_SHOWN]
        rows = [[key, value[:200]] for key, value in first]
        title = f"The first {ENTRIES_SHOWN} entries" if len(rows) == ENTRIES_SHOWN else "Entries"
        section = table_section(title, ["Key", "Value"], rows, empty="Nothing is kept in it.", rank=20)
        return [section, *super().sections(request, actor, row)]
