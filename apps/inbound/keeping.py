"""The work kind `listener`: registers what nobody came to register, asks whether the provider still has it and
registers again what was lost, and takes back what was ended."""

from collections.abc import Callable

import structlog
from django.db import transaction

from apps.connections import marks
from apps.connections.failures import WaitError
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.ids import hex24
from apps.core.vault import VaultError
from apps.inbound import listeners, running
from apps.inbound.models import Listener
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind

log = structlog.get_logger(__name__)
State = Listener.State
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 6 * 3600.0
TRIES = 10  # the last after about a day


def handle(claims: list[Claim]) -> None:
    for claim in claims:
        keep(claim)


def keep(claim: Claim) -> None:
    listener = Listener.objects.select_related(*running.RELATED).filter(pk=claim.target_id).first()
    if listener is None or listener.state == State.FAILED:
        with transaction.atomic():
            work.finish([claim])
        return
    act = {State.REGISTERING: listeners.register, State.ACTIVE: reconcile, State.ENDING: listeners.unregister}
    perform(claim, listener, act[State(listener.state)])


def perform(claim: Claim, listener: Listener, act: Callable[[Listener], None]) -> None:
    connection = listener.connection
    if connection is not None and connection.offline_since is not None:
        marks.park([claim], connection_id=connection.id, organization_id=listener.organization_id)
        return
    try:
        act(listener)
    except WaitError as error:
        with transaction.atomic():
            work.wait_until(claim, error.until, reason=error.message)
    except (DomainError, VaultError) as error:
        failed = error if isinstance(error, DomainError) else DomainError(str(error))
        failure(claim, listener, failed)
    else:
        success(claim, listener)


def reconcile(listener: Listener) -> None:
    if not running.has_hook(listener, running.CHECK) or listeners.is_registered(listener):
        return
    log.warning("a provider has lost a registration", listener=hex24(listener.id), trigger=listener.trigger_name)
    listeners.register(listener)
    listeners.note_repair(listener)


@transaction.atomic
def success(claim: Claim, before: Listener) -> None:
    """Locked, so that one who ends it just now is either seen here or finds the work unheld."""
    rows = Listener.objects.select_for_update(of=("self",)).select_related("trigger")
    listener = rows.filter(pk=before.pk).first()
    if listener is None:
        work.finish([claim])
    elif before.state == State.ENDING:
        work.finish([claim])
        listener.delete()
    elif listener.state == State.ENDING:
        work.wait_seconds(claim, 0, reason="it was ended")
    elif running.has_hook(listener, running.CHECK):
        Listener.objects.filter(pk=listener.pk).update(checked_at=clock.now(), failures=0, reason="")
        work.wait_until(claim, clock.now() + listeners.CHECK_EVERY, reason="until the provider is asked again")
    else:
        work.finish([claim])


@transaction.atomic
def failure(claim: Claim, before: Listener, error: DomainError) -> None:
    """Tried again, longer and longer. In the end a registration is failed, and one to be taken back is forgotten."""
    listener = Listener.objects.select_for_update().filter(pk=before.pk).first()
    if listener is None:
        work.finish([claim])
        return
    if listener.state != before.state:
        work.wait_seconds(claim, 0, reason="it was ended")
        return
    listener.failures += 1
    listener.reason = error.message[:500]
    listener.save(update_fields=["failures", "reason", "updated_at"])
    if listener.failures < TRIES:
        pause = min(FIRST_PAUSE * 2 ** (listener.failures - 1), LONGEST_PAUSE)
        work.wait_seconds(claim, pause, reason=error.message)
    elif listener.state == State.ENDING:
        log.warning("a registration could not be taken back", listener=hex24(listener.id), reason=error.message)
        work.finish([claim])
        listener.delete()
    elif listener.state == State.REGISTERING:
        listeners.fail_listener(before, error)
        work.finish([claim])
    else:
        work.wait_seconds(claim, LONGEST_PAUSE, reason=error.message)


@transaction.atomic
def poison(claim: Claim, reason: str) -> None:
    Listener.objects.filter(pk=claim.target_id).update(reason=reason[:500], state=State.FAILED)
    work.finish([claim])


LISTENER_KIND = WorkKind(name=listeners.LISTENER, handle=handle, poison=poison)
