"""Running flows and retrying their failed records. Everything here commits work and returns; workers do the rest."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.core.errors import BadRequestError, DomainError, NotFoundError, ValidationError
from apps.core.ids import hex24, parse_id
from apps.executions.models import Execution, Mode, RecordError
from apps.executions.payloads import unpack
from apps.executions.services import NewExecution, note_execution, start_execution, start_new
from apps.executions.startable import Child, Startable
from apps.flows.models import DeltaMark, Export, Flow, Upload
from apps.flows.pipeline.mocks import given_in_test
from apps.flows.pipeline.planning import KIND as PLAN
from apps.flows.pipeline.refusals import refuse_unsupported
from apps.flows.pipeline.snapshot import take_snapshot
from apps.flows.pipeline.sources import GIVEN_TYPES

log = structlog.get_logger(__name__)
RETRIES_PER_CALL = 1000
PLANNING_TIME = timedelta(minutes=15)  # sources that ask to be asked later are waited for until then
NAMED = 20  # of the records that an entry of the change log is about


def run_flow(
    *,
    actor: Actor,
    flow: Flow,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    export_ids: list[str] | None = None,
    run_key: str = "",
    mode: str = Mode.LIVE,
) -> Execution:
    """Queues a run for a person or a client. Raises ValidationError(s) for a flow that cannot run."""
    actor.require(Verb.RUN, integration_id=flow.integration_id)
    by = hex24(actor.user_id) if actor.user_id else "system"
    options = run_options(start_date=start_date, end_date=end_date, export_ids=export_ids, run_key=run_key)
    with transaction.atomic():
        execution = start_flow(flow=flow, triggered_by=by, options=options, mode=mode)
        asked = [{"fieldPath": name, "newValue": value} for name, value in options.items() if value]
        note_execution(actor=actor, event="run", execution=execution, changes=asked)
    return execution


def run_options(
    *, start_date: datetime | None, end_date: datetime | None, export_ids: list[str] | None, run_key: str
) -> dict[str, Any]:
    return {"startDate": iso(start_date), "endDate": iso(end_date), "exportIds": export_ids, "runKey": run_key}


def start_flow(
    *,
    flow: Flow,
    triggered_by: str,
    cause: str | None = None,
    options: dict[str, Any] | None = None,
    mode: str = Mode.LIVE,
    parent: Execution | None = None,
    depth: int = 0,
) -> Execution:
    """Queues a run whatever its cause: a call, a tick, a chain, another execution."""
    new = run_input(flow=flow, triggered_by=triggered_by, cause=cause, options=options, mode=mode)
    return start_new(replace(new, parent=parent, own_root=True, depth=depth))


def run_input(
    *,
    flow: Flow,
    triggered_by: str,
    cause: str | None = None,
    options: dict[str, Any] | None = None,
    mode: str = Mode.LIVE,
) -> NewExecution:
    """What a run of this flow as it is now would be. Raises ValidationError(s) for one that cannot run."""
    if flow.disabled:
        raise ValidationError(f"Flow {flow.name!r} is disabled.", code="invalid_flow")
    snapshot = take_snapshot(flow)
    if not snapshot["generators"]:
        raise ValidationError(f"Flow {flow.name!r} has no export to run.", code="invalid_flow", field="pageGenerators")
    options = {key: value for key, value in (options or {}).items() if value}
    choose_generators(snapshot, options)
    if options.get("mocks"):
        options["records"] = given_in_test(snapshot)
    options = {**options, **given_records(flow, snapshot, options)}
    refuse_unsupported(snapshot)
    planned = mode == Mode.PLAN
    return NewExecution(
        organization_id=flow.organization_id,
        kind=PLAN if planned else "flow",
        deadline=now() + PLANNING_TIME if planned else None,
        target_id=flow.id,
        target_name=flow.name,
        integration_id=flow.integration_id,
        cause=cause,
        triggered_by=triggered_by,
        input=snapshot | {"options": options, "marks": marks_of(flow)},
        mode=mode,
    )


def start_child(child: Child) -> Execution:
    """A run that another execution asks for: `options` may hold startDate, endDate and exportIds, as a call's may.

    Each has a root of its own: two runs of one flow are two runs, also where one automation starts both.
    """
    return start_flow(
        flow=flow_of(child.organization_id, child.target),
        triggered_by=child.triggered_by,
        cause=child.cause,
        options=dict(child.options),
        mode=child.parent.mode,
        parent=child.parent,
        depth=child.depth,
    )


def flow_of(organization_id: uuid.UUID, target: object) -> Flow:
    rows = Flow.objects.filter(organization_id=organization_id).select_related("integration")
    found: Flow = rows.find(target)
    return found


def check_child(organization_id: uuid.UUID, target: object) -> None:
    flow_of(organization_id, target)


def start_chained(*, execution: Execution, flow_id: str) -> None:
    """A finished run starts a flow it names, in its own transaction; one that cannot start does not undo the end."""
    row_id = parse_id(flow_id)
    flow = Flow.objects.filter(organization_id=execution.organization_id, pk=row_id).first() if row_id else None
    if flow is None or flow.disabled:
        log.info("a chained flow was not started", flow=flow_id, reason="disabled" if flow else "unknown")
        return
    try:
        with transaction.atomic():
            start_flow(flow=flow, triggered_by="chain", cause=f"chain:{hex24(execution.id)}:{hex24(flow.id)}")
    except DomainError as error:
        log.warning("a chained flow could not be started", flow=flow_id, reason=error.message)


def choose_generators(snapshot: dict[str, Any], options: dict[str, Any]) -> None:
    """Leaves the generators that were asked for: those of some exports, or those whose schedule is due."""
    generators = snapshot["generators"]
    wanted = options.get("exportIds") or []
    for export_id in wanted:
        if export_id not in {g["_exportId"] for g in generators}:
            raise ValidationError(f"Export {export_id} is no page generator of this flow.", field="_exportIds")
    if wanted:
        generators = [g for g in generators if g["_exportId"] in wanted]
    if options.get("withoutSchedule"):
        generators = [g for g in generators if not g.get("schedule")]
        if not generators:
            raise ValidationError("All its page generators have schedules of their own.", code="invalid_flow")
    if options.get("generator"):
        generators = [g for g in generators if options["generator"] in (g.get("_id"), g["_exportId"])]
        if not generators:
            raise ValidationError("The flow has no such page generator any more.", code="invalid_flow")
    snapshot["generators"] = generators


def given_records(flow: Flow, snapshot: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """{records: {export: …}} of the generators whose records come with the run; the others of their kind stay out."""
    given: dict[str, Any] = dict(options.get("records") or {})
    run_key, generators = options.get("runKey"), []
    for generator in snapshot["generators"]:
        export_id = generator["_exportId"]
        kind = snapshot["exports"][export_id].get("type")
        if kind == "simple" and run_key and export_id not in given:
            given[export_id] = uploaded(flow, export_id, run_key)
        if kind not in GIVEN_TYPES or export_id in given:
            generators.append(generator)
    if not generators:
        message = f"Flow {flow.name!r} waits for records to be sent to its listener: it is not run by hand."
        kinds = {document.get("type") for document in snapshot["exports"].values()}
        field = "runKey" if "simple" in kinds else ""
        raise ValidationError(
            message if not field else "runKey must name data that was uploaded to the flow's export before.",
            code="invalid_flow",
            field=field,
        )
    snapshot["generators"] = generators
    return {"records": given} if given else {}


def uploaded(flow: Flow, export_id: str, run_key: str) -> list[Any]:
    rows = Upload.objects.filter(organization_id=flow.organization_id, run_key=run_key)
    found = rows.filter(export__in=[row_id for row_id in [parse_id(export_id)] if row_id]).first()
    if found is None:
        raise ValidationError(f"Nothing was uploaded under {run_key[:100]!r}.", field="runKey", code="invalid_ref")
    records: list[Any] = unpack(found.data)
    return records


def marks_of(flow: Flow) -> dict[str, str]:
    rows = DeltaMark.objects.filter(flow=flow).values_list("export_id", "last_export_at")
    return {hex24(export_id): moment.isoformat() for export_id, moment in rows}


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def retry_errors(
    *,
    actor: Actor,
    flow: Flow,
    step_id: uuid.UUID,
    retry_data_keys: list[str] | None = None,
    error_ids: list[str] | None = None,
) -> Execution:
    """Queues a run that takes failed records up at the step they failed at. At most 1,000 a call."""
    actor.require(Verb.RETRY, integration_id=flow.integration_id)
    wanted = list(dict.fromkeys([*(retry_data_keys or []), *(error_ids or [])]))
    field = "retryDataKeys" if retry_data_keys else "errorIds"
    if not wanted:
        raise BadRequestError("Name at least one record to retry.", field=field)
    if len(wanted) > RETRIES_PER_CALL:
        raise ValidationError(f"At most {RETRIES_PER_CALL} records can be retried in a call.", field=field)
    ids = {text: parse_id(text) for text in wanted}
    with transaction.atomic():
        rows = RecordError.objects.select_for_update().filter(
            organization_id=actor.organization_id, flow_id=flow.id, step_id=step_id, resolved_at__isnull=True,
            retryable=True, pk__in=[i for i in ids.values() if i],
        )  # fmt: skip
        found = {row.id: row for row in rows}
        missing = [text for text, row_id in ids.items() if row_id not in found]
        if missing:
            raise NotFoundError(f"No open, retriable error of this step is named {missing[0]}.", field=field)
        busy = [row for row in found.values() if row.retrying_in and still_runs(row.retrying_in)]
        if busy:
            raise ValidationError(f"Error {busy[0].hex_id} is being retried already.", code="retry_in_progress")
        first = next(iter(found.values())).execution
        by = hex24(actor.user_id) if actor.user_id else "system"
        snapshot = take_snapshot(flow)
        refuse_unsupported(snapshot)
        if step_id not in {flow.id, *map(parse_id, [*snapshot["exports"], *snapshot["imports"]])}:
            raise ValidationError("The flow no longer has this step: its records cannot be retried.", field=field)
        snapshot |= {"retries": [hex24(i) for i in found], "options": {}, "marks": marks_of(flow)}
        execution = start_execution(
            organization_id=flow.organization_id,
            kind="retry",
            target_id=flow.id,
            target_name=flow.name,
            integration_id=flow.integration_id,
            triggered_by=by,
            input=snapshot,
            parent=first,
        )
        RecordError.objects.filter(pk__in=list(found)).update(retrying_in=execution.id)
        traces = [row.trace_key or row.hex_id for row in found.values()]
        changes: list[dict[str, Any]] = [
            {"fieldPath": "records", "newValue": len(found)},
            {"fieldPath": "of", "newValue": traces[:NAMED]},
        ]
        note_execution(actor=actor, event="retry", execution=execution, changes=changes)
    return execution


def still_runs(execution_id: uuid.UUID) -> bool:
    return Execution.objects.filter(pk=execution_id, ended_at__isnull=True).exists()


def export_of(flow: Flow, export_id: str) -> Export:
    return Export.objects.filter(organization_id=flow.organization_id).find(export_id)


STARTABLE = Startable(kind="flow", start=start_child, check=check_child)
