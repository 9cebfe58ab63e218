"""What a run does when its last page is through, before it ends: files of all pages are written."""

from collections.abc import Iterator
from typing import Any

from apps.core.errors import DomainError
from apps.core.gateway import ClosedMidBody, Disconnected
from apps.engine.sandbox import SandboxError
from apps.executions.models import Execution, RecordError
from apps.executions.payloads import unpack
from apps.executions.recording import ExecutionRecorder
from apps.flows.models import FilePart
from apps.flows.pipeline.plans import FlowPlan, StepPlan
from apps.flows.pipeline.runners.file_import import FileImportRunner
from apps.flows.pipeline.runners.many import ManyRunner
from apps.flows.pipeline.scripts import Hook, script_failure

TRIES = 3


def closing_steps(plan: FlowPlan) -> list[StepPlan]:
    return [step for step in plan.steps if (runner := file_runner(step)) and not runner.page_files]


def file_runner(step: StepPlan) -> FileImportRunner | None:
    """The file import of a step, also of one whose children are written."""
    runner = step.runner.inner if isinstance(step.runner, ManyRunner) else step.runner
    return runner if isinstance(runner, FileImportRunner) else None


def close_run(execution: Execution, plan: FlowPlan, recorder: ExecutionRecorder) -> None:
    """May be done again after a crash: each file is written whole under the same name."""
    for step in closing_steps(plan):
        parts = FilePart.objects.filter(execution=execution, position=step.position)
        first, runner = parts.order_by("generator", "number").first(), file_runner(step)
        if first is None or runner is None:
            continue
        hook = runner.mapping.post_aggregate
        try:
            write_file(execution, step, runner, unpack(first.data)["first"], recorder)
        except DomainError as error:
            tell(execution, plan, step, hook, {"success": False, "code": error.code, "message": error.message})
            raise
        tell(execution, plan, step, hook, {"success": True, "code": "200", "message": ""})


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
