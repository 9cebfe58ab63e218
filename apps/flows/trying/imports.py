"""Submitting records to a target with no job: each record is answered for itself, and none is kept or retried."""

from dataclasses import replace
from typing import Any

from apps.connections.access import OpenConnection, open_connection
from apps.core.actors import Actor
from apps.core.clock import now
from apps.core.errors import ValidationError
from apps.core.ids import new_id, parse_id
from apps.executions.models import Exchange
from apps.executions.recording import ExecutionRecorder
from apps.flows.models import Page
from apps.flows.pipeline.batch import Part, fresh_batch, part_at
from apps.flows.pipeline.compiling.imports import import_runner
from apps.flows.pipeline.runners.file_import import FileImportRunner
from apps.flows.pipeline.steps import Failure, Outcome, StepRunner, Turn
from apps.flows.trying.documents import run_of
from apps.flows.trying.exports import asked
from apps.work.kinds import Claim

STEP = "import"
MOST_RECORDS = 1000
ALL_DAY = 86_400.0


def submit(*, actor: Actor, document: dict[str, Any], records: list[Any]) -> list[dict[str, Any]]:
    """One response a record, in order. Raises ValidationErrors for a document that cannot be run."""
    runner, part = prepare(actor=actor, document=document, records=records)
    if part is None:
        return []
    if isinstance(runner, FileImportRunner):
        runner = replace(runner, page_files=True)  # nobody comes after these records to close a file
    recorder = ExecutionRecorder(part.batch.page.execution_id, actor.organization_id)
    outcome: Outcome = asked(lambda: runner.run([part], Turn(recorder, [part])))[0]
    keep_while_debugging(actor, document, recorder)
    return [response_of(outcome, index) for index in range(len(records))]


def map_only(*, actor: Actor, document: dict[str, Any], records: list[Any]) -> list[Any]:
    """What would be submitted for each record: null for one that is ignored, its errors for one that fails."""
    runner, part = prepare(actor=actor, document=document, records=records)
    if part is None:
        return []
    mapped = asked(lambda: runner.mapping.map_part(part, opened(actor, document)))  # type: ignore[attr-defined]
    shown: list[Any] = []
    for index, record in enumerate(mapped.records):
        failure = mapped.outcome.failures.get(index)
        if failure is not None:
            shown.append({"errors": [error_of(failure)]})
        else:
            shown.append(None if index in mapped.outcome.ignored else record)
    return shown


def prepare(*, actor: Actor, document: dict[str, Any], records: list[Any]) -> tuple[StepRunner, Part | None]:
    if len(records) > MOST_RECORDS:
        raise ValidationError(f"At most {MOST_RECORDS} records can be submitted in a call.", field="data")
    run = run_of(actor=actor, document=document, kind="import")
    runner = import_runner(run, document, STEP, True)
    moment = now()
    page = Page(
        id=new_id(), execution_id=run.execution.id, organization_id=actor.organization_id, number=0,
        record_count=len(records), created_at=moment,
    )  # fmt: skip
    claim = Claim(
        id=new_id(), kind="trial", lane="", organization_id=actor.organization_id, target_id=page.id, group_id=None,
        fence=1, attempts=0, lease_seconds=ALL_DAY,
    )  # fmt: skip
    return runner, part_at(fresh_batch(page, claim, records, root=run.execution.id.hex), 0)


def opened(actor: Actor, document: dict[str, Any]) -> OpenConnection:
    connection_id = parse_id(document.get("_connectionId"))
    if connection_id is None:
        raise ValidationError("is required.", field="_connectionId")
    return open_connection(connection_id=connection_id, organization_id=actor.organization_id)


def response_of(outcome: Outcome, index: int) -> dict[str, Any]:
    """As hooks see it: 200 good, 422 bad data, 403 the connection went offline, 429 to be tried again later."""
    response = dict(outcome.responses.get(index) or {})
    response |= {"statusCode": 200, "ignored": index in outcome.ignored}
    response.setdefault("errors", [])
    failure = outcome.failures.get(index)
    if failure is not None:
        response |= {"statusCode": 422, "errors": [error_of(failure)]}
    elif index in outcome.later:
        status, code = (403, "connection_offline") if outcome.parked_on else (429, "rate_limited")
        response |= {"statusCode": status, "errors": [{"code": code, "message": outcome.reason, "source": STEP}]}
    return response


def error_of(failure: Failure) -> dict[str, Any]:
    return {
        "code": failure.code, "message": failure.message, "source": failure.source,
        "classification": failure.classification,
    }  # fmt: skip


def keep_while_debugging(actor: Actor, document: dict[str, Any], recorder: ExecutionRecorder) -> None:
    """What a person has asked to see of a connection is kept, though there is no run it belongs to."""
    connection_id = parse_id(document.get("_connectionId"))
    if connection_id is None:
        return
    connection = open_connection(connection_id=connection_id, organization_id=actor.organization_id)
    if connection.debug_until is None or connection.debug_until <= now():
        return
    rows = recorder.rows()
    for row in rows:
        row.execution_id, row.connection_id = None, connection_id
    Exchange.objects.bulk_create(rows)
