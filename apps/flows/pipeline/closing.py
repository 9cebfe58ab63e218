"""What a run does when its last page is through, before it ends: files of all pages are written."""

from collections.abc import Iterator
from typing import Any

from apps.connections.access import OpenConnection, open_connection
from apps.core.errors import DomainError
from apps.core.gateway import ClosedMidBody, Disconnected, GatewayError, RetryLater
from apps.core.ids import hex24
from apps.engine.sandbox import SandboxError
from apps.executions.models import Execution, RecordError
from apps.executions.payloads import unpack
from apps.executions.recording import ExecutionRecorder
from apps.flows.models import FilePart
from apps.flows.pipeline.applying import repeat_at_source
from apps.flows.pipeline.book import SOURCES, Book, files_of, source_units
from apps.flows.pipeline.capturing import Unit
from apps.flows.pipeline.compiling.documents import known_id
from apps.flows.pipeline.counting import step_counts
from apps.flows.pipeline.fates import unwrapped
from apps.flows.pipeline.plans import FlowPlan, StepPlan
from apps.flows.pipeline.runners.failing import failure_of
from apps.flows.pipeline.runners.file_import import FileImportRunner
from apps.flows.pipeline.scripts import Hook, script_failure
from apps.flows.pipeline.sources import OfflineError

TRIES = 3


def closing_steps(plan: FlowPlan) -> list[StepPlan]:
    return [s for s in plan.steps if (runner := file_runner(s)) is not None and not runner.page_files]


def has_to_close(plan: FlowPlan) -> bool:
    return bool(closing_steps(plan)) or (isinstance(plan.book, Book) and bool(source_units(plan.book)))


def file_runner(step: StepPlan) -> FileImportRunner | None:
    """The file import of a step, also of one whose children are written."""
    runner = unwrapped(step.runner)
    return runner if isinstance(runner, FileImportRunner) else None


def close_run(execution: Execution, plan: FlowPlan, recorder: ExecutionRecorder) -> None:
    """May be done again after a crash: each file is written whole under the same name."""
    if isinstance(plan.book, Book):
        close_applied(execution, plan, plan.book, recorder)
        return
    for step in closing_steps(plan):
        parts = FilePart.objects.filter(execution=execution, position=step.position)
        first = parts.order_by("generator", "number").first()
        runner = file_runner(step)
        if first is None or runner is None:
            continue
        hook = runner.mapping.post_aggregate
        try:
            write_file(execution, step, runner, unpack(first.data)["first"], recorder)
        except DomainError as error:
            tell(execution, plan, step, hook, {"success": False, "code": error.code, "message": error.message})
            raise
        tell(execution, plan, step, hook, {"success": True, "code": "200", "message": ""})


def close_applied(execution: Execution, plan: FlowPlan, book: Book, recorder: ExecutionRecorder) -> None:
    """The files that were planned, then what was planned to be done to the sources."""
    counts = step_counts(execution)
    for step in closing_steps(plan):
        runner, arrived = file_runner(step), counts.get(step.key, [0])[0]
        if runner is not None and (wholes := files_of(book, step, arrived)):
            runner.repeat(wholes, opened(book, runner.open_connection()), recorder)
    for unit in source_units(book):
        touch_source(execution, plan, book, unit, recorder)


def touch_source(execution: Execution, plan: FlowPlan, book: Book, unit: Unit, recorder: ExecutionRecorder) -> None:
    """Puts a file away, or marks a record as read. What a source refuses is an error of its export."""
    index = int(unit.step.removeprefix(SOURCES).partition("]")[0])
    export_id = known_id(plan.snapshot["generators"][index]["_exportId"])
    connection_id = known_id(unit.connection)
    connection = open_connection(connection_id=connection_id, organization_id=plan.organization_id)
    try:
        repeat_at_source(opened(book, connection), unit, plan.snapshot["exports"][hex24(export_id)], recorder)
    except GatewayError as error:
        if isinstance(error, RetryLater):
            raise
        failure = failure_of(error, source="application")
        RecordError.objects.create(
            organization_id=execution.organization_id, execution=execution, flow_id=plan.flow_id, step_id=export_id,
            integration_id=plan.integration_id, source=failure.source, code=failure.code[:100],
            message=failure.message[:4000], classification=failure.classification,
        )  # fmt: skip


def opened(book: Book, connection: OpenConnection) -> OpenConnection:
    if connection.offline:
        raise OfflineError(connection)
    book.check(connection)
    return connection


def tell(execution: Execution, plan: FlowPlan, step: StepPlan, hook: Hook | None, said: dict[str, Any]) -> None:
    """postAggregate: a script is told what became of the file. Its exception is an error of the step, of no record."""
    if hook is None:
        return
    try:
        hook.call(postAggregateData={**said, "_json": {}, "source": "application"})
    except SandboxError as error:
        failure = script_failure("post_aggregate_hook", error)
        RecordError.objects.create(
            organization_id=execution.organization_id, execution=execution, flow_id=plan.flow_id,
            step_id=step.resource_id, integration_id=plan.integration_id, source=failure.source,
            code=failure.code[:100], message=failure.message[:4000],
        )  # fmt: skip


def write_file(execution: Execution, step: StepPlan, runner: FileImportRunner, first: Any, recorder: Any) -> None:
    """What breaks off on its way is tried again at once; nothing of it was seen under the file's name."""
    for left in range(TRIES - 1, -1, -1):
        try:
            runner.close(rows_of(execution, step.position), first, recorder)
            return
        except (Disconnected, ClosedMidBody):
            if not left:
                raise


def rows_of(execution: Execution, position: int) -> Iterator[Any]:
    """A part at a time, so that memory stays flat."""
    keys = FilePart.objects.filter(execution=execution, position=position).order_by("generator", "number")
    for pk in list(keys.values_list("pk", flat=True)):
        yield from unpack(FilePart.objects.get(pk=pk).data)["rows"]
