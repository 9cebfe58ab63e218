"""Starting runs: each an execution of the kind `automation`, with what it was started on beside it.

`cause` is unique, so nothing starts twice. Runs of one automation with the same concurrencyKey go one after another.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from apps.automations.models import Automation, Run
from apps.automations.running import functions
from apps.automations.running.compiled import Compiled
from apps.automations.running.rendering import RenderError, rendered
from apps.core.ids import new_id
from apps.core.joined import change_together, insertion
from apps.executions import kinds
from apps.executions.models import Execution, ExecutionData, Mode
from apps.executions.payloads import pack
from apps.executions.services import WORK, NewExecution, start_executions
from apps.work import services as work
from apps.work import wakeups

KIND = "automation"
MAX_DEPTH = 10  # automations that may lead to one another; a run that is further down fails, and says why


@dataclass(frozen=True)
class NewRun:
    """`fault` is why a run that must not be lost cannot begin: it fails with it. `depth` counts this run too.

    `place` is the id of the event it answers: runs of one key go in the order of what happened.
    `line`: runs of the same line go one after another, where no concurrencyKey says which do.
    """

    automation: Automation
    version_id: uuid.UUID
    program: Compiled
    data: Any = None
    event: Any = None
    args: Any = None
    cause: str | None = None
    triggered_by: str = ""
    depth: int = 1
    mode: str = Mode.LIVE
    parent: Execution | None = None
    fault: str = ""
    place: uuid.UUID | None = None
    line: str = ""
    slug: str = ""
    tags: list[Any] = field(default_factory=list)
    created_by_id: uuid.UUID | None = None
    id: uuid.UUID = field(default_factory=new_id)

    def execution(self) -> NewExecution:
        key, fault = self.serial_key()
        fault = self.fault or fault
        return NewExecution(
            id=self.id,
            organization_id=self.automation.organization_id,
            kind=KIND,
            target_id=self.automation.id,
            target_name=self.automation.title,
            cause=self.cause,
            triggered_by=self.triggered_by,
            parent=self.parent,
            own_root=True,
            depth=self.depth,
            mode=self.mode,
            serial_key=key,
            place=self.place,
            group_id=self.automation.id if self.program.is_short else None,
            input={
                "data": self.data,
                "event": self.event,
                "args": self.args,
                "versionId": str(self.version_id),
                **({"fault": fault} if fault else {}),
                **({"names": names} if (names := dict(self.program.names)) else {}),
                **({"place": str(self.place or self.id)} if key else {}),
            },
        )

    def serial_key(self) -> tuple[str, str]:
        """The key, and why there is none where it should be."""
        render = self.program.concurrency_key
        if render is None:
            return self.line, ""
        if isinstance(render, str):
            value: Any = render
        else:
            scope = self.program.scope({"data": self.data, "event": self.event, "args": self.args, "actions": {}})
            try:
                value = rendered(None, render, scope, functions.environment(self.automation.organization_id))
            except RenderError as error:
                return "", error.message
        if value is None or value == "":
            return "", ""
        digest = hashlib.sha256(repr(value).encode()).hexdigest()[:32]
        return f"automation:{self.automation.id.hex}:{digest}", ""

    def row(self) -> Run:
        return Run(
            execution_id=self.id,
            organization_id=self.automation.organization_id,
            automation_id=self.automation.id,
            automation_slug=self.automation.slug,
            automation_type=self.automation.type,
            version_id=self.version_id,
            slug=self.slug,
            tags=self.tags,
            created_by_id=self.created_by_id,
        )


def start_run(new: NewRun) -> Execution:
    """One, whose cause may be known: then the execution that it has started is answered."""
    try:
        with transaction.atomic():
            return start_runs([new])[0]
    except IntegrityError:
        known = Execution.objects.filter(cause=new.cause).first() if new.cause else None
        if known is None:
            raise
        return known


def accept_run(new: NewRun) -> tuple[Execution, bool]:
    """As `start_run`, outside of any transaction and in one round trip; also whether its cause was known."""
    wanted = new.execution()
    row = wanted.row()
    data = ExecutionData(execution=row, input=pack(wanted.input))
    lane = kinds.get(KIND).lane
    item = work.adding(
        kind=WORK, lane=lane, organization_id=wanted.organization_id, target_ids=[row.id], group_id=wanted.group_id,
        serial_key=wanted.serial_key,
    )  # fmt: skip
    try:
        change_together([insertion([row]), insertion([data]), insertion([new.row()]), item])
    except IntegrityError:
        known = Execution.objects.filter(cause=new.cause).first() if new.cause else None
        if known is None:
            raise
        return known, True
    wakeups.wake(lane)
    return row, False


def start_runs(wanted: Sequence[NewRun]) -> list[Execution]:
    """Many at once, in the caller's transaction. Raises IntegrityError when a cause is known already."""
    if not wanted:
        return []
    executions = start_executions([new.execution() for new in wanted])
    Run.objects.bulk_create([new.row() for new in wanted])
    return executions


def start_unknown(wanted: Sequence[NewRun]) -> list[Execution]:
    """As `start_runs`, without those whose causes have started runs before."""
    causes = [new.cause for new in wanted if new.cause]
    known = set(Execution.objects.filter(cause__in=causes).values_list("cause", flat=True))
    return start_runs([new for new in wanted if new.cause not in known])
