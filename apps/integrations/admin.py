"""Integrations: the folders, and who was given one."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import Button, Fact, Outcome, table_section
from apps.accounts.console.display import NOTHING, moment
from apps.accounts.console.names import register_kind
from apps.accounts.console.sections import Section
from apps.core.actors import Actor, Verb
from apps.integrations.api.serializers import IntegrationSerializer
from apps.integrations.console import DocumentAdmin, delete_document
from apps.integrations.models import Integration, Share
from apps.integrations.services import INTEGRATIONS

register_kind("integration", Integration)


def delete(actor: Actor, row: Integration) -> Outcome:
    return Outcome(f"Integration {row} is deleted.", url=delete_document(INTEGRATIONS, actor, row))


@admin.register(Integration)
class IntegrationAdmin(DocumentAdmin):
    nothing = "A folder for flows that belong together, which can be shared as a whole."
    resource = INTEGRATIONS
    serializer = IntegrationSerializer
    list_display = ("name", "summary", "changed")
    search_fields = ("name",)
    buttons = (
        Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="Only an empty integration can go."),
    )

    @admin.display(description="description")
    def summary(self, row: Integration) -> str:
        return row.description[:120] or NOTHING

    def changed(self, row: Integration) -> str:
        return moment(row.updated_at)

    def facts(self, actor: Actor, row: Integration) -> Iterable[Fact]:
        yield Fact("Description", row.description or NOTHING)
        yield Fact("Id", row.hex_id)
        yield Fact("Changed", moment(row.updated_at))

    def sections(self, request: HttpRequest, actor: Actor, row: Any) -> list[Section]:
        found = super().sections(request, actor, row)
        if actor.role is not None:
            shares = Share.objects.for_actor(actor).filter(integration=row).select_related("membership__user")
            rows = [[str(share.membership.user), share.role] for share in shares.order_by("id")[:200]]
            found.append(
                table_section("Shared with", ["Person", "Access"], rows, empty="Nobody in particular.", rank=70)
            )
        return found
