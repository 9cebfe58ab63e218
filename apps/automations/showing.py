"""Automations as the Rely API shows flows, and their runs as flow-runs (`contracts/rely.openapi.yaml`)."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from apps.automations.approvals.reviews import Review, reviews_of
from apps.automations.models import Automation, AutomationVersion, Run
from apps.catalog.documents import person_number
from apps.executions.models import Execution, State, Step
from apps.executions.payloads import unpack
from apps.wire.stamps import stamp

EFFECT = "effect"  # steps of the journal, inside actions
DEFAULTS: dict[str, Any] = {
    "description": None, "icon": None, "isActive": True, "needsApproval": False, "order": None, "arguments": {},
    "secrets": {}, "triggers": [], "actions": [], "outputs": {}, "tags": [],
}  # fmt: skip
MEMBERS = ("id", "title", "type", *DEFAULTS)
OWN = ("concurrencyKey", "approval")  # what Junction adds to the Rely documents
PHASES = {
    State.QUEUED: "pending",
    State.RUNNING: "running",
    State.WAITING: "running",
    State.CANCELING: "running",
    State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
    State.CANCELED: "stopped",
}
STEP_PHASES = {
    Step.State.INTENT: "running",
    Step.State.WAITING: "running",
    Step.State.SUCCEEDED: "succeeded",
    Step.State.FAILED: "failed",
    Step.State.SKIPPED: "skipped",
    Step.State.IN_DOUBT: "failed",
}
TOLD = {
    Step.State.SUCCEEDED: "Done.", Step.State.FAILED: "Failed.", Step.State.SKIPPED: "Skipped.",
    Step.State.WAITING: "Waiting.", Step.State.INTENT: "Running.", Step.State.IN_DOUBT: "In doubt.",
}  # fmt: skip


def document_of(version: AutomationVersion | None) -> dict[str, Any]:
    """The members of the Rely documents, with defaults for what was left out or null."""
    written: Mapping[str, Any] = version.document if version else {}
    shown = {name: written.get(name) for name in MEMBERS}
    return {name: DEFAULTS.get(name) if value is None else value for name, value in shown.items()}


def flow_document(row: Automation) -> dict[str, Any]:
    """Select its `version` along."""
    return {
        **document_of(row.version),
        "createdAt": stamp(row.created_at),
        "createdBy": person_number(row.created_by_id),
        "updatedAt": stamp(row.updated_at),
        "updatedBy": person_number(row.updated_by_id),
    }


def run_documents(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Of runs with `execution__data` along: two more queries, however many."""
    ids = [run.execution_id for run in runs]
    steps: dict[uuid.UUID, list[Step]] = {id: [] for id in ids}
    rows = Step.objects.filter(execution_id__in=ids).exclude(kind=EFFECT).defer("outcome")
    for step in rows.order_by("execution_id", "id"):
        steps[step.execution_id].append(step)
    reviews = reviews_of(ids)
    return [run_document(run, steps[run.execution_id], reviews.get(run.execution_id, Review())) for run in runs]


def run_document(run: Run, steps: Sequence[Step], review: Review) -> dict[str, Any]:
    execution = run.execution
    data = getattr(execution, "data", None)
    stored = unpack(data.input, default={}) if data else {}
    output = unpack(data.output, default={}) if data else {}
    names: Mapping[str, str] = stored.get("names") or {}
    return {
        "id": run.slug or execution.hex_id,
        "flowId": run.automation_slug,
        "flowType": run.automation_type,
        "args": stored.get("args") or {},
        "phase": phase_of(run, review),
        "startTime": stamp(execution.started_at),
        "endTime": stamp(execution.ended_at),
        "actions": [action_of(step, names) for step in steps],
        "outputs": output.get("outputs") or {},
        "logs": list(logs_of(execution, steps, names)),
        "tags": run.tags,
        "createdAt": stamp(execution.created_at),
        "createdBy": person_number(run.created_by_id),
        "updatedAt": stamp(execution.ended_at or execution.updated_at),
        "updatedBy": person_number(review.by or run.created_by_id),
        "reviewedBy": person_number(review.by),
        "reviewedAt": stamp(review.at),
    }


def phase_of(run: Run, review: Review) -> str:
    execution = run.execution
    if execution.state == State.CANCELED and review.rejected:
        return "rejected"
    if execution.state == State.WAITING and review.waiting:
        return "waitingApproval"
    if execution.state == State.SUCCEEDED and run.stopped:
        return "stopped"
    return PHASES[State(execution.state)]


def action_of(step: Step, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": name_of(step, names),
        "phase": STEP_PHASES[Step.State(step.state)],
        "startTime": stamp(begun_at(step)),
        "endTime": stamp(step.ended_at),
    }


def name_of(step: Step, names: Mapping[str, str]) -> str:
    """The action's own id, or its place in the document; in a loop with the number of its round."""
    name = names.get(step.path) or step.path
    return f"{name}[{step.iteration}]" if step.iteration else name


def begun_at(step: Step) -> datetime:
    """What was only read is stored a little after it has ended."""
    return min(step.created_at, step.ended_at) if step.ended_at else step.created_at


def logs_of(execution: Execution, steps: Iterable[Step], names: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """One line a step, and one for how it ended."""
    for step in steps:
        failed = step.state in (Step.State.FAILED, Step.State.IN_DOUBT)
        yield {
            "timestamp": stamp(step.ended_at or step.updated_at),
            "message": step.message or TOLD[Step.State(step.state)],
            "level": "error" if failed else "info",
            "action": name_of(step, names),
        }
    if execution.is_terminal:
        yield {
            "timestamp": stamp(execution.ended_at),
            "message": execution.reason or f"The run has {execution.state}.",
            "level": "error" if execution.state == State.FAILED else "info",
            "action": None,
        }
