"""The base of every console page: rows through `for_actor` only, a list, a detail page, buttons.

The surprise: nothing is saved by Django's admin forms. Changes go through services, by buttons and document editors.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import escape
from unfold.admin import ModelAdmin

from apps.accounts.console import names
from apps.accounts.console.buttons import Button
from apps.accounts.console.extensions import buttons_of, sections_of, tools_of
from apps.accounts.console.lists import ConsoleChangeList, PeekPaginator
from apps.accounts.console.seats import actor_of_request, require_actor
from apps.accounts.console.secret_page import secret_page
from apps.accounts.console.sections import Fact, Section
from apps.core.actors import Actor, Verb
from apps.core.errors import DomainError, NotFoundError, ValidationErrors
from apps.core.gateway import GatewayError
from apps.core.ids import parse_id
from apps.core.vault import VaultError

REFUSALS = (DomainError, GatewayError, VaultError)


class ConsoleAdmin(ModelAdmin):
    """`heavy`: columns that lists do not read; `sealed`: columns that no page reads."""

    read_verb: ClassVar[Verb] = Verb.VIEW
    heavy: ClassVar[tuple[str, ...]] = ()
    sealed: ClassVar[tuple[str, ...]] = ()
    related: ClassVar[tuple[str, ...]] = ()
    lookups: ClassVar[tuple[str, ...]] = ()  # what links may filter by, besides the filters shown
    ids_only: ClassVar[bool] = False  # search takes an id, and what `found_by` finds: so many rows are not scanned
    nothing: ClassVar[str] = ""  # said of an empty list: what would appear there, and by what
    unfiltered: ClassVar[str] = ""  # the query that takes away a filter which holds unless another is asked for
    buttons: ClassVar[tuple[Button, ...]] = ()
    detail_template: ClassVar[str] = "console/detail.html"

    ordering: Any = ("-id",)
    sortable_by: Any = ()
    actions: Any = ()
    list_per_page = 50
    list_disable_select_all = True
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = PeekPaginator

    # What a subclass says.

    def rows(self, actor: Actor) -> QuerySet[Any]:
        found: QuerySet[Any] = self.model._default_manager.for_actor(actor)
        return found

    def facts(self, actor: Actor, row: Any) -> Iterable[Fact]:
        return ()

    def title(self, row: Any) -> str:
        return str(row)

    def headline(self, row: Any) -> str:
        """A badge beside the title, as HTML."""
        return ""

    def sentence(self, row: Any) -> str:
        """What is to be known first."""
        return ""

    def alarming(self, row: Any) -> bool:
        return False

    def refreshing(self, row: Any) -> bool:
        """Whether the page should look again every few seconds."""
        return False

    def sections(self, request: HttpRequest, actor: Actor, row: Any) -> Iterable[Section]:
        return ()

    def tools(self, actor: Actor, row: Any) -> Iterable[tuple[str, str]]:
        """(label, address) of further pages, beside the buttons."""
        return ()

    def may(self, actor: Actor, verb: Verb, row: Any) -> bool:
        return actor.may(verb, integration_id=getattr(row, "integration_id", None))

    def decorate(self, request: HttpRequest, rows: list[Any]) -> None:
        """Reads for all rows of a list page at once what its columns show."""

    def found_by(self, actor: Actor, rows: QuerySet[Any], words: str) -> QuerySet[Any] | None:
        """What a search finds that is no id; None where only ids can be searched."""
        return None

    # What they all do.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        actor = actor_of_request(request)
        return actor is not None and names.may_somewhere(actor, self.read_verb)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.rows(require_actor(request)).defer(*self.heavy, *self.sealed).order_by(*self.ordering)
        return rows.select_related(*self.related) if self.related else rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ConsoleChangeList]:
        return ConsoleChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Only what is on show: any other column could be guessed at letter by letter."""
        return lookup.removesuffix("__exact") in (*self.lookups, *(shown.parameter_name for shown in self.list_filter))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        row_id = parse_id(term)
        if row_id is not None:
            return queryset.filter(pk=row_id), False
        by_words = self.found_by(require_actor(request), queryset, term) if term else None
        if by_words is not None:
            return by_words, False
        if self.ids_only and term:
            messages.warning(request, f"{escape(term[:40])} is not an id: search here by id, or use the filters.")
            return queryset.none(), False
        found: tuple[Any, bool] = super().get_search_results(request, queryset, term)
        return found

    def get_urls(self) -> list[URLPattern]:
        return [
            self.address("", self.changelist_view, "changelist"),
            *self.more_urls(),
            self.address("<str:object_id>/change/", self.change_view, "change"),
            self.address("<str:object_id>/do/<slug:name>/", self.do_view, "do"),
        ]

    def more_urls(self) -> list[URLPattern]:
        return []

    def address(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(view), name=full_name)

    def find(self, request: HttpRequest, object_id: str) -> Any:
        """404 for what is not there, not the viewer's, or not for their role."""
        actor = require_actor(request)
        if not self.has_view_permission(request):
            raise Http404
        rows = self.rows(actor).defer(*self.sealed)
        try:
            return (rows.select_related(*self.related) if self.related else rows).find(object_id)  # type: ignore[attr-defined]
        except NotFoundError as error:
            raise Http404(error.message) from None

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        actor, row = require_actor(request), self.find(request, object_id)
        sections = [*self.sections(request, actor, row), *sections_of(request, actor, row)]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": self.title(row),
            "row": row,
            "headline": self.headline(row),
            "sentence": self.sentence(row),
            "alarming": self.alarming(row),
            "refreshing": self.refreshing(row),
            "facts": list(self.facts(actor, row)),
            "sections": sorted(sections, key=lambda section: section.rank),
            "buttons": self.buttons_for(actor, row),
            "tools": [*self.tools(actor, row), *tools_of(actor, row)],
            "list_url": names.list_url(self.model),
            "list_name": self.opts.verbose_name_plural,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.detail_template, context)

    def buttons_for(self, actor: Actor, row: Any) -> list[Button]:
        known = [*self.buttons, *buttons_of(self.model)]
        return [button for button in known if button.shown(row) and self.may(actor, button.needs, row)]

    def do_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        actor, row = require_actor(request), self.find(request, object_id)
        button = next((found for found in self.buttons_for(actor, row) if found.name == name), None)
        back = names.address_of(row)
        if button is None:
            messages.error(request, "That cannot be done here: it is over already, or not for your access level.")
            return HttpResponseRedirect(back)
        try:
            outcome = button.run(actor, row)
        except REFUSALS as error:
            self.refuse(request, error)
            return HttpResponseRedirect(back)
        if outcome.secret:
            return secret_page(
                request, site=self.admin_site, opts=self.opts, title=f"{button.label}: {self.title(row)}",
                secret=outcome.secret, message=outcome.message, back=outcome.url or back,
            )  # fmt: skip
        (messages.success if outcome.ok else messages.error)(request, outcome.message)
        return HttpResponseRedirect(outcome.url or back)

    def refuse(self, request: HttpRequest, error: Exception) -> None:
        several = error.errors if isinstance(error, ValidationErrors) else [error]
        for found in several:
            messages.error(request, str(found))
