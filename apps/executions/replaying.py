"""Runs a past execution again on recorded answers, and tells what differs. Nothing goes out: what was never asked
before is reported as unrecorded.

The replay is an execution of its own, written once when it has ended; whatever breaks off leaves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from apps.connections.access import OpenConnection
from apps.connections.calls import call_component
from apps.connections.effects import Call
from apps.connections.journal import MemoryJournal
from apps.connectors.models import Connector, ConnectorVersion
from apps.connectors.resolve import find_component, find_version
from apps.core.actors import Actor, Verb
from apps.core.clock import now
from apps.core.errors import ConflictError, DomainError, ValidationError
from apps.core.gateway import Mode
from apps.core.ids import new_id
from apps.executions import actions, kinds
from apps.executions.differences import compare_requests, compare_values
from apps.executions.models import Exchange, Execution, ExecutionData, State
from apps.executions.models import Mode as ExecutionMode
from apps.executions.payloads import pack, unpack
from apps.executions.recorded import ReplayRecorder, open_recording
from apps.executions.recording import to_row
from apps.executions.services import note_execution

KIND = "replay"


@dataclass(frozen=True)
class Wanted:
    """Against what: nothing said is the version that it ran on. Texts are the caller's own."""

    version: str = ""  # of the connector
    action_version: str = ""
    document: str = ""  # `current`: the flow as it is now


@dataclass
class Replayed:
    """What a kind's own replay has come to. `differences` are the members that it adds to the answer."""

    against: dict[str, Any]
    output: Any = None
    error: str = ""
    differences: dict[str, Any] = field(default_factory=dict)


Replay = Callable[[Actor, Execution, Wanted, ReplayRecorder], Replayed]


def replay_execution(*, actor: Actor, execution: Execution, wanted: Wanted) -> Execution:
    """The stored replay, whose output tells the differences. Raises ConflictError for what cannot be replayed."""
    actor.require(Verb.RUN, integration_id=execution.integration_id)
    replay = kinds.get(execution.kind).replay
    if replay is None or execution.mode != ExecutionMode.LIVE:
        what = f"{execution.mode} of a {execution.kind}" if execution.mode != ExecutionMode.LIVE else execution.kind
        raise ConflictError(f"Execution {execution.hex_id} is a {what}: it cannot be replayed.", code="not_replayable")
    if not execution.is_terminal:
        raise ConflictError(f"Execution {execution.hex_id} has not ended yet.", code="still_running")
    recorder = open_recording(execution)
    began = now()
    found = replay(actor, execution, wanted, recorder)
    told = differences(execution, found, recorder)
    return keep(actor, execution, found, told, recorder, began=began)


def differences(execution: Execution, found: Replayed, recorder: ReplayRecorder) -> dict[str, Any]:
    requests = compare_requests(recorder.recorded, recorder.captured)
    before = execution.reason if execution.state == State.FAILED else ""
    error = list(compare_values(before, found.error, "reason"))
    same = not (requests["numChanged"] or requests["numAdded"] or requests["numRemoved"] or error)
    same = same and not any(found.differences.values())
    return {
        "_replayOf": execution.hex_id,
        "against": found.against,
        "same": same,
        "requests": requests,
        "reason": error,
        **found.differences,
    }


def keep(
    actor: Actor,
    execution: Execution,
    found: Replayed,
    told: dict[str, Any],
    recorder: ReplayRecorder,
    *,
    began: Any,
) -> Execution:
    row_id = new_id()
    row = Execution(
        id=row_id,
        organization_id=execution.organization_id,
        kind=KIND,
        target_id=execution.target_id,
        target_name=execution.target_name,
        integration_id=execution.integration_id,
        parent=execution,
        root_id=row_id,
        triggered_by=str(actor.user_id or ""),
        mode=ExecutionMode.REPLAY,
        state=State.FAILED if found.error else State.SUCCEEDED,
        reason=found.error[:500],
        started_at=began,
        ended_at=now(),
    )
    exchanges = [to_row(row_id, row.organization_id, captured, row_id=new_id()) for captured in recorder.captured]
    with transaction.atomic():
        row.save(force_insert=True)
        ExecutionData.objects.create(execution=row, output=pack({"replay": told, "output": found.output}))
        Exchange.objects.bulk_create(exchanges)
        note_execution(actor=actor, event="replay", execution=row)
    return row


def shown_replay(row: Execution) -> dict[str, Any]:
    data = ExecutionData.objects.filter(execution=row).first()
    return {"replay": unpack(data.output, {}).get("replay")} if data else {}


def replay_action(actor: Actor, execution: Execution, wanted: Wanted, recorder: ReplayRecorder) -> Replayed:
    """An action or datatype, on the version it ran on or on another one of its connector."""
    if wanted.document:
        raise ValidationError("document is for executions of flows.", field="document")
    data = ExecutionData.objects.get(execution=execution)
    action = chosen(actions.loaded(execution, unpack(data.input)), wanted)
    found = Replayed(against={"connectorVersion": action.version.name, "actionVersion": action.component.name})
    try:
        found.output = perform(action, recorder)
    except DomainError as error:
        found.error = error.message
    found.differences["output"] = list(compare_values(unpack(data.output), found.output, "output"))
    return found


def chosen(action: actions.Action, wanted: Wanted) -> actions.Action:
    """Raises NotFoundError naming the version that there is not."""
    version, component = action.version, action.component
    if wanted.version:
        version = find_version(version.connector, wanted.version)
    if wanted.action_version:
        kind, name = component.component.kind, component.component.name
        component = find_component(version.connector, name, kind=kind, version=wanted.action_version)
    return replace(action, version=version, component=component)


def perform(action: actions.Action, recorder: ReplayRecorder) -> Any:
    def connection_for(connector: Connector, version: ConnectorVersion) -> OpenConnection | None:
        return actions.credential_of(action.end_user, connector=connector, version=version)

    call = Call(
        organization_id=action.organization_id,
        journal=MemoryJournal(),
        mode=Mode.REPLAY,
        recorder=recorder,
        recording=recorder,
        connection_for=connection_for,
        query=action.query or {},
    )
    return call_component(
        call=call, version=action.version, component=action.component, input=action.input,
        connection=action.connection,
    )  # fmt: skip


def never(run: kinds.Run) -> None:
    """A replay has ended before it is stored."""
    raise RuntimeError(f"execution {run.execution.id} is a replay: there is nothing to take up")


EXECUTION_KIND = kinds.ExecutionKind(name=KIND, run=never, show=shown_replay)
