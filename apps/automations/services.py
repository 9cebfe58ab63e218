"""Saving, switching and deleting automations, and running one by hand. Every save is a new version."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from apps.audit.services import record
from apps.automations import documents, secrets
from apps.automations.errors import AutomationError, fault
from apps.automations.models import Automation, AutomationVersion, Hearing, Run, Type
from apps.automations.running.compiled import Compiled, compiled
from apps.automations.runs import NewRun, start_run
from apps.automations.triggers import registry as triggers
from apps.core.actors import Actor, Verb
from apps.core.errors import ConflictError
from apps.core.ids import hex24
from apps.engine import schemas
from apps.executions import services as executions
from apps.executions.models import Execution, Mode, State
from apps.executions.services import note_execution
from apps.work import services as work


@transaction.atomic
def create_automation(*, actor: Actor, document: Mapping[str, Any]) -> Automation:
    """Raises ConflictError when its id is taken, ValidationErrors and AutomationError for a document that is wrong."""
    actor.require(Verb.EDIT)
    slug = document["id"]
    if Automation.objects.filter(organization_id=actor.organization_id, slug=slug).exists():
        raise taken(slug)
    automation = Automation(organization_id=actor.organization_id, slug=slug, created_by_id=actor.user_id)
    try:
        with transaction.atomic():
            return _save(actor, automation, document, {}, event="create")
    except IntegrityError:
        raise taken(slug) from None


def taken(slug: str) -> ConflictError:
    return ConflictError(f"Automation error: Flow with id {slug} already exists", field="id")


def upsert_automation(*, actor: Actor, document: Mapping[str, Any], keep: Sequence[str] = ()) -> Automation:
    """Creates it, or replaces all of it: what the document leaves out falls back to its default, but for `keep`."""
    actor.require(Verb.EDIT)
    with transaction.atomic():
        rows = Automation.objects.select_for_update(of=("self",)).select_related("version")
        rows = rows.filter(organization_id=actor.organization_id)
        automation = rows.filter(slug=document["id"]).first()
        if automation is not None:
            before = automation.version.document if automation.version else {}
            kept = {name: before[name] for name in keep if name in before}
            return replace_automation(actor=actor, automation=automation, document={**kept, **document})
    try:
        return create_automation(actor=actor, document=document)
    except ConflictError:  # made meanwhile
        return upsert_automation(actor=actor, document=document, keep=keep)


@transaction.atomic
def replace_automation(*, actor: Actor, automation: Automation, document: Mapping[str, Any]) -> Automation:
    actor.require(Verb.EDIT)
    row = Automation.objects.select_for_update(of=("self",)).select_related("version").get(pk=automation.pk)
    stored = secrets.opened(row.version) if row.version else {}
    return _save(actor, row, document, stored, event="update")


@transaction.atomic
def switch_automation(*, actor: Actor, automation: Automation, active: bool) -> Automation:
    """On is a save like any other. Off asks nothing of what is stored, so that whatever runs can be stopped.

    Runs that were accepted go on.
    """
    actor.require(Verb.EDIT)
    row = Automation.objects.select_for_update(of=("self",)).select_related("version").get(pk=automation.pk)
    if row.version is None or row.is_active == active:
        return row
    document = {**row.version.document, "isActive": active}
    if active:
        return replace_automation(actor=actor, automation=row, document=document)
    return _keep(actor, row, document, secrets.opened(row.version), program=None, event="update")


def _save(
    actor: Actor, automation: Automation, document: Mapping[str, Any], stored: Mapping[str, Any], *, event: str
) -> Automation:
    opened = secrets.merged(document.get("secrets") or {}, stored)
    kept = {**document, "secrets": secrets.masked(opened)}
    program = documents.check(kept, opened=opened, organization_id=actor.organization_id)
    automation.title, automation.type = kept["title"][:300], kept["type"]
    automation.order = kept.get("order") or 0
    return _keep(actor, automation, kept, opened, program=program, event=event)


def _keep(
    actor: Actor, automation: Automation, kept: dict[str, Any], opened: Mapping[str, Any], *,
    program: Compiled | None, event: str,
) -> Automation:  # fmt: skip
    """The document as the newest version; None for the program of one that is off."""
    before = automation.version
    automation.is_active = kept.get("isActive") is not False
    automation.updated_by_id = actor.user_id
    automation.save()
    version = AutomationVersion(
        organization_id=actor.organization_id,
        automation=automation,
        number=before.number + 1 if before else 1,
        document=kept,
        created_by_id=actor.user_id,
    )
    secrets.seal(version, opened)
    version.save(force_insert=True)
    automation.version = version
    automation.save(update_fields=["version", "updated_at"])
    listen(automation, program)
    changes = changed_members(before.document if before else {}, kept)
    _note(actor, automation, event, changes)
    return automation


def changed_members(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [{"fieldPath": name, "oldValue": before.get(name), "newValue": after.get(name)} for name in names]


def listen(automation: Automation, program: Compiled | None) -> None:
    """Makes what starts it follow its document; nothing does when it is off, or gone (None)."""
    runs = automation.is_active and automation.type in (Type.AUTOMATION, Type.SELF_SERVICE)
    found = program.triggers if program is not None and runs else []
    types = {type for trigger in found for type in trigger.kind.events(trigger.document)}
    known = set(Hearing.objects.filter(automation=automation).values_list("event_type", flat=True))
    Hearing.objects.filter(automation=automation, event_type__in=known - types).delete()
    Hearing.objects.bulk_create(
        Hearing(organization_id=automation.organization_id, automation=automation, event_type=type)
        for type in sorted(types - known)
    )
    for kind in triggers.all_kinds():
        if kind.sync is not None:
            kind.sync(automation, [trigger.document for trigger in found if trigger.kind is kind])


@transaction.atomic
def delete_automation(*, actor: Actor, automation: Automation) -> None:
    """Its runs stay as history; those that have not ended fail, and those that wait for something do so now."""
    actor.require(Verb.DELETE)
    row = Automation.objects.select_for_update().get(pk=automation.pk)
    _note(actor, row, "delete")
    listen(row, None)
    waiting = list(
        Run.objects.filter(automation_id=row.id, execution__state=State.WAITING).values_list("pk", flat=True)
    )
    for kind in triggers.all_kinds():
        if kind.drop is not None:
            kind.drop(row)
    Automation.objects.filter(pk=row.pk).update(version=None)
    row.delete()
    for execution_id in waiting:
        work.hurry(kind=executions.WORK, target_id=execution_id)


def run_by_hand(
    *,
    actor: Actor,
    automation: Automation,
    args: Any = None,
    slug: str = "",
    tags: list[Any] | None = None,
    mode: str = Mode.LIVE,
    version: AutomationVersion | None = None,
    cause: str | None = None,
) -> Execution:
    """What a manual trigger allows: args are checked against its inputSchema. Runs the current version unless told.

    Raises AutomationError for an automation that is off, has no manual trigger, or for a known `slug`.
    """
    actor.require(Verb.RUN)
    chosen = version or automation.version
    if chosen is None or not automation.is_active:
        raise AutomationError(f"Flow {automation.slug} is switched off")
    program = compiled(chosen)
    given = {} if args is None else args
    check_manual(automation, program, given)
    by = hex24(actor.user_id) if actor.user_id else "system"
    new = NewRun(
        automation=automation, version_id=chosen.id, program=program, args=given, triggered_by=by, slug=slug,
        tags=tags or [], created_by_id=actor.user_id, mode=mode, cause=cause,
    )  # fmt: skip
    try:
        with transaction.atomic():
            execution = start_run(new)
            note_execution(actor=actor, event="run", execution=execution)
    except IntegrityError:
        raise AutomationError(f"Flow run with id {slug} already exists", field="id") from None
    return execution


def manual_trigger(automation: Automation) -> Mapping[str, Any] | None:
    """The document of the trigger by which a person starts it; select its `version` along."""
    document = automation.version.document if automation.version else {}
    found = (one for one in document.get("triggers") or [] if one.get("type") == "manual")
    return next(found, {} if automation.type == Type.SELF_SERVICE else None)


def empty_args(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The members that must be given, empty, for a person to fill in."""
    return {
        field.path: "" if field.type == "string" else None
        for field in schemas.input_fields(schema)
        if field.required and "." not in field.path
    }


def is_manual(automation: Automation, program: Compiled) -> bool:
    return automation.type == Type.SELF_SERVICE or any(one.kind.name == "manual" for one in program.triggers)


def check_manual(automation: Automation, program: Compiled, args: Any, *, at: str = "args") -> None:
    """Raises AutomationError for one that is not started by hand, ValidationError for args that do not fit."""
    trigger = next((one for one in program.triggers if one.kind.name == "manual"), None)
    if not is_manual(automation, program):
        raise AutomationError(f"Flow {automation.slug} has no manual trigger")
    if not isinstance(args, dict):
        raise fault(at, "must be an object")
    schema = trigger.document.get("inputSchema") if trigger is not None else None
    problems = schemas.check(schema or {}, args)
    if problems:
        path, message = problems[0]
        raise documents.told(f"{at}.{path}" if path else at, message)


def _note(actor: Actor, automation: Automation, event: str, changes: list[dict[str, Any]] | None = None) -> None:
    record(
        actor=actor, event=event, resource_type="automation", resource_id=automation.id,
        resource_name=automation.title, changes=changes,
    )  # fmt: skip
