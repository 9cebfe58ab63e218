"""A worker's loop: claim, handle, again, until a lane is empty or the slice of time is over."""

import threading
import time
from collections.abc import Iterable
from datetime import timedelta

import structlog
from django.db import DatabaseError, connection, transaction

from apps.core.clock import now
from apps.core.ids import hex24
from apps.work import claims, kinds, leases, services, sql, wakeups
from apps.work.kinds import Claim, LeaseLostError
from apps.work.models import Lane

log = structlog.get_logger(__name__)
POISON_ATTEMPTS = 5
INTERNAL_ERROR = "an internal error"
FAULT_PAUSE_SECONDS = 5.0
REST_SECONDS = 600.0
# Between two items of a long lane, urgent ones are looked for at most this often.
URGENT_PROBE_SECONDS = 0.05
_stopping = threading.Event()


def stop_soon() -> None:
    """The process is about to end: drains claim nothing more, and handlers see that their slice is over."""
    _stopping.set()
    for claim in leases.held():
        claim.slice_ends = 0.0


def drain(lane: str) -> int:
    """Works a lane off; returns how many items were handled. Ends within the slice, waking the lane for the rest."""
    ends, probed, handled, spread = time.monotonic() + kinds.SLICE_SECONDS, 0.0, 0, False
    while time.monotonic() < ends and not _stopping.is_set():
        if lane != Lane.INTERACTIVE and time.monotonic() - probed > URGENT_PROBE_SECONDS:
            probed = time.monotonic()
            handled += handle(claims.claim_next(Lane.INTERACTIVE), ends)
        found = claims.claim_next(lane)
        if not found:
            return handled
        if not spread and claims.is_due(lane):
            wakeups.wake(lane)  # there is more: an idle worker may share it
            spread = True
        handled += handle(found, ends)
    wakeups.wake(lane)
    return handled


def handle(found: list[Claim], ends: float) -> int:
    if not found:
        return 0
    try:
        kind = kinds.get(found[0].kind)
        more = kind.together_with(found[0])
        if more:
            found += claims.claim_more(found[0], limit=more)
    except Exception:
        leases.let_go(found)  # else they would be renewed, and never lapse
        raise
    for claim in found:
        claim.slice_ends = ends
    poisoned = [claim for claim in found if claim.attempts >= POISON_ATTEMPTS]
    for claim in poisoned:
        guard(kind, [claim], poisoned=True)
    healthy = [claim for claim in found if claim.attempts < POISON_ATTEMPTS]
    if healthy:
        guard(kind, healthy)
    return len(found)


def guard(kind: kinds.WorkKind, found: list[Claim], *, poisoned: bool = False) -> None:
    """Whatever happens inside a handler, its claims end settled or lapse on their own."""
    with structlog.contextvars.bound_contextvars(organization=hex24(found[0].organization_id), work=kind.name):
        fault = "it was not settled"
        try:
            if poisoned and kind.poison is None:
                rest(found[0])
            elif poisoned and kind.poison is not None:
                kind.poison(found[0], why_given_up(found[0]))
            else:
                kind.handle(found)
        except LeaseLostError as error:
            fault = error.message
            log.info("work was taken over", reason=error.message)
        except DatabaseError as error:
            log.warning("the database failed; the work lapses and is taken up again", error=str(error))
            connection.close()
            leases.let_go(found)  # else they would be renewed, and never lapse
            return
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            log.exception("a handler failed; its work will be tried again", targets=[str(c.target_id) for c in found])
        give_back(found, fault=fault)


def rest(claim: Claim) -> None:
    with transaction.atomic():
        services.wait_until(claim, now() + timedelta(seconds=REST_SECONDS), reason=why_given_up(claim))


def why_given_up(claim: Claim) -> str:
    if claim.reason.startswith(INTERNAL_ERROR):
        return f"{INTERNAL_ERROR}, {claim.attempts} times{claim.reason.removeprefix(INTERNAL_ERROR)}"
    return f"worker lost {claim.attempts} times"


def give_back(claims: Iterable[Claim], *, fault: str = "") -> None:
    """What a handler has not settled is tried again a little later, at most POISON_ATTEMPTS times."""
    for claim in claims:
        if claim.settled:
            continue
        try:
            with transaction.atomic():
                sql.execute(
                    "UPDATE work_workitem SET attempts = attempts + 1 WHERE id = %s AND fence = %s",
                    [claim.id, claim.fence],
                )
                services.wait_seconds(
                    claim, FAULT_PAUSE_SECONDS * (claim.attempts + 1), reason=f"{INTERNAL_ERROR}: {fault}"
                )
        except LeaseLostError as error:
            log.info("work was taken over", reason=error.message)
        except DatabaseError as error:
            log.warning("work could not be given back; it lapses", error=str(error))
            connection.close()
            leases.let_go([claim])
