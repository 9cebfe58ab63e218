"""Console pages of stored documents: shown as their API shows them, edited as JSON through the same checks.

The surprise: a save says which revision it was made from, so that two people do not undo each other unawares.
"""

from typing import Any, ClassVar

import orjson
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from rest_framework.exceptions import ParseError
from rest_framework.exceptions import ValidationError as SerializerError

from apps.accounts.console import ConsoleAdmin, Section, document_section, names, require_actor, table_section
from apps.accounts.console.admin import REFUSALS
from apps.accounts.console.display import pretty
from apps.core.actors import Actor, Verb
from apps.core.errors import ConflictError, ForbiddenError, ValidationError
from apps.core.ids import hex24
from apps.integrations.resources import STAMPS, Resource
from apps.wire.errors import failure_of
from apps.wire.fields import Document
from apps.wire.rendering import refuse_unkeepable

MAX_DOCUMENT = 2_000_000
MASKED = "******"
IDS_SHOWN = 100


class EditorAdmin(ConsoleAdmin):
    """Pages on which a row's document is edited as JSON. Subclasses say what is edited and how it is stored."""

    starter: ClassVar[dict[str, Any]] = {"name": ""}  # what an empty editor begins with
    edit_label: ClassVar[str] = "Edit"
    advice: ClassVar[str] = ""  # on how such a document is written, in a sentence or two

    # What a subclass says.

    def editable(self, row: Any) -> dict[str, Any]:
        raise NotImplementedError

    def revision_of(self, row: Any) -> str:
        return str(row.revision)

    def store(self, *, actor: Actor, row: Any, document: dict[str, Any]) -> Any:
        """The saved row; `row` is None for a new one. Raises what a service or a serializer refuses with."""
        raise NotImplementedError

    def starter_of(self, request: HttpRequest) -> dict[str, Any]:
        return self.starter

    def helps(self, actor: Actor) -> list[Section]:
        """What stands beside the editor, such as ids to copy."""
        return []

    # What they all do.

    def has_add_permission(self, request: HttpRequest) -> bool:
        return names.may_somewhere(require_actor(request), Verb.EDIT) if self.has_view_permission(request) else False

    def tools(self, actor: Actor, row: Any) -> list[tuple[str, str]]:
        if not self.may(actor, Verb.EDIT, row):
            return []
        return [(self.edit_label_of(row), reverse(self.view_name("edit"), args=[names.shown_id(row.pk)]))]

    def edit_label_of(self, row: Any) -> str:
        return self.edit_label

    def view_name(self, name: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}"

    def more_urls(self) -> list[URLPattern]:
        return [
            self.address("add/", self.add_document, "add"),
            self.address("<str:object_id>/edit/", self.edit_document, "edit"),
        ]

    def edit_document(self, request: HttpRequest, object_id: str) -> HttpResponse:
        actor, row = require_actor(request), self.find(request, object_id)
        if not self.may(actor, Verb.EDIT, row):
            raise Http404
        if request.method != "POST":
            return self.editor(request, text=pretty(self.editable(row)), row=row)
        if request.POST.get("revision") != self.revision_of(row):
            error = ConflictError("Somebody has saved this meanwhile. Open the editor anew and take over your change.")
            return self.editor(request, text=request.POST.get("document", ""), row=row, error=error)
        return self.save_document(request, row=row)

    def add_document(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise Http404
        if request.method != "POST":
            return self.editor(request, text=pretty(self.starter_of(request)), row=None)
        return self.save_document(request, row=None)

    def save_document(self, request: HttpRequest, *, row: Any) -> HttpResponse:
        actor, text = require_actor(request), request.POST.get("document", "")
        try:
            saved = self.store(actor=actor, row=row, document=read_document(text))
        except (SerializerError, *REFUSALS) as error:
            return self.editor(request, text=text, row=row, error=error)
        messages.success(request, f"{self.opts.verbose_name.capitalize()} {saved} is saved.")
        return HttpResponseRedirect(names.address_of(saved))

    def editor(self, request: HttpRequest, *, text: str, row: Any, error: Exception | None = None) -> HttpResponse:
        failure = failure_of(error) if error else None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Edit {row}" if row else f"New {self.opts.verbose_name}",
            "row": row,
            "revision": self.revision_of(row) if row else "",
            "text": text,
            "masked": MASKED in text,
            "advice": self.advice,
            "helps": self.helps(require_actor(request)),
            "faults": [item.message for item in failure.items] if failure else [str(error)] if error else [],
            "back": names.address_of(row) if row else names.list_url(self.model),
        }
        return TemplateResponse(request, "console/editor.html", context, status=422 if error else 200)


class DocumentAdmin(EditorAdmin):
    """Of what is stored by a Resource."""

    resource: ClassVar[Resource[Any]]
    serializer: ClassVar[type[Document]]
    heavy: ClassVar[tuple[str, ...]] = ("document",)

    def rows(self, actor: Actor) -> QuerySet[Any]:
        try:
            return self.resource.listed(actor)
        except ForbiddenError:
            return self.resource.readable(actor).none()

    def may(self, actor: Actor, verb: Verb, row: Any) -> bool:
        return self.resource.may(actor=actor, verb=verb, row=row)

    def document(self, row: Any) -> dict[str, Any]:
        return {key: value for key, value in self.resource.show(row).items() if key not in STAMPS}

    def editable(self, row: Any) -> dict[str, Any]:
        return {key: value for key, value in self.document(row).items() if key not in self.resource.computed}

    def sections(self, request: HttpRequest, actor: Actor, row: Any) -> list[Section]:
        return [document_section("Document", self.document(row), folded=True, rank=90)]

    def store(self, *, actor: Actor, row: Any, document: dict[str, Any]) -> Any:
        self.serializer(data=document).is_valid(raise_exception=True)
        if row is None:
            return self.resource.create(actor=actor, document=document)
        return self.resource.replace(actor=actor, row=row, document=document)


def ids_to_copy(title: str, rows: QuerySet[Any], *, model: type[Model]) -> Section:
    """The newest rows that a document may name, with their ids."""
    found = list(rows.order_by("-pk").values_list("pk", "name")[:IDS_SHOWN])
    cells = [[names.link(names.change_url(model, pk), name), copied(hex24(pk))] for pk, name in found]
    empty = f"There are no {model._meta.verbose_name_plural} yet: make one first."
    return table_section(title, ["Name", "Id"], cells, empty=empty, more=names.list_url(model), more_label="All")


def copied(text: str) -> SafeString:
    return format_html('<code class="jn-code jn-copy">{}</code>', text)


def read_document(text: str) -> dict[str, Any]:
    """Raises ValidationError that says where the text is no JSON."""
    if len(text) > MAX_DOCUMENT:
        raise ValidationError(f"A document may have {MAX_DOCUMENT} characters at most.")
    try:
        found = orjson.loads(text)
        refuse_unkeepable(found)
    except orjson.JSONDecodeError as error:
        raise ValidationError(f"This is no JSON: {error.msg}, line {error.lineno}, column {error.colno}.") from None
    except ParseError as error:
        raise ValidationError(str(error.detail)) from None
    if not isinstance(found, dict):
        raise ValidationError("A document is an object: { … }.")
    return found


def delete_document(resource: Resource[Any], actor: Actor, row: Any) -> str:
    """The address to go on at."""
    address = names.list_url(type(row))
    resource.delete(actor=actor, row=row)
    return address
