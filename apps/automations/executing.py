"""Running exactly one version of an automation, now, in the caller's own call."""

from typing import Any

from django.db import transaction

from apps.automations.models import Automation, AutomationVersion
from apps.automations.running.compiled import compiled
from apps.automations.running.inline import Ended, run_here
from apps.automations.runs import NewRun, start_run
from apps.automations.services import check_manual, is_manual
from apps.core.actors import Actor, Verb
from apps.core.errors import ConflictError, DomainError, NotFoundError
from apps.core.ids import hex24, parse_id
from apps.executions.models import Execution
from apps.executions.services import note_execution


class RunFailedError(DomainError):
    """What a run that was called has failed with; `status` is that of what was behind it."""

    code = "run_failed"

    def __init__(self, error: DomainError) -> None:
        behind = error.__cause__ if isinstance(error.__cause__, DomainError) else error
        super().__init__(error.message, field=error.field, code=error.code)
        self.status = behind.status if behind.status >= 400 else self.status


def find_version(*, actor: Actor, automation: object, version: object) -> AutomationVersion:
    """An automation by its id or the one its writer gave it, a version by its id or number. Raises NotFoundError."""
    row_id, text = parse_id(automation), str(automation)
    rows = Automation.objects.for_actor(actor)
    row = rows.filter(pk=row_id).first() if row_id else None
    row = row or (rows.filter(slug=text).first() if "\0" not in text else None)
    if row is None:
        raise NotFoundError(f"Automation {automation} was not found.", field="automationId")
    versions = AutomationVersion.objects.filter(automation=row).select_related("automation")
    version_id, number = parse_id(version), str(version)
    found = versions.filter(pk=version_id).first() if version_id else None
    if found is None and number.isascii() and number.isdigit() and len(number) < 10:
        found = versions.filter(number=int(number)).first()
    if found is None:
        raise NotFoundError(f"Automation {row.slug} has no version {version}.", field="automationVersionId")
    return found


def new_run(*, actor: Actor, version: AutomationVersion, input: dict[str, Any], cause: str | None) -> NewRun:
    """Input becomes the run's args, as its manual trigger describes them; without one it is its data too."""
    actor.require(Verb.RUN)
    automation = version.automation
    if not automation.is_active:
        raise ConflictError(f"The automation {automation.slug} is switched off.", code="invalid_state")
    program = compiled(version)
    manual = is_manual(automation, program)
    if manual:
        check_manual(automation, program, input, at="input")
    return NewRun(
        automation=automation, version_id=version.id, program=program, args=input, data=None if manual else input,
        cause=cause, triggered_by=hex24(actor.user_id) if actor.user_id else "system", created_by_id=actor.user_id,
    )  # fmt: skip


def execute_version(
    *, actor: Actor, version: AutomationVersion, input: dict[str, Any], cause: str | None = None
) -> Ended:
    """Raises RunFailedError, and what is wrong with the input. A run that has to wait goes on without its caller."""
    ended = run_here(new_run(actor=actor, version=version, input=input, cause=cause))
    if not ended.known:
        with transaction.atomic():
            note_execution(actor=actor, event="run", execution=Execution.objects.get(pk=ended.execution_id))
    if ended.error is not None:
        raise RunFailedError(ended.error) from ended.error
    return ended


def start_version(
    *, actor: Actor, version: AutomationVersion, input: dict[str, Any], cause: str | None = None
) -> Execution:
    """The same for workers to run: answers the stored execution."""
    new = new_run(actor=actor, version=version, input=input, cause=cause)
    with transaction.atomic():
        execution = start_run(new)
        if execution.id == new.id:
            note_execution(actor=actor, event="run", execution=execution)
    return execution
