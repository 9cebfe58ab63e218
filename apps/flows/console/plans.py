"""Plans in the console: asked for on a flow's page, looked through on their own, applied by one button."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from apps.accounts.console import Button, Outcome, add_buttons, add_sections, table_section
from apps.accounts.console.display import NOTHING, code, link, moment
from apps.accounts.console.names import address_of, change_url, list_url
from apps.accounts.console.sections import Section
from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.executions.console.exchanges import name_of, step_names
from apps.executions.models import Exchange, Execution, State
from apps.executions.payloads import unpack
from apps.executions.summaries import counted
from apps.flows.console.runs import flow_of
from apps.flows.models import Flow, Plan
from apps.flows.pipeline.planning import KIND
from apps.flows.services.plans import apply_plan, plan_flow

REQUESTS_SHOWN = 50
BODY_SHOWN = 300


def plan_now(actor: Actor, row: Flow) -> Outcome:
    plan = plan_flow(actor=actor, flow=row)
    return Outcome(f"{row} is being planned. Nothing is sent.", url=address_of(plan.execution))


def test_now(actor: Actor, row: Flow) -> Outcome:
    plan = plan_flow(actor=actor, flow=row, pages=1, mocks=True)
    return Outcome(f"{row} is being tried with its mock data. Nothing is sent.", url=address_of(plan.execution))


def apply_now(actor: Actor, row: Execution) -> Outcome:
    execution = apply_plan(actor=actor, flow=flow_of(actor, row), plan_id=row.hex_id)
    return Outcome("The planned requests are queued to be sent.", url=address_of(execution))


def may_be_applied(row: Execution) -> bool:
    if row.kind != KIND or row.state != State.SUCCEEDED:
        return False
    plan = Plan.objects.filter(execution=row, applied_at__isnull=True, expires_at__gt=now()).first()
    return plan is not None and not plan.summary.get("test")


def plan_sections(request: HttpRequest, actor: Actor, row: Execution) -> Iterable[Section]:
    plan = Plan.objects.filter(execution=row).select_related("applied_by").first() if row.kind == KIND else None
    if plan is None or row.state != State.SUCCEEDED:
        return
    yield overview(plan)
    yield requests_section(actor, row)
    faults = plan.summary.get("failures") or []
    if faults:
        rows = [[fault["message"], fault["code"], fault["traceKey"], fault["step"]] for fault in faults]
        yield table_section("What would fail", ["Message", "Code", "Record", "Step"], rows, rank=7)


def overview(plan: Plan) -> Section:
    told: list[list[Any]] = [["Requests", plan.summary.get("requests", 0)]]
    whole = "all there is" if plan.complete else f"a part: {plan.summary.get('cutBecause')}"
    told.append(["Covers", f"{counted(plan.summary.get('pages', 0), 'page')}, {whole}"])
    if plan.applied_by:
        told.append(["Applied", link(address_of(plan.applied_by), moment(plan.applied_at))])
    elif plan.summary.get("test"):
        told.append(["Is", "a test run with mock data: it cannot be applied"])
    else:
        told.append(["Can be applied until", moment(plan.expires_at)])
    for flow in plan.summary.get("wouldStart") or []:
        told.append(["A run would start", f"{flow['name']}{', which is disabled' if flow['disabled'] else ''}"])
    note = "Applying sends exactly these requests, unless something that they are made of has changed since."
    return table_section("Plan", ["What", "Value"], told, note=note, rank=3)


def requests_section(actor: Actor, row: Execution) -> Section:
    kept = Exchange.objects.for_actor(actor).filter(execution=row, planned=True).order_by("id")
    names = step_names(actor, [row.pk])
    rows = [
        [link(change_url(Exchange, one.pk), f"{one.method} {one.url[:120]}"), body(one), name_of(one, names)]
        for one in kept[:REQUESTS_SHOWN]
    ]
    more = list_url(Exchange, f"?execution={row.pk}") if len(rows) >= REQUESTS_SHOWN else ""
    note = "Not sent. Secrets are struck out; a value in ‹› is what an answer will give."
    empty = "A run would send nothing."
    return table_section("Requests", ["Request", "Body", "Step"], rows, empty=empty, note=note, more=more, rank=5)


def body(row: Exchange) -> Any:
    text = (unpack(row.detail, {}).get("request") or {}).get("body") or ""
    return code(text[:BODY_SHOWN] + ("…" if len(text) > BODY_SHOWN else "")) if text else NOTHING


add_buttons(
    Flow,
    Button("plan", "Plan", plan_now, Verb.RUN, icon="visibility", shown=lambda row: not row.disabled),
    Button("test", "Test", test_now, Verb.RUN, icon="science", shown=lambda row: not row.disabled),
)
add_buttons(
    Execution,
    Button(
        "apply", "Apply", apply_now, Verb.RUN, icon="send", look="primary", shown=may_be_applied,
        confirm="The requests of this plan are sent now.",
    ),
)  # fmt: skip
add_sections(Execution, plan_sections)
