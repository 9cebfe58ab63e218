"""The execution kinds of a connector's components: one of them, run in the caller's request or by a worker."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from apps.accounts.models import EndUser
from apps.connections import credentials
from apps.connections.access import OpenConnection, open_connection, open_row
from apps.connections.calls import call_component
from apps.connections.effects import Call
from apps.connections.failures import WaitError
from apps.connections.models import Connection
from apps.connectors.models import Component, ComponentVersion, Connector, ConnectorVersion
from apps.connectors.resolve import pinned_version
from apps.core.errors import BadRequestError, DomainError, NotFoundError
from apps.core.gateway import Mode
from apps.executions import services
from apps.executions.inline import Inline, Ran, run_inline
from apps.executions.kinds import ExecutionKind, Run
from apps.executions.models import Execution, ExecutionData, State
from apps.executions.payloads import pack, unpack
from apps.executions.recording import ExecutionRecorder
from apps.executions.step_journal import StepJournal, recorded_steps
from apps.work import services as work
from apps.work.models import Lane

TRIAL = "logic"  # a stored program, or a part of one, that somebody tries in plan mode
INTERRUPTED = "interrupted: its process ended before it did"


@dataclass(frozen=True)
class Action:
    """What to run, resolved: exact versions, exact connection.

    A trial runs another hook than `execute`, or a part, which has no schemas to `check` and finds `steps` done before.
    """

    organization_id: uuid.UUID
    version: ConnectorVersion
    component: ComponentVersion
    input: Any
    connection: OpenConnection | None = None
    end_user: EndUser | None = None
    query: dict[str, Any] | None = None
    kind: str = ""  # of the execution; unless given, the component's own
    hook: str = "execute"
    check: bool = True
    steps: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.version.connector.name}.{self.component.component.name}"

    @property
    def execution_kind(self) -> str:
        return self.kind or self.component.component.kind

    def document(self, *, inline: bool) -> dict[str, Any]:
        """As it is stored beside the execution."""
        return {
            "inline": inline,
            "connectorVersion": str(self.version.id),
            "component": str(self.component.id),
            "name": self.name,
            "version": self.component.name,
            "connection": str(self.connection.id) if self.connection else None,
            "endUser": str(self.end_user.id) if self.end_user else None,
            "input": self.input,
            "query": self.query or {},
        }


def run_action(action: Action, *, triggered_by: str = "", cause: str | None = None, mode: str = "live") -> Ran:
    """In this thread. Raises what call_component does."""
    what = Inline(
        organization_id=action.organization_id,
        kind=action.execution_kind,
        target_id=action.component.id,
        target_name=action.name,
        input=action.document(inline=True),
        triggered_by=triggered_by,
        cause=cause,
        mode=mode,
    )
    return run_inline(what, lambda journal: perform(action, journal=journal, mode=Mode(mode)))


def start_action(action: Action, *, triggered_by: str = "", cause: str | None = None) -> Execution:
    """For a worker to run: answers the stored execution."""
    return services.start_execution(
        organization_id=action.organization_id,
        kind=action.execution_kind,
        target_id=action.component.id,
        target_name=action.name,
        triggered_by=triggered_by,
        cause=cause,
        input=action.document(inline=False),
    )


def perform(action: Action, *, journal: StepJournal, mode: Mode, path: str = "", iteration: str = "") -> Any:
    """`path` and `iteration` are where the caller stands, in an execution of which this is a part."""

    def connection_for(connector: Connector, version: ConnectorVersion) -> OpenConnection | None:
        return credential_of(action.end_user, connector=connector, version=version)

    call = Call(
        organization_id=action.organization_id,
        journal=journal,
        mode=mode,
        recorder=journal.recorder,
        connection_for=connection_for,
        query=action.query or {},
        steps=action.steps,
        path=path,
        iteration=iteration,
    )
    return call_component(
        call=call,
        version=action.version,
        component=action.component,
        input=action.input,
        connection=action.connection,
        hook=action.hook,
        check=action.check,
    )


def credential_of(
    end_user: EndUser | None, *, connector: Connector, version: ConnectorVersion, credential_id: object = None
) -> OpenConnection | None:
    """The end user's access to a connector; None where the connector asks for none."""
    row = credential_row(end_user, connector=connector, version=version, credential_id=credential_id)
    return open_row(row) if row else None


def credential_row(
    end_user: EndUser | None, *, connector: Connector, version: ConnectorVersion, credential_id: object = None
) -> Connection | None:
    if not credential_id and not credentials.needs_credential(connector):
        return None
    if end_user is None:
        raise BadRequestError(f"userId is required: {connector.name} runs on a user's credential.", field="userId")
    return credentials.find_credential(
        end_user=end_user, connector=connector, version=version, credential_id=credential_id
    )


def take_up(run: Run) -> None:
    """A worker's turn. One that began in a caller's request has lost its process: it is ended, never run again."""
    execution, claim = run.execution, run.claim
    stored = unpack(ExecutionData.objects.get(execution=execution).input)
    if stored["inline"]:
        end_interrupted(run)
        return
    journal = StepJournal(
        execution,
        recorder=ExecutionRecorder(execution.id, execution.organization_id),
        recorded=recorded_steps(execution),
        root=str(execution.root_id),
        claim=claim,
    )
    try:
        output = perform(loaded(execution, stored), journal=journal, mode=Mode(execution.mode))
        packed = None if output is None else pack(output, what="The output")
    except WaitError as error:
        with transaction.atomic():
            work.progress([claim])
            journal.commit_pending()
            work.wait_until(claim, error.until, reason=error.message)
        return
    except DomainError as error:
        end = services.end_of(execution, error)
        _finish(run, journal, state=end["state"], reason=end["reason"])
        return
    _finish(run, journal, state=State.SUCCEEDED, output=packed)


def end_interrupted(run: Run) -> None:
    """Writes that were under way are in doubt, unless repeating them does no harm."""
    with transaction.atomic():
        doubtful = services.settle_intents(run.execution, message=INTERRUPTED)
        work.finish([run.claim])
        reason = f"in doubt: {INTERRUPTED}" if doubtful else INTERRUPTED
        services.finish_execution(run.execution, state=State.FAILED, reason=reason)


def loaded(execution: Execution, stored: dict[str, Any]) -> Action:
    """The stored action. What it was pinned to and is gone fails by name and version."""
    organization_id = execution.organization_id
    component = pinned_version(
        uuid.UUID(stored["component"]),
        organization_id=organization_id,
        name=stored["name"],
        version=stored["version"],
        kind=execution.kind,
    )
    versions = ConnectorVersion.objects.visible_to(organization_id).select_related("connector", "default_security")
    version = versions.filter(pk=stored["connectorVersion"]).first()
    if version is None:
        raise NotFoundError(f"The connector version that {stored['name']} was started on no longer exists.")
    connection = None
    if stored["connection"]:
        connection_id = uuid.UUID(stored["connection"])
        connection = open_connection(connection_id=connection_id, organization_id=organization_id)
    return Action(
        organization_id=organization_id,
        version=version,
        component=component,
        input=stored["input"],
        connection=connection,
        end_user=EndUser.objects.filter(organization_id=organization_id, pk=stored["endUser"]).first(),
        query=stored["query"],
    )


def _finish(run: Run, journal: StepJournal, *, state: str, reason: str = "", output: bytes | None = None) -> None:
    if journal.in_doubt:
        reason = f"in doubt: {reason}"
    with transaction.atomic():
        journal.commit_pending()
        work.finish([run.claim])
        if output is not None:
            ExecutionData.objects.filter(execution=run.execution).update(output=output)
        services.finish_execution(run.execution, state=state, reason=reason)


def connections_of(execution: Execution) -> list[uuid.UUID]:
    data = ExecutionData.objects.filter(execution=execution).first()
    stored = unpack(data.input)["connection"] if data else None
    return [uuid.UUID(stored)] if stored else []


EXECUTION_KINDS = [
    ExecutionKind(name=name, run=take_up, lane=Lane.INTERACTIVE, connections=connections_of)
    for name in (Component.Kind.ACTION.value, Component.Kind.DATATYPE.value, TRIAL)
]
