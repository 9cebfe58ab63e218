"""Planning a run, and applying the plan: what was seen is what is sent, or nothing is."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.connections.fingerprints import connection_fingerprint, digest_of
from apps.connections.models import Connection
from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.core.errors import ConflictError, DomainError, NotFoundError, ValidationError
from apps.core.ids import hex24, parse_id
from apps.executions.models import TERMINAL, Execution, Mode, State
from apps.executions.payloads import unpack
from apps.executions.services import note_execution, start_execution, start_new
from apps.flows.models import Flow, Plan, PlanContent
from apps.flows.pipeline.planning import PAGES
from apps.flows.services.runs import marks_of, run_input, run_options
from apps.wire.stamps import stamp

KEPT = timedelta(hours=24)
MOST_PAGES = 50
PRUNED_AT_ONCE = 200


def plan_flow(
    *,
    actor: Actor,
    flow: Flow,
    pages: int = PAGES,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    export_ids: list[str] | None = None,
    run_key: str = "",
    mocks: bool = False,
) -> Plan:
    """Queues a plan of the flow's first pages, of each page generator so many. Raises ValidationError(s).

    `mocks`: sources and targets are not asked where the documents say what they would answer.
    """
    actor.require(Verb.RUN, integration_id=flow.integration_id)
    if not 1 <= pages <= MOST_PAGES:
        raise ValidationError(f"pages must be a whole number from 1 to {MOST_PAGES}.", field="pages")
    options = run_options(start_date=start_date, end_date=end_date, export_ids=export_ids, run_key=run_key)
    by = hex24(actor.user_id) if actor.user_id else "system"
    with transaction.atomic():
        flow = Flow.objects.select_for_update(of=("self",)).select_related("integration").get(pk=flow.pk)
        wanted = run_input(
            flow=flow, triggered_by=by, options={**options, "pages": pages, "mocks": mocks}, mode=Mode.PLAN
        )
        execution = start_new(wanted)
        plan = Plan.objects.create(
            organization_id=flow.organization_id,
            execution=execution,
            flow_id=flow.id,
            expires_at=now() + KEPT,
            fingerprints=fingerprints(flow, wanted.input),
            summary={"wouldStart": would_start(flow, wanted.input), **({"test": True} if mocks else {})},
        )
        note_execution(actor=actor, event="plan", execution=execution, changes=noted(options))
    return plan


def noted(options: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"fieldPath": name, "newValue": value} for name, value in options.items() if value]


def would_start(flow: Flow, snapshot: dict[str, Any]) -> list[dict[str, Any]]:
    """The flows that a run of this one would start at its end."""
    ids = {text: parse_id(text) for text in snapshot["flow"].get("_runNextFlowIds") or []}
    rows = Flow.objects.filter(organization_id=flow.organization_id, pk__in=[i for i in ids.values() if i])
    found = {row.id: row for row in rows}
    shown = []
    for text, row_id in ids.items():
        row = found.get(row_id) if row_id else None
        if row is not None:
            shown.append({"_id": text, "name": row.name, "disabled": row.disabled})
    return shown


def fingerprints(flow: Flow, snapshot: dict[str, Any]) -> list[dict[str, str]]:
    """[{kind, id, name, stamp}]: of everything that the flow's requests are made of, marks included."""
    found = [entry("flow", flow.hex_id, flow.name, [snapshot["flow"], flow.disabled], without=("revision",))]
    for kind in ("exports", "imports"):
        for text, document in snapshot[kind].items():
            found.append(entry(kind[:-1], text, document["name"], document))
    for text, source in snapshot["scripts"].items():
        found.append(entry("script", text, text, source))
    found.append(entry("settings", str(snapshot["integration"] or ""), "the integration", snapshot["settings"]))
    for text, mark in snapshot["marks"].items():
        if snapshot["exports"].get(text, {}).get("type") == "delta":
            found.append(entry("delta mark", text, f"of {snapshot['exports'][text]['name']}", mark))
    documents = [*snapshot["exports"].values(), *snapshot["imports"].values()]
    return found + connections(
        flow.organization_id, {parse_id(document.get("_connectionId")) for document in documents}
    )


def connections(organization_id: uuid.UUID, ids: Iterable[uuid.UUID | None]) -> list[dict[str, str]]:
    rows = Connection.objects.filter(organization_id=organization_id, pk__in=[i for i in ids if i])
    return [
        {"kind": "connection", "id": row.hex_id, "name": row.name, "stamp": connection_fingerprint(row)}
        for row in rows.select_related("security", "connector").order_by("pk")
    ]


def entry(kind: str, text: str, name: str, value: Any, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    if without and isinstance(value, list):
        value = [
            {k: v for k, v in part.items() if k not in without} if isinstance(part, dict) else part for part in value
        ]
    return {"kind": kind, "id": text, "name": name, "stamp": digest_of(value)}


def apply_plan(*, actor: Actor, flow: Flow, plan_id: object) -> Execution:
    """Queues what sends exactly the requests of a plan. Raises NotFoundError; ConflictError where that must not be."""
    actor.require(Verb.RUN, integration_id=flow.integration_id)
    row_id = parse_id(plan_id)
    with transaction.atomic():
        rows = Plan.objects.select_for_update(of=("self",)).filter(
            organization_id=actor.organization_id, flow_id=flow.id, execution__pk__in=[row_id] if row_id else []
        )
        plan = rows.select_related("execution", "applied_by").first()
        if plan is None:
            raise NotFoundError(f"The flow has no plan {str(plan_id)[:100]}.", field="apply")
        refuse_stale(plan)
        locked = Flow.objects.select_for_update(of=("self",)).select_related("integration").get(pk=flow.pk)
        refuse_changed(plan, locked)
        by = hex24(actor.user_id) if actor.user_id else "system"
        stored = unpack(plan.execution.data.input)
        execution = start_execution(
            organization_id=flow.organization_id,
            kind="flow",
            target_id=flow.id,
            target_name=flow.name,
            integration_id=flow.integration_id,
            cause=f"apply:{plan.execution.hex_id}",
            triggered_by=by,
            input={**stored, "apply": plan.execution.hex_id, "readUpTo": read_up_to(plan)},
            parent=plan.execution,
        )
        plan.applied_by, plan.applied_at = execution, now()
        plan.save(update_fields=["applied_by", "applied_at", "updated_at"])
        changes = [{"fieldPath": "apply", "newValue": plan.execution.hex_id}]
        note_execution(actor=actor, event="run", execution=execution, changes=changes)
    return execution


def read_up_to(plan: Plan) -> str | None:
    """When its sources were read, if they were read whole: where a run's marks would go."""
    began = plan.execution.started_at
    return began.isoformat() if plan.complete and began else None


def refuse_stale(plan: Plan) -> None:
    execution = plan.execution
    if plan.summary.get("test"):
        why = f"{execution.hex_id} was a test run: what it shows is made of mock data, and is not sent."
        raise ConflictError(why, code="plan_of_a_test", field="apply")
    if plan.applied_at is not None:
        by = f", as execution {plan.applied_by.hex_id}" if plan.applied_by else ""
        raise ConflictError(f"Plan {execution.hex_id} was applied before{by}.", code="plan_applied", field="apply")
    if execution.state not in TERMINAL:
        raise ConflictError(f"Plan {execution.hex_id} is still being made.", code="plan_not_ready", field="apply")
    if execution.state != State.SUCCEEDED:
        why = f"Plan {execution.hex_id} could not be made: {execution.reason or execution.state}"
        raise ConflictError(why, code="plan_failed", field="apply")
    if plan.expires_at <= now() or not PlanContent.objects.filter(plan=plan).exists():
        at = plan.expires_at.isoformat(timespec="seconds")
        raise ConflictError(f"Plan {execution.hex_id} expired at {at}.", code="plan_expired", field="apply")


def refuse_changed(plan: Plan, flow: Flow) -> None:
    """ConflictError that names what is not any more as it was planned."""
    options = unpack(plan.execution.data.input)["options"]
    try:
        current = run_input(flow=flow, triggered_by="", options={**options, "records": None}).input
    except DomainError as error:
        raise ConflictError(
            f"The flow cannot run any more: {error.message}", code="plan_outdated", field="apply"
        ) from None
    now_found = {(one["kind"], one["id"]): one for one in fingerprints(flow, current | {"marks": marks_of(flow)})}
    before = {(one["kind"], one["id"]): one for one in plan.fingerprints}
    changed = [one for key, one in before.items() if key not in now_found or now_found[key]["stamp"] != one["stamp"]]
    changed += [one for key, one in now_found.items() if key not in before]
    if changed:
        names = ", ".join(f"{one['kind']} {one['name']} ({one['id']})" for one in changed[:10])
        raise ConflictError(f"Changed since it was planned: {names}. Plan again.", code="plan_outdated", field="apply")


def prune_plans() -> int:
    """Drops the content of plans that have expired and that nobody is applying."""
    old = PlanContent.objects.filter(plan__expires_at__lte=now()).exclude(
        plan__applied_by__isnull=False, plan__applied_by__ended_at__isnull=True
    )
    ids = list(old.values_list("pk", flat=True)[:PRUNED_AT_ONCE])
    return PlanContent.objects.filter(pk__in=ids).delete()[0]


def shown_plan(execution: Execution) -> dict[str, Any]:
    """{plan: …} of an execution in plan mode, as its API shows it."""
    plan = Plan.objects.filter(execution=execution).select_related("applied_by").first()
    if plan is None:
        return {}
    return {
        "plan": {
            **plan.summary,
            "complete": plan.complete,
            "expiresAt": stamp(plan.expires_at),
            "expired": plan.expires_at <= now(),
            "appliedBy": plan.applied_by.hex_id if plan.applied_by else None,
            "appliedAt": stamp(plan.applied_at),
            "madeOf": [{name: one[name] for name in ("kind", "id", "name")} for one in plan.fingerprints],
        }
    }
