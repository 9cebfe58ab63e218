"""Blobs: files that flows move unparsed. To be looked for, downloaded and deleted; nobody writes one by hand.

The surprise: a blob's id follows from where its content came from, so the newest is found by its stamp, not by its id.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.contrib import admin, messages
from django.http import FileResponse, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, reverse

from apps.accounts.console import Button, ChoiceFilter, ConsoleAdmin, Fact, Outcome
from apps.accounts.console.display import NOTHING, code, link, moment
from apps.accounts.console.names import address_of, list_url, register_kind, shown_id
from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.flows.models import Blob
from apps.flows.services.blobs import delete_blob, path_of

register_kind("blob", Blob)


def delete(actor: Actor, row: Blob) -> Outcome:
    delete_blob(actor=actor, blob=row)
    return Outcome(f"{row} is deleted.", url=list_url(Blob))


class KeptFilter(ChoiceFilter):
    title = "kept"
    parameter_name = "kept"
    options = {
        "24h": ("last 24 hours", lambda rows: rows.filter(created_at__gte=now() - timedelta(hours=24))),
        "7d": ("last 7 days", lambda rows: rows.filter(created_at__gte=now() - timedelta(days=7))),
        "older": ("before that", lambda rows: rows.filter(created_at__lt=now() - timedelta(days=7))),
    }


class GoesFilter(ChoiceFilter):
    title = "goes"
    parameter_name = "goes"
    options = {
        "soon": ("within a day", lambda rows: rows.filter(expires_at__lt=now() + timedelta(days=1))),
        "later": ("later", lambda rows: rows.filter(expires_at__gte=now() + timedelta(days=1))),
    }


@admin.register(Blob)
class BlobAdmin(ConsoleAdmin):
    nothing = "Files that a flow takes along without looking into them are kept here for a while."
    list_display = ("name", "holds", "content_type", "of", "kept", "goes")
    list_filter = (KeptFilter, GoesFilter)
    lookups = ("execution",)
    related = ("execution",)
    search_fields = ("name",)
    ordering = ("-expires_at", "-id")
    buttons = (
        Button(
            "delete", "Delete", delete, Verb.DELETE, look="danger",
            confirm="A flow that still carries its key cannot send it any more.",
        ),
    )  # fmt: skip

    def may(self, actor: Actor, verb: Verb, row: Blob) -> bool:
        return actor.may(verb, integration_id=row.integration_id)

    @admin.display(description="size")
    def holds(self, row: Blob) -> str:
        return filesizeformat(row.size)

    @admin.display(description="run")
    def of(self, row: Blob) -> str:
        return link(address_of(row.execution), row.execution.target_name or "run") if row.execution else NOTHING

    def kept(self, row: Blob) -> str:
        return moment(row.created_at)

    def goes(self, row: Blob) -> str:
        return moment(row.expires_at)

    def facts(self, actor: Actor, row: Blob) -> Iterable[Fact]:
        yield Fact("Size", f"{filesizeformat(row.size)} ({row.size:,} bytes)")
        yield Fact("Content type", row.content_type or NOTHING)
        yield Fact("Run", self.of(row))
        yield Fact("Kept", moment(row.created_at))
        yield Fact("Goes", moment(row.expires_at))
        yield Fact("Blob key", code(row.hex_id))

    def tools(self, actor: Actor, row: Blob) -> list[tuple[str, str]]:
        return [("Download", reverse(f"admin:{self.opts.app_label}_blob_download", args=[shown_id(row.pk)]))]

    def more_urls(self) -> list[URLPattern]:
        return [self.address("<str:object_id>/download/", self.download, "download")]  # type: ignore[arg-type]

    def download(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """As bytes, whatever they are: a browser that showed them would run what a stranger has written."""
        row = self.find(request, object_id)
        try:
            file = path_of(row).open("rb")
        except FileNotFoundError:
            messages.error(request, "Its content is not in the data directory any more.")
            return HttpResponseRedirect(address_of(row))
        name = row.name.replace("\\", "/").rpartition("/")[2] or row.hex_id
        answer = FileResponse(file, as_attachment=True, filename=name, content_type="application/octet-stream")
        answer["Cache-Control"] = "no-store"
        return answer
