"""`runFlow`: runs a flow as a child of the run, and waits for its end; a flow that fails fails the action.

`wait` false goes on at once. With `failOnErrors` a flow that went through with failed records fails too.
"""

import hashlib
import uuid
from typing import Any

from apps.automations.actions.registry import ActionKind, Args, Wait
from apps.automations.errors import fault
from apps.automations.running.turn import Turn
from apps.core.errors import DomainError, NotFoundError, ValidationErrors
from apps.core.ids import hex24
from apps.engine import templates
from apps.executions import startable
from apps.executions.models import Execution, State
from apps.executions.startable import Child

OPTIONS = ("startDate", "endDate", "exportIds")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["flowId"],
    "properties": {
        "flowId": {"type": "string", "minLength": 1},
        "startDate": {"type": "string", "format": "date-time"},
        "endDate": {"type": "string", "format": "date-time"},
        "exportIds": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "wait": {"type": "boolean"},
        "failOnErrors": {"type": "boolean"},
    },
}


class FlowFailedError(DomainError):
    code = "flow_failed"


def run(turn: Turn, args: Args) -> dict[str, Any]:
    child = Execution.objects.get(pk=uuid.UUID(turn.state["execution"])) if turn.state else start(turn, args)
    if args.get("wait") is False:
        return shown(child)
    if not child.is_terminal:
        raise Wait(
            reason=f"the flow {child.target_name} runs, as execution {child.hex_id}",
            state={"execution": str(child.id)},
            unless=lambda: has_ended(child.id),
        )
    failed = child.state != State.SUCCEEDED
    if failed or (args.get("failOnErrors") and child.error_count):
        because = child.reason or f"{child.error_count} of its records failed"
        ended = child.state if failed else "ended with errors"
        raise FlowFailedError(f"The flow {child.target_name} {ended}: {because} (execution {child.hex_id})")
    return shown(child)


def start(turn: Turn, args: Args) -> Execution:
    place = hashlib.sha256(f"{turn.path}\0{turn.iteration}".encode()).hexdigest()[:32]
    child = Child(
        parent=turn.execution,
        target=args["flowId"],
        cause=f"child:{hex24(turn.execution.id)}:{place}",
        depth=turn.depth,
        triggered_by="automation",
        options={name: args[name] for name in OPTIONS if name in args},
    )
    try:
        return startable.get("flow").start(child)
    except NotFoundError as error:
        raise fault(f"{turn.path}.args.flowId", error.message) from None


def has_ended(execution_id: uuid.UUID) -> bool:
    """Locked: its end is committed, and seen here, or it comes later and wakes us."""
    return Execution.objects.select_for_update().get(pk=execution_id).is_terminal


def shown(child: Execution) -> dict[str, Any]:
    return {
        "execution": child.hex_id,
        "state": child.state,
        "numSuccess": child.success_count,
        "numError": child.error_count,
        "numIgnore": child.ignore_count,
    }


def check(args: Args, at: str, organization_id: uuid.UUID) -> None:
    named = args.get("flowId")
    if isinstance(named, str) and not templates.is_template(named):
        try:
            startable.get("flow").check(organization_id, named)
        except (NotFoundError, ValidationErrors) as error:
            raise fault(f"{at}.flowId", error.message, code="invalid_ref") from None


KIND = ActionKind(name="runFlow", run=run, schema=SCHEMA, check=check)
