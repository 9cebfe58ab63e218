"""The console's page on which a person runs an action or datatype by hand, and what its execution's page then shows.

A plan sends no writes; it stores an execution all the same, so that its requests can be looked at.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.accounts.console import add_tools, document_section, require_actor
from apps.accounts.console.admin import REFUSALS
from apps.accounts.console.display import pretty
from apps.accounts.console.names import address_of, change_url
from apps.accounts.console.sections import Section
from apps.connectors.models import Component, ComponentVersion
from apps.core.actors import Actor, Verb
from apps.core.errors import NotFoundError
from apps.core.ids import hex24
from apps.engine.schemas import input_fields
from apps.executions.actions import TRIAL, run_action
from apps.executions.models import Execution, ExecutionData, Mode
from apps.executions.payloads import unpack
from apps.executions.resolution import resolve_action
from apps.integrations.console import read_document
from apps.wire.errors import failure_of

TRIED = (Component.Kind.ACTION, Component.Kind.DATATYPE)
SHOWN_WHOLE = (*TRIED, TRIAL)
MODES = {"plan": "Plan: reads are real, writes are shown and not sent", "live": "Live: everything is sent"}


def page(request: HttpRequest, version_id: str, *, site: AdminSite) -> HttpResponse:
    actor = require_actor(request)
    rows = ComponentVersion.objects.for_actor(actor).filter(component__kind__in=TRIED)
    try:
        row = rows.select_related("component__connector").find(version_id)
    except NotFoundError as error:
        raise Http404(error.message) from None
    if not actor.may(Verb.RUN):
        raise Http404
    given = {name: request.POST.get(name, "").strip() for name in ("input", "user", "credential", "mode")}
    if request.method != "POST":
        return form(request, site, row, given={**given, "input": pretty(sample(row)), "mode": "plan"})
    mode = Mode.LIVE if given["mode"] == "live" else Mode.PLAN
    try:
        action = resolve_action(
            organization_id=actor.organization_id,
            connector=str(row.component.connector_id),
            component=str(row.id),
            kind=row.component.kind,
            user=given["user"].replace("\0", "") or None,
            credential=given["credential"] or None,
            input=read_document(given["input"] or "{}"),
        )
        ran = run_action(action, triggered_by=str(actor.user_id or ""), mode=mode)
    except REFUSALS as error:
        return form(request, site, row, given=given, error=error)
    messages.success(request, "It ran. Nothing was written." if mode == Mode.PLAN else "It ran.")
    return HttpResponseRedirect(change_url(Execution, ran.execution_id))


def form(
    request: HttpRequest, site: AdminSite, row: ComponentVersion, *, given: dict[str, str], error: Any = None
) -> HttpResponse:
    failure = failure_of(error) if error else None
    context = {
        **site.each_context(request),
        "title": f"Test {row.component.connector.name}.{row.component.name} {row.name}",
        "given": given,
        "modes": MODES,
        "faults": [item.message for item in failure.items] if failure else [str(error)] if error else [],
        "back": address_of(row),
    }
    return TemplateResponse(request, "console/try.html", context, status=422 if error else 200)


def sample(row: ComponentVersion) -> dict[str, Any]:
    """The members that must be given, empty, for the person to fill in."""
    fields = input_fields(row.schema.get("variables"))
    return {
        field.path: None if field.type != "string" else ""
        for field in fields
        if field.required and "." not in field.path
    }


def links(actor: Actor, row: ComponentVersion) -> Iterable[tuple[str, str]]:
    if row.component.kind in TRIED and actor.may(Verb.RUN):
        yield f"Test {row.component.kind}", reverse("admin:executions_execution_try", args=[hex24(row.id)])


def data_sections(row: Execution) -> Iterable[Section]:
    data = ExecutionData.objects.filter(execution=row).first()
    if data is None:
        return
    stored = unpack(data.input, default={})
    yield document_section("Output", unpack(data.output), rank=5)
    yield document_section("Input", stored.get("input"), rank=6, folded=True)


add_tools(ComponentVersion, links)
