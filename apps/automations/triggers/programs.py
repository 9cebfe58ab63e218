"""The programs of many automations in one query, and whether a trigger of theirs holds."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from apps.automations.models import Automation, AutomationVersion
from apps.automations.running.compiled import Compiled, Trigger, compiled, kept
from apps.core.errors import DomainError
from apps.engine.templates import RenderEnv

Programs = Sequence[tuple[Automation, Compiled | DomainError]]
UNREADABLE = Compiled(
    document={}, arguments={}, secrets={}, triggers=(), actions=(), outputs={}, render_outputs=None,
    concurrency_key=None, needs_approval=False,
)  # fmt: skip


def programs_of(found: Sequence[Automation]) -> Programs:
    """In the given order. One that cannot be compiled any more has its error instead."""
    missing = [one.version_id for one in found if one.version_id and kept(one.version_id) is None]
    versions = AutomationVersion.objects.in_bulk(missing) if missing else {}
    return [(one, _program(one, versions)) for one in found if one.version_id]


def _program(one: Automation, versions: Mapping[uuid.UUID, AutomationVersion]) -> Compiled | DomainError:
    try:
        return kept(one.version_id) or compiled(versions[one.version_id])  # type: ignore[index]
    except DomainError as error:
        return error


def holds(trigger: Trigger, program: Compiled, values: Mapping[str, Any], env: RenderEnv) -> bool:
    return trigger.test is None or trigger.test(program.scope(values), env)
