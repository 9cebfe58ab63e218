"""Suggestions: what each would change, before it does; apply, ignore, apply by itself from now on."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.console import Button, ChoiceFilter, Fact, Outcome, WhenFilter, document_section, table_section
from apps.accounts.console.display import NOTHING, badge, code, link, moment
from apps.accounts.console.names import address_of, list_url, register_kind
from apps.accounts.console.sections import Section
from apps.audit.services import changes_between
from apps.catalog.api.members import suggestion_fields
from apps.catalog.api.shapes import SuggestionWriteSerializer
from apps.catalog.console.editing import CatalogAdmin, checked
from apps.catalog.console.entities import short
from apps.catalog.documents import suggestion_document
from apps.catalog.models import Entity, Suggestion
from apps.catalog.querysets import OPEN
from apps.catalog.suggestions import (
    apply_suggestion,
    delete_suggestion,
    preview_suggestion,
    save_suggestion,
    set_auto_apply,
    set_ignored,
)
from apps.core.actors import Actor, Verb
from apps.core.errors import DomainError

register_kind("suggestion", Suggestion, field="title")
LOOKS = {"open": "info", "applied": "success", "ignored": "plain"}
NEW: dict[str, Any] = {
    "description": None, "isActive": True, "isHidden": False, "properties": {}, "relations": {}, "sources": [],
}  # fmt: skip
UNSAID = ("createdAt", "createdBy", "updatedAt", "updatedBy")


def apply(actor: Actor, row: Suggestion) -> Outcome:
    done = apply_suggestion(actor=actor, suggestion=row)
    state = done.new_state or {}
    if done.change is None:
        return Outcome(f"{state.get('title')} is as suggested already.")
    return Outcome(f"{state.get('title')} is {'made' if done.change == 'create' else 'changed'} as suggested.")


def ignore(actor: Actor, row: Suggestion) -> Outcome:
    set_ignored(actor=actor, suggestion=row, ignored=True)
    return Outcome("It is ignored: nothing of it is applied, whatever comes later.")


def heed(actor: Actor, row: Suggestion) -> Outcome:
    set_ignored(actor=actor, suggestion=row, ignored=False)
    return Outcome("It is open again.")


def automate(actor: Actor, row: Suggestion) -> Outcome:
    set_auto_apply(actor=actor, suggestion=row, auto_apply=True)
    return Outcome("From now on, what is suggested anew is written at once.")


def ask_again(actor: Actor, row: Suggestion) -> Outcome:
    set_auto_apply(actor=actor, suggestion=row, auto_apply=False)
    return Outcome("From now on, what is suggested anew waits for a person.")


def delete(actor: Actor, row: Suggestion) -> Outcome:
    delete_suggestion(actor=actor, suggestion=row)
    return Outcome("The suggestion is deleted.", url=list_url(Suggestion))


class StateFilter(ChoiceFilter):
    title = "state"
    parameter_name = "state"
    options = {
        "open": ("open", lambda rows: rows.filter(OPEN)),
        "applied": ("applied", lambda rows: rows.filter(ignored=False).exclude(OPEN)),
        "ignored": ("ignored", lambda rows: rows.filter(ignored=True)),
        "auto": ("applied by itself", lambda rows: rows.filter(auto_apply=True)),
    }


@admin.register(Suggestion)
class SuggestionAdmin(CatalogAdmin):
    nothing = "Where an automation would make an entity that is not there, it asks here."
    advice = "targetIdOverride names an entity that is there already, to be written to instead of targetId."
    list_display = ("title", "target_id", "origin", "shown_state", "refreshed")
    list_filter = (StateFilter, WhenFilter)
    heavy = ("data", "source_context", "target_context")
    buttons = (
        Button(
            "apply", "Apply", apply, Verb.EDIT, look="primary", shown=lambda row: not row.ignored and row.data,
        ),
        Button("ignore", "Ignore", ignore, Verb.EDIT, shown=lambda row: not row.ignored),
        Button("heed", "Do not ignore", heed, Verb.EDIT, look="primary", shown=lambda row: row.ignored),
        Button(
            "automate", "Apply by itself", automate, Verb.EDIT, shown=lambda row: not row.auto_apply,
            confirm="What this automation suggests for this entity later is written without a person.",
        ),
        Button("ask", "Ask each time", ask_again, Verb.EDIT, shown=lambda row: row.auto_apply),
        Button("delete", "Delete", delete, Verb.DELETE, look="danger", confirm="It comes again with the next event."),
    )  # fmt: skip
    starter = {
        "title": "A service of repo", "originType": "automation", "originId": "by-hand", "sourceType": "entity",
        "sourceId": "repo", "targetType": "entity", "targetId": "repo.service",
        "data": {"id": "repo.service", "blueprintId": "service", "title": "Repo"},
    }  # fmt: skip

    @admin.display(description="of")
    def origin(self, row: Suggestion) -> str:
        return row.origin_id

    @admin.display(description="state")
    def shown_state(self, row: Suggestion) -> str:
        return badge(row.state, look=LOOKS[row.state])

    def refreshed(self, row: Suggestion) -> str:
        return moment(row.refreshed_at)

    def headline(self, row: Suggestion) -> str:
        return badge(row.state, look=LOOKS[row.state])

    def sentence(self, row: Suggestion) -> str:
        if row.ignored:
            return "Ignored: nothing of it is applied."
        return "What is suggested anew is written at once." if row.auto_apply else ""

    def facts(self, actor: Actor, row: Suggestion) -> Iterable[Fact]:
        names = {row.source_id, row.target_id, row.target_id_override}
        rows = {one.natural_id: one for one in Entity.objects.for_actor(actor).among(filter(None, names))}

        def entity(text: str | None) -> Any:
            if not text:
                return NOTHING
            return link(address_of(rows[text]), rows[text].title) if text in rows else code(text)

        yield Fact("Because of", entity(row.source_id))
        yield Fact("For", entity(row.target_id))
        yield Fact("Written to instead", entity(row.target_id_override))
        yield Fact("Automation", code(row.origin_id))
        yield Fact("Suggested", moment(row.refreshed_at))
        yield Fact("Last applied", moment(row.last_applied_at, empty="never"))
        yield Fact("Id", code(row.natural_id))

    def sections(self, request: HttpRequest, actor: Actor, row: Suggestion) -> Iterable[Section]:
        yield what_changes(row)
        yield document_section("Document", suggestion_document(row), folded=True, rank=90)

    def editable(self, row: Suggestion) -> dict[str, Any]:
        own = (*UNSAID, "additionalInfo")
        return {name: value for name, value in suggestion_document(row).items() if name not in own}

    def store(self, *, actor: Actor, row: Suggestion | None, document: dict[str, Any]) -> Suggestion:
        body = checked(document, SuggestionWriteSerializer)
        fields = suggestion_fields(body)
        if row is None:
            return save_suggestion(actor=actor, id=body.get("id"), fields=fields, must_be_new=True)[0]
        return save_suggestion(actor=actor, id=row.natural_id, fields=fields)[0]


def what_changes(row: Suggestion) -> Section:
    """Computed as applying would, with nothing written."""
    title, headers = "What applying would change", ["Field", "Now", "Then"]
    if row.ignored:
        return table_section(title, headers, [], empty="Nothing, since it is ignored.", rank=10)
    try:
        before, after = preview_suggestion(row)
    except DomainError as error:
        return table_section(title, headers, [], empty=f"It cannot be applied: {error}", rank=10)
    changes = changes_between(unstamped(before or NEW), unstamped(after))
    cells = [
        [one["fieldPath"], short(one.get("oldValue", NOTHING)), short(one.get("newValue", NOTHING))] for one in changes
    ]
    note = "" if before else "There is no such entity yet: it is made."
    return table_section(title, headers, cells, empty="Nothing: it is so already.", note=note, rank=10)


def unstamped(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in UNSAID}
