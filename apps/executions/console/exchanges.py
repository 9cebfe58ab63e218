"""Exchanges, redacted as they were kept: in a list, on their execution's page, and one by one."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.accounts.console import (
    ChoiceFilter,
    ConsoleAdmin,
    Fact,
    WhenFilter,
    document_section,
    require_actor,
    table_section,
)
from apps.accounts.console.display import NOTHING, ago, badge, code, link, moment
from apps.accounts.console.names import change_url, links_to, list_url
from apps.accounts.console.sections import Section
from apps.core.actors import Actor
from apps.core.ids import hex24
from apps.executions.models import Exchange, Execution, Step
from apps.executions.payloads import unpack

EXCHANGES_SHOWN = 20  # of failures, and of the newest
FLOW_STEPS = ("export", "lookup", "import")
Names = dict[tuple[uuid.UUID | None, str], SafeString | str]


def step_names(actor: Actor, execution_ids: Iterable[uuid.UUID | None]) -> Names:
    """{(execution, path): the export or import}; effects of components have no name but their path."""
    rows = Step.objects.filter(execution_id__in={found for found in execution_ids if found}, kind__in=FLOW_STEPS)
    found = list(rows.values_list("execution_id", "path", "kind", "target_id"))
    targets = {(run, path): ("import" if kind == "import" else "export", target) for run, path, kind, target in found}
    links = links_to(actor, set(targets.values()))
    return {place: links[target] for place, target in targets.items()}


def name_of(row: Exchange, names: Names) -> SafeString | str:
    return names.get((row.execution_id, row.step_path)) or row.step_path or NOTHING


def exchange_section(actor: Actor, row: Execution) -> Section:
    """Failures first: they are what one looks for."""
    kept = Exchange.objects.for_actor(actor).filter(execution=row).order_by("-id").defer("detail")
    bad = list(kept.filter(Q(status__gte=400) | Q(status__isnull=True, planned=False))[:EXCHANGES_SHOWN])
    known = {e.pk for e in bad}
    found = [*bad, *(e for e in kept[:EXCHANGES_SHOWN] if e.pk not in known)]
    names = step_names(actor, [row.pk])
    rows = [
        [
            link(change_url(Exchange, e.pk), f"{e.method} {e.url[:120]}"),
            answer(e),
            span_ms(e),
            name_of(e, names),
            moment(e.created_at),
        ]
        for e in found
    ]
    note = "Failures first. Secrets are struck out; a large execution keeps a sample, and every failure."
    more = list_url(Exchange, f"?execution={row.pk}") if len(rows) >= EXCHANGES_SHOWN else ""
    headers = ["Request", "Answer", "Took", "Step", "When"]
    return table_section("Exchanges", headers, rows, empty="None is kept.", note=note, more=more, rank=60)


def span_ms(row: Exchange) -> str:
    return f"{row.milliseconds:.0f} ms"


def answer(row: Exchange) -> SafeString:
    if row.planned:
        return badge("plan")
    if row.error or row.status is None:
        return badge(row.error[:80] or "no answer", look="danger")
    return badge(str(row.status), look="danger" if row.status >= 400 else "success")


class AnswerFilter(ChoiceFilter):
    title = "answer"
    parameter_name = "answer"
    options = {
        "bad": ("400 and above", lambda rows: rows.filter(status__gte=400)),
        "none": ("no answer", lambda rows: rows.filter(status__isnull=True)),
    }


@admin.register(Exchange)
class ExchangeAdmin(ConsoleAdmin):
    nothing = "What executions send, and what they are answered, is kept here for some days."
    list_display = ("sent", "answered", "took", "step", "when")
    list_filter = (AnswerFilter, WhenFilter)
    lookups = ("execution",)
    heavy = ("detail",)
    ids_only = True
    search_fields = ("id",)
    search_help_text = "Search by id"

    def decorate(self, request: HttpRequest, rows: list[Any]) -> None:
        names = step_names(require_actor(request), [row.execution_id for row in rows])
        for row in rows:
            row.shown_step = name_of(row, names)

    @admin.display(description="request")
    def sent(self, row: Exchange) -> str:
        return f"{row.method} {row.url[:120]}"

    def answered(self, row: Exchange) -> str:
        return answer(row)

    def took(self, row: Exchange) -> str:
        return span_ms(row)

    def step(self, row: Any) -> str:
        found: str = row.shown_step
        return found

    def when(self, row: Exchange) -> str:
        return moment(row.created_at)

    def title(self, row: Exchange) -> str:
        return f"{row.method} {row.url[:200]}"

    def headline(self, row: Exchange) -> str:
        return answer(row)

    def sentence(self, row: Exchange) -> str:
        return row.error

    def alarming(self, row: Exchange) -> bool:
        return bool(row.error)

    def facts(self, actor: Actor, row: Exchange) -> Iterable[Fact]:
        if row.execution_id:
            yield Fact("Execution", link(change_url(Execution, row.execution_id), hex24(row.execution_id)))
        connection = ("connection", row.connection_id)
        yield Fact("Connection", links_to(actor, [connection])[connection])
        yield Fact("Address", code(row.url))
        yield Fact("Step", name_of(row, step_names(actor, [row.execution_id])))
        yield Fact("Took", span_ms(row))
        yield Fact("When", moment(row.created_at))
        yield Fact("Age", ago(row.created_at))

    def sections(self, request: HttpRequest, actor: Actor, row: Exchange) -> Iterable[Section]:
        detail = unpack(row.detail, default={})
        for rank, part in enumerate(("request", "response")):
            message = detail.get(part) or {}
            headers = [[name, value] for name, value in (message.get("headers") or {}).items()]
            yield table_section(f"{part.capitalize()} headers", ["Name", "Value"], headers, empty="None.", rank=rank)
            note = f"{message.get('size') or 0} bytes; at most 16 KB are kept."
            yield document_section(f"{part.capitalize()} body", message.get("body") or "(empty)", rank=rank, note=note)
