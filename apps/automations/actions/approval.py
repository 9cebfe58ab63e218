"""`approval`: asks a person in the midst of a run, and goes on once they have said yes.

args: those of an automation's `approval` settings (roles, members, timeoutSeconds, onTimeout, remindAfterSeconds,
message), and `onReject`: `stop` ends the run as rejected, `continue` goes on with `output.approved` false.
output: {approved, answeredBy, answeredAt, reason, timedOut}.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from apps.automations.actions.registry import ActionKind, Args
from apps.automations.approvals import gate, planning, policy, services
from apps.automations.models import AutomationVersion
from apps.automations.running.turn import Turn
from apps.core.gateway import Mode
from apps.engine import templates
from apps.executions.step_journal import place

SCHEMA: dict[str, Any] = {
    **policy.SCHEMA,
    "properties": {
        **policy.SCHEMA["properties"],
        "onReject": {"type": "string", "enum": ["stop", "continue"], "default": "stop"},
    },
}


def run(turn: Turn, args: Args) -> Any:
    """In the transaction that commits the step, or parks the run."""
    if turn.mode != Mode.LIVE:
        turn.say("Nobody is asked in a run that sends nothing.")
        return {"approved": True, "answeredBy": None, "answeredAt": None, "reason": "", "timedOut": False}
    path, iteration = place(turn.path, turn.iteration)
    row = services.question_at(turn.execution, path=path, iteration=iteration)
    if row is None:
        settings = policy.read_policy(settings_of(args), at="args")
        row = gate.ask(
            turn.execution,
            policy=settings,
            message=settings.message,
            requester=turn.run.created_by,
            plan=plan_of(turn),
            path=path,
            iteration=iteration,
        )
    row = gate.settled(row, rejected_too=args.get("onReject") == "continue")
    turn.say(services.closing_words(row))
    return dict(gate.outcome(row))


def plan_of(turn: Turn) -> dict[str, Any]:
    version = AutomationVersion.objects.filter(pk=turn.run.version_id).first()
    document = version.document if version else {}
    return planning.plan(document, planning.following(document, turn.path), turn.scope, turn.env)


def settings_of(args: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in args.items() if name != "onReject"}


def check(args: Args, at: str, organization_id: uuid.UUID) -> None:
    """What holds no template is checked when it is saved: who is named must be there."""
    fixed = {name: value for name, value in settings_of(args).items() if not holds_template(value)}
    policy.check_members(policy.read_policy(fixed, at=at), organization_id=organization_id, at=at)


def holds_template(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(holds_template, value))
    return isinstance(value, str) and templates.is_template(value)


KIND = ActionKind(name="approval", run=run, schema=SCHEMA, check=check)
