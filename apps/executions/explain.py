"""Says in one sentence why an execution waits: whoever looks at it first needs no log.

The surprise: it guesses nothing. It reads what a claim would read, in the order in which a claim would be refused.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db.models import QuerySet

from apps.connections.models import Connection, Limit
from apps.core import clock
from apps.core.ids import hex24
from apps.executions import kinds
from apps.executions.models import TERMINAL, Execution, State
from apps.executions.services import WORK
from apps.work import nodes
from apps.work.models import WorkItem

Reason = Callable[[Execution], str]  # a sentence, or nothing
_reasons: list[Reason] = []
ENDED = {State.SUCCEEDED: "It has succeeded", State.FAILED: "It has failed", State.CANCELED: "It was canceled"}


def register_reason(find: Reason) -> None:
    """What upper apps know of their executions' waiting, in AppConfig.ready: asked while nobody works on one."""
    _reasons.append(find)


def explain(execution: Execution) -> str:
    """Ends with a full stop."""
    if execution.is_terminal:
        return ended(execution)
    own = WorkItem.objects.filter(kind=WORK, target_id=execution.id).first()
    parts = list(WorkItem.objects.filter(group_id=execution.id))
    if own is None and not parts:
        return "Nothing is left to go on with it: the scheduler's sweep takes it up within seconds, if one is running."
    prefix = "It is being canceled; " if execution.state == State.CANCELING else ""
    text = why(execution, own, parts)
    return f"{prefix}{text[0].lower()}{text[1:]}" if prefix else text


def ended(execution: Execution) -> str:
    at = f" at {shown(execution.ended_at)}" if execution.ended_at else ""
    said = execution.reason.rstrip(".")
    because = f": {said}" if said and execution.state != State.CANCELED else ""
    return f"{ENDED[State(execution.state)]}{at}{because}."


def why(execution: Execution, own: WorkItem | None, parts: list[WorkItem]) -> str:
    moment = clock.now()
    if own is not None and is_held(own, moment):
        return f"It is being worked on by {own.holder}{and_pages(parts, moment)}."
    if known := next(filter(None, (find(execution) for find in _reasons)), ""):
        return known
    waiting = [part for part in parts if not is_held(part, moment)]
    if own is None or (parts and own.due_at > moment and not own.parked_on):
        if held := [part for part in parts if is_held(part, moment)]:
            return f"It waits for {pages(len(held))} in the hands of {names(part.holder for part in held)}."
        return why_item(execution, waiting[0], moment, count=len(waiting)) if waiting else children_or(execution, own)
    if own.due_at > moment and not own.parked_on:
        return children_or(execution, own)
    return why_item(execution, own, moment)


def why_item(execution: Execution, item: WorkItem, moment: datetime, *, count: int = 0) -> str:
    """Why one item is not claimed, in the order of a claim's own conditions."""
    subject = pages(count).capitalize() if count else "It"
    verb = "wait" if count > 1 else "waits"
    if item.parked_on.startswith("wake:") and item.reason:
        return f"{subject} {verb}: {item.reason.rstrip('.')}."
    if item.parked_on:
        return f"{subject} {verb}, parked on {thing(item.parked_on)}."
    if item.due_at > moment:
        if held := pause_of(execution, moment):
            return f"{subject} {verb}: {held}."
        because = f": {item.reason.rstrip('.')}" if item.reason else ""
        return f"{subject} {verb} until {shown(item.due_at)}{because}."
    if before := WorkItem.objects.filter(serial_key=item.serial_key, id__lt=item.id).exclude(serial_key="").first():
        return f"{subject} {verb} behind {before.kind} {hex24(before.target_id)}, which has the same serial key."
    workers = nodes.draining(item.lane)
    if not workers:
        return f"{subject} {verb} for a worker: no living process drains the lane {item.lane}."
    ahead = due_before(item).count()
    queued = f"behind {others(ahead)} of its organization" if ahead else "next of its organization"
    return f"{subject} {verb} in the lane {item.lane}, {queued}, for one of {len(workers)} living workers."


def due_before(item: WorkItem) -> QuerySet[WorkItem]:
    same = WorkItem.objects.filter(lane=item.lane, organization_id=item.organization_id, parked_on="")
    return same.filter(due_at__lte=item.due_at).exclude(pk=item.pk)


def children_or(execution: Execution, own: WorkItem | None) -> str:
    child = execution.children.exclude(state__in=TERMINAL).order_by("id").first()
    if child is not None:
        return f"It waits for execution {child.hex_id} ({child.kind} {child.target_name}), which is {child.state}."
    if own is None:
        return "Its last page is through, and its end is being written."
    return why_item(execution, own, clock.now())


def pause_of(execution: Execution, moment: datetime) -> str:
    """The pause that a target has asked for, of one of its connections."""
    find = kinds.get(execution.kind).connections
    rows = Connection.objects.filter(organization_id=execution.organization_id, pk__in=find(execution) if find else [])
    owners = {row.borrows_from_id or row.id: row for row in rows}
    limit = Limit.objects.filter(pk__in=owners, paused_until__gt=moment).order_by("-paused_until").first()
    if limit is None or limit.paused_until is None:
        return ""
    because = f" ({limit.paused_reason.rstrip('.')})" if limit.paused_reason else ""
    return f"connection {owners[limit.pk].name} is paused until {shown(limit.paused_until)}{because}"


def thing(parked_on: str) -> str:
    kind, _, text = parked_on.partition(":")
    row = Connection.objects.filter(pk=uuid.UUID(text)).first() if kind == "connection" else None
    if row is None:
        return parked_on
    if row.offline_since is None:
        return f"connection {row.name}, which is not offline any more"
    return f"connection {row.name}, offline since {shown(row.offline_since)}: {row.offline_reason.rstrip('.')}"


def and_pages(parts: list[WorkItem], moment: datetime) -> str:
    held, parked = sum(is_held(part, moment) for part in parts), sum(bool(part.parked_on) for part in parts)
    some = [f"{pages(held)} under way" if held else "", f"{pages(parked)} parked" if parked else ""]
    left = len(parts) - held - parked
    some.append(f"{pages(left)} not begun" if left else "")
    told = [text for text in some if text]
    return f", with {' and '.join(told)}" if told else ""


def is_held(item: WorkItem, moment: datetime) -> bool:
    return item.lease_until is not None and item.lease_until > moment


def names(holders: Iterable[str]) -> str:
    counted = Counter(holders)
    return ", ".join(sorted(counted))


def others(count: int) -> str:
    return "one other" if count == 1 else f"{count} others"


def pages(count: int) -> str:
    return "one page" if count == 1 else f"{count} pages"


def shown(moment: datetime | None) -> str:
    """Today's by the clock, others with their day."""
    if moment is None:
        return "an unknown time"
    same_day = moment.date() == clock.now().date()
    return moment.strftime("%H:%M:%S UTC" if same_day else "%Y-%m-%d %H:%M UTC")
