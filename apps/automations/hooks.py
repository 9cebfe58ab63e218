"""What comes to an automation's own address: a run that is accepted, or one whose outputs are the answer."""

from typing import Any

from apps.automations.models import Automation
from apps.automations.running.inline import Ended, run_here
from apps.automations.runs import KIND as RUN
from apps.automations.runs import NewRun, accept_run
from apps.automations.triggers import on_hook
from apps.automations.triggers.starting import run_of
from apps.core.errors import DomainError, UnavailableError
from apps.core.ids import hex24
from apps.core.joined import find_row
from apps.executions.models import State
from apps.inbound.receiving import GoneError
from apps.inbound.targets import Answer, Arrival, InboundTarget

UNMET = "The conditions of its trigger did not hold."
HEADER = "Junction-Execution"


def accept(arrival: Arrival) -> Answer:
    new = run_at(arrival)
    if new is None:
        return Answer(202, {"id": None, "ignored": UNMET})
    execution, known = accept_run(new)
    return Answer(200 if known else 202, {"id": hex24(execution.id), **({"duplicate": True} if known else {})})


def respond(arrival: Arrival) -> Answer:
    """The outputs; {"error"} of a run that failed; 202 of one that waits, and goes on without its caller."""
    new = run_at(arrival)
    return Answer(200, {}) if new is None else told(run_here(new))


def told(ended: Ended) -> Answer:
    headers = {HEADER: str(ended.execution_id)}
    if ended.state == State.SUCCEEDED:
        return Answer(200, ended.outputs, headers)
    if ended.error is not None:
        return Answer(*refusal(ended.error), headers={**headers, **retry(ended.error)})
    return Answer(202, {"id": hex24(ended.execution_id), "state": ended.state}, headers)


def refusal(error: DomainError) -> tuple[int, dict[str, Any]]:
    cause = error.__cause__ if isinstance(error.__cause__, DomainError) else error
    return cause.status, {"error": error.message}


def retry(error: DomainError) -> dict[str, str]:
    cause = error.__cause__
    return {"Retry-After": str(cause.retry_after)} if isinstance(cause, UnavailableError) else {}


def run_at(arrival: Arrival) -> NewRun | None:
    """None where the trigger's conditions do not hold. Raises GoneError for one that takes nothing now."""
    automation = find_row(Automation, arrival.hook.target_id)
    if automation is None or not automation.is_active:
        raise GoneError("Nobody listens at this address any more.")
    event = {"type": "hook", "method": arrival.method, "headers": arrival.headers, "query": arrival.query}
    return run_of(
        automation, on_hook.KIND, values={"data": arrival.body, "event": event}, cause=arrival.cause,
        triggered_by="hook",
    )  # fmt: skip


TARGET = InboundTarget(kind=RUN, accept=accept, respond=respond)
