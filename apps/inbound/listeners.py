"""Switching a trigger on and off: the row, its registration with the provider, and the work that keeps both true.

The surprise: registering calls the provider and so has no transaction. The row is committed before, with work that is
due a while later; whoever dies in between leaves that work, and a worker registers it.
"""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from apps.accounts.models import EndUser
from apps.connections import credentials
from apps.connections.calls import check_input
from apps.connections.failures import TargetRefusedError
from apps.connections.models import Connection
from apps.connectors.models import ComponentVersion, Connector, ConnectorVersion
from apps.core import clock
from apps.core.errors import DomainError, ValidationError
from apps.events.services import emit
from apps.inbound import running
from apps.inbound.addresses import hook_of, hook_url
from apps.inbound.declared import key_of, key_text, polling_of
from apps.inbound.models import Listener
from apps.inbound.running import CREATE, address_of, has_hook, run_trigger
from apps.inbound.secrets import new_secret, seal_listener
from apps.work import services as work
from apps.work.models import Lane

LISTENER, POLL = "listener", "poll"  # kinds of work
GRACE = timedelta(minutes=5)  # longer than a create hook takes: only a process that died is stepped in for
CHECK_EVERY = timedelta(hours=6)
GONE = (404, 410)
State = Listener.State


def add_listener(
    *,
    organization_id: uuid.UUID,
    version: ConnectorVersion,
    trigger: ComponentVersion,
    variables: Mapping[str, Any],
    end_user: EndUser | None = None,
    connection: Connection | None = None,
    grace: timedelta = GRACE,
) -> Listener:
    """In the caller's transaction; afterwards, outside of it, the caller calls `register`, or after `grace` a worker.

    Raises ValidationErrors naming the variables that are wrong, and ValidationError without a public address.
    """
    check_input(trigger, dict(variables))
    hook = hook_of(trigger.component.connector, organization_id=organization_id)
    registers = CREATE in trigger.logic
    if registers:
        hook_url(hook)
    listener = Listener(
        organization_id=organization_id,
        hook=hook,
        connector_version=version,
        trigger=trigger,
        trigger_name=trigger.component.name,
        end_user=end_user,
        connection=connection,
        variables=dict(variables),
        key=key_of(trigger, variables),
        state=State.REGISTERING if registers else State.ACTIVE,
    )
    seal_listener(listener, new_secret())
    listener.save(force_insert=True)
    own: dict[str, Any] = {
        "organization_id": organization_id,
        "target_id": listener.id,
        "lane": Lane.HOUSEKEEPING,
    }
    if registers:
        work.add(kind=LISTENER, due_at=clock.now() + grace, reason="its registration", **own)
    if polling_of(trigger) is not None:
        work.add(kind=POLL, **own)
    return listener


def credential_for(
    end_user: EndUser,
    *,
    connector: Connector,
    version: ConnectorVersion,
    trigger: ComponentVersion,
    credential_id: object,
) -> Connection | None:
    """A trigger that is only told things can do without one, where the user has none."""
    if not credential_id and not credentials.needs_credential(connector):
        return None
    asks = CREATE in trigger.logic or polling_of(trigger) is not None
    try:
        return credentials.find_credential(
            end_user=end_user, connector=connector, version=version, credential_id=credential_id
        )
    except ValidationError:
        if asks:
            raise
        return None


def register(listener: Listener) -> None:
    """Runs the trigger's create hook and keeps what it answers. Raises DomainErrors; the row is then as it was."""
    if not has_hook(listener, CREATE):
        return
    answer = run_trigger(listener, CREATE, data=listener.variables, inputs={"hook": address_of(listener)})
    keep_registration(listener, answer)


@transaction.atomic
def keep_registration(listener: Listener, answer: Any) -> None:
    """A listener that was ended meanwhile learns its id too: it is what it is taken back by."""
    found: dict[str, Any] = answer if isinstance(answer, dict) else {"id": answer}
    row = Listener.objects.select_for_update().filter(pk=listener.pk).first()
    if row is None:
        return
    row.external_id = key_of_answer(found.get("id"))
    row.registered = {name: value for name, value in found.items() if name not in ("secret", "cursor")}
    if isinstance(found.get("secret"), str) and found["secret"]:
        seal_listener(row, found["secret"])
    if "key" in found:
        row.key = key_text(found["key"])
    if row.cursor is None and found.get("cursor") is not None:
        row.cursor = found["cursor"]
    if row.state != State.ENDING:
        row.state, row.reason, row.failures = State.ACTIVE, "", 0
    row.checked_at = clock.now()
    row.save()


def key_of_answer(value: Any) -> str:
    return "" if value is None else str(value)[:255]


def is_registered(listener: Listener) -> bool:
    """Asks the provider, by the trigger's check hook: `{"exists": false}`, false or null, 404 and 410 say no."""
    try:
        answer = run_trigger(listener, running.CHECK, data=listener.variables, inputs={"hook": address_of(listener)})
    except TargetRefusedError as error:
        if error.target_status in GONE:
            return False
        raise
    return bool(answer.get("exists", True)) if isinstance(answer, dict) else bool(answer)


def unregister(listener: Listener) -> None:
    """Runs the delete hook; that the provider knows nothing of it is as good. Raises DomainErrors."""
    try:
        run_trigger(listener, running.DELETE, data=listener.variables, inputs={"hook": address_of(listener)})
    except TargetRefusedError as error:
        if error.target_status not in GONE:
            raise


@transaction.atomic
def note_repair(listener: Listener) -> None:
    """The provider had lost it. What was missed meanwhile is polled for, where the trigger can."""
    row = Listener.objects.select_for_update().filter(pk=listener.pk).first()
    if row is None:
        return
    row.repairs += 1
    row.repaired_at = clock.now()
    row.save(update_fields=["repairs", "repaired_at", "updated_at"])
    work.hurry(kind=POLL, target_id=row.id)
    data = {"trigger": row.trigger_name, "connector": row.hook.connector.name, "repairs": row.repairs}
    emit(
        organization_id=row.organization_id, type="trigger.repaired", subject_kind="listener", subject_id=row.id,
        data=data,
    )  # fmt: skip


def end_listener(listener: Listener) -> None:
    """In the caller's transaction: nothing more comes to it from now on; a worker takes it back from the provider."""
    work.require_transaction()
    row = Listener.objects.select_for_update().filter(pk=listener.pk).first()
    if row is None:
        return
    work.drop_target(kind=POLL, target_id=row.id)
    if not has_hook(row, running.DELETE) or (row.state == State.FAILED and not row.external_id):
        work.drop_target(kind=LISTENER, target_id=row.id)
        row.delete()
        return
    row.state, row.failures, row.reason = State.ENDING, 0, ""
    row.save(update_fields=["state", "failures", "reason", "updated_at"])
    work.ensure_many(kind=LISTENER, lane=Lane.HOUSEKEEPING, organization_id=row.organization_id, target_ids=[row.id])


def drop_listener(listener: Listener) -> None:
    """In the caller's transaction: of one that could never be registered, nothing is left."""
    for kind in (LISTENER, POLL):
        work.drop_target(kind=kind, target_id=listener.id)
    Listener.objects.filter(pk=listener.pk).delete()


def fail_listener(listener: Listener, error: DomainError) -> None:
    """In the caller's transaction: the provider will not have it."""
    Listener.objects.filter(pk=listener.pk).exclude(state=State.ENDING).update(
        state=State.FAILED, reason=error.message[:500]
    )
    data = {"trigger": listener.trigger_name, "connector": listener.hook.connector.name, "reason": error.message}
    emit(
        organization_id=listener.organization_id, type="trigger.failed", subject_kind="listener",
        subject_id=listener.id, data=data,
    )  # fmt: skip
