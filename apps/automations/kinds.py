"""The execution kind `automation`."""

from apps.automations.actions import catalogue as actions
from apps.automations.approvals import services as approvals
from apps.automations.running.inline import is_callers
from apps.automations.running.runner import Runner
from apps.automations.running.together import run_many
from apps.automations.runs import KIND
from apps.automations.triggers import catalogue as triggers
from apps.executions.actions import end_interrupted
from apps.executions.kinds import ExecutionKind, Run
from apps.work.models import Lane

ACTION_KINDS, TRIGGER_KINDS = actions.KINDS, triggers.KINDS


def take_up(run: Run) -> None:
    runner = Runner.of(run)
    if is_callers(runner.stored):
        end_interrupted(run)
    else:
        runner.take_turn()


EXECUTION_KIND = ExecutionKind(name=KIND, run=take_up, lane=Lane.FLOWS, close=approvals.close, run_many=run_many)
