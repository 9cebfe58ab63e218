"""How long due work has waited for a worker, lane by lane; for as long as the window says."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from apps.alarms.kinds.base import AlarmKind, Reading, Subject
from apps.alarms.rules import NONE, Limits, Rule
from apps.work import nodes
from apps.work.models import Lane, WorkItem

MOST_COUNTED = 1000
AT_LEAST = timedelta(seconds=1)


def read(organization_id: uuid.UUID, rules: Sequence[Rule], now: datetime) -> list[dict[str, Reading]]:
    """One short read a lane, by the index that claims go by. The window is judged by how long the lag has stood."""
    lags: list[tuple[Subject, float]] = []
    for lane in Lane.values:
        rows = WorkItem.objects.filter(
            organization_id=organization_id, lane=lane, parked_on="", lease_until__isnull=True, due_at__lte=now
        )
        due = list(rows.order_by("due_at").values_list("due_at", flat=True)[:MOST_COUNTED])
        if due:
            lag, living = (now - due[0]).total_seconds(), len(nodes.draining(lane))
            message = sentence(len(due), lag, living=living)
            lags.append((Subject(kind="lane", id=lane, name=lane, message=message, since=due[0]), lag))
    return [reading_of(lags, rule) for rule in rules]


def reading_of(lags: Sequence[tuple[Subject, float]], rule: Rule) -> dict[str, Reading]:
    found: dict[str, Reading] = {}
    for subject, lag in lags:
        if lag < rule.threshold + rule.window.total_seconds():
            continue
        key = "" if rule.group_by == NONE else subject.key
        reading = found.setdefault(key, Reading([], value=0.0, since=subject.since))
        reading.subjects.append(subject)
        reading.value = max(reading.value or 0.0, round(lag, 1))
    return found


def sentence(count: int, lag: float, *, living: int) -> str:
    number = f"{count} or more" if count == MOST_COUNTED else str(count)
    who = f"{living} living worker(s) drain it" if living else "no living worker drains it"
    return f"{number} due item(s) wait, the oldest for {lag / 60:.0f} min; {who}."


def suspects(now: datetime) -> Iterable[uuid.UUID]:
    """Work that is due for a second is every worker's daily bread."""
    due = WorkItem.objects.filter(parked_on="", lease_until__isnull=True, due_at__lt=now - AT_LEAST)
    return due.order_by().values_list("organization_id", flat=True).distinct()


QUEUE_LAG = AlarmKind(
    name="queue_lag",
    title="Work waits for workers",
    advice="Look at the dashboard: does a worker live? If none does, start one (manage.py worker, or up). If they are"
    " busy, start more of them, or look at the work items for what keeps them.",
    limits=Limits(threshold=300, most=7 * 86400, window=0, counts=False, least_window=0, scopes=()),
    threshold_means="seconds that the oldest due work item has waited",
    counted=("", ""),
    read=read,
    suspects=suspects,
)
