"""From a trigger that is no event of the outbox (a tick, a call, a connector's event) to the run it starts."""

from collections.abc import Mapping
from typing import Any

from apps.automations.models import Automation
from apps.automations.running import functions
from apps.automations.running.compiled import Compiled, Trigger
from apps.automations.running.rendering import RenderError
from apps.automations.runs import NewRun
from apps.automations.triggers.programs import UNREADABLE, holds, programs_of
from apps.automations.triggers.registry import TriggerKind
from apps.core.errors import DomainError


def run_of(
    automation: Automation,
    kind: TriggerKind,
    *,
    values: Mapping[str, Any],
    index: int | None = None,
    **common: Any,
) -> NewRun | None:
    """None where no trigger of this kind has its conditions met. `index`: only the so manieth of them is asked.

    A condition that cannot be asked, or a document that cannot be read any more, gives a run that fails and says why.
    `common` are members of NewRun; one that has a fault already is asked nothing.
    """
    for row, program in programs_of([automation]):
        common |= {"automation": row, "version_id": row.version_id}
        if isinstance(program, DomainError):
            return NewRun(program=UNREADABLE, **{**common, "fault": program.message})
        if common.get("fault"):
            return NewRun(program=program, **values, **common)
        return first_that_holds(program, of_kind(program, kind, index), {"args": None, **values}, common)
    return None


def of_kind(program: Compiled, kind: TriggerKind, index: int | None) -> list[Trigger]:
    found = [trigger for trigger in program.triggers if trigger.kind is kind]
    return found if index is None else found[index : index + 1]


def first_that_holds(
    program: Compiled, triggers: list[Trigger], values: Mapping[str, Any], common: Mapping[str, Any]
) -> NewRun | None:
    env = functions.environment(common["automation"].organization_id)
    for trigger in triggers:
        try:
            if holds(trigger, program, values, env):
                return NewRun(program=program, **values, **common)
        except RenderError as error:
            return NewRun(program=program, **values, **{**common, "fault": error.message})
    return None
