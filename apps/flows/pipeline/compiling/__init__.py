"""From a run's snapshot to what runs: generators with sources, steps with runners, joined by positions."""

from typing import Any

from apps.core.gateway import Recorder
from apps.executions.models import Execution
from apps.flows.pipeline.compiling import exports, steps
from apps.flows.pipeline.compiling.documents import RunDocuments
from apps.flows.pipeline.generators import GeneratorPlan
from apps.flows.pipeline.plans import FlowPlan


def compile_plan(execution: Execution, snapshot: dict[str, Any]) -> FlowPlan:
    """Raises ValidationError naming the member of a document that cannot be run here."""
    return steps.plan(RunDocuments(execution, snapshot))


def compile_generators(execution: Execution, plan: FlowPlan, recorder: Recorder) -> list[GeneratorPlan]:
    """Empty for a retry, and for a run that applies a plan: their pages are made of kept records."""
    if execution.kind == "retry" or plan.book is not None:
        return []
    run = RunDocuments(execution, plan.snapshot)
    return [exports.generator(run, i, g, recorder) for i, g in enumerate(plan.snapshot["generators"])]
