"""Judging one alarm: what counts, what fires, what is over, and what is to be told of it. One worker at a time.

The surprise: messages are rows, written in the same transaction as what they tell; so each is made once, whoever is
killed when. What sends them is `queue`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.accounts.console.display import span
from apps.alarms import telling
from apps.alarms.kinds import KINDS, AlarmKind, Reading
from apps.alarms.kinds.naming import name_of
from apps.alarms.models import Alarm, Case, Firing, Message
from apps.alarms.rules import INTEGRATION, TARGET, Rule
from apps.alarms.services import case_of, rule_of
from apps.core import clock
from apps.core.ids import parse_id

BATCH = 2000
KEPT_SUBJECTS = 100
CALM = timedelta(hours=24)
What = Message.What


@dataclass
class Verdict:
    """What one look has found; `told` by firing."""

    alarm: Alarm
    rule: Rule
    kind: AlarmKind
    now: datetime

    def __post_init__(self) -> None:
        open_ones = Firing.objects.filter(alarm=self.alarm, ended_at=None)
        self.open = {firing.group_key: firing for firing in open_ones}
        self.touched: dict[str, Firing] = {}

    @property
    def is_quiet(self) -> bool:
        quiet = self.rule.quiet
        return quiet is not None and not self.rule.urgent and quiet.until(self.now) is not None


def judge(alarm: Alarm) -> bool:
    """In a transaction that holds the alarm's lock. Answers whether cases are left that nobody has looked at."""
    if not alarm.enabled:
        Case.objects.filter(alarm=alarm, judged=False).update(judged=True)
        return False
    look = Verdict(alarm, rule_of(alarm), KINDS[alarm.kind], clock.now())
    if look.kind.gather is not None:
        gather(look)
    more = take_cases(look)
    if look.kind.read is not None:
        [readings] = look.kind.read(alarm.organization_id, [look.rule], look.now)
        take_readings(look, readings)
    ended = find_recovered(look)
    for firing in look.open.values():
        tell_if_due(look, firing)
    for firing in ended:
        tell_recovery(look, firing)
    for firing in [*look.open.values(), *ended]:
        firing.save()
    if not look.is_quiet:
        tell_digest(look)
    return more


def gather(look: Verdict) -> None:
    assert look.kind.gather is not None  # noqa: S101 - asked by the caller
    cases = []
    for case_id, at, subject in look.kind.gather(look.alarm.organization_id, look.now):
        if look.kind.in_scope is None or look.kind.in_scope(subject, look.rule.scope):
            cases.append(case_of(look.alarm, look.rule, subject, case_id=case_id, at=at))
    Case.objects.bulk_create(cases, ignore_conflicts=True)


def take_cases(look: Verdict) -> bool:
    rows = Case.objects.filter(alarm=look.alarm, judged=False).order_by("id")
    cases = list(rows[:BATCH])
    Case.objects.filter(pk__in=[case.pk for case in cases]).update(judged=True)
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group_key, []).append(case)
    for key, new in groups.items():
        firing = look.open.get(key)
        counted = new if firing is not None else in_window(look, key)
        if firing is None:
            if sum(case.subject.get("times", 1) for case in counted) < look.rule.threshold:
                continue
            firing = begin(look, key, title_of(look.rule, key, counted[0].subject), since=counted[0].at)
        for case in counted:
            add(firing, case.subject, at=case.at, times=case.subject.get("times", 1))
    return len(cases) == BATCH


def in_window(look: Verdict, key: str) -> list[Case]:
    """Those that count towards the threshold; what has fired and recovered does not count again."""
    since = look.now - look.rule.window
    last = Firing.objects.filter(alarm=look.alarm, group_key=key, ended_at__gt=since).order_by("-ended_at").first()
    if last is not None and last.ended_at is not None:
        since = max(since, last.last_at)
    rows = Case.objects.filter(alarm=look.alarm, group_key=key, judged=True, at__gt=since).order_by("at", "id")
    return list(rows[:BATCH])


def take_readings(look: Verdict, readings: Mapping[str, Reading]) -> None:
    for key, reading in readings.items():
        firing = look.open.get(key)
        if firing is None:
            first = reading.subjects[0]
            title = title_of(look.rule, key, {**first.document(), "title": first.title})
            firing = begin(look, key, title, since=reading.since or look.now)
        known, firing.subjects = firing.subjects, {}
        for subject in reading.subjects:
            before = known.get(subject.key)
            at = subject.since or look.now
            add(firing, {**subject.document(), "key": subject.key}, at=at, times=0 if before else 1)
        firing.value, firing.last_at, firing.count = reading.value, look.now, len(reading.subjects)
        if reading.value is not None and firing.told_at is not None:
            firing.untold = max(firing.untold, 1)  # it goes on: that is worth a word each period
    for key, firing in look.open.items():
        if key not in readings:
            end(firing, look.now, reason="It is below the threshold again." if firing.value is not None else "")


def begin(look: Verdict, key: str, title: str, *, since: datetime) -> Firing:
    firing = Firing(alarm=look.alarm, group_key=key, title=title[:200], since=since, last_at=since)
    look.open[key] = firing
    return firing


def add(firing: Firing, about: Mapping[str, Any], *, at: datetime, times: int) -> None:
    firing.count += times
    firing.untold += times
    firing.last_at = max(firing.last_at, at)
    known = firing.subjects.get(about["key"])
    if known is None and len(firing.subjects) >= KEPT_SUBJECTS:
        return
    since, count = (known["since"], known["count"]) if known else (at.isoformat(), 0)
    shown = {name: about[name] for name in ("kind", "id", "name", "message", "page")}
    firing.subjects[about["key"]] = {**shown, "since": since, "last": at.isoformat(), "count": count + times}


def find_recovered(look: Verdict) -> list[Firing]:
    """Takes what is over out of the open firings."""
    for firing in look.open.values():
        if firing.ended_at is not None or look.kind.read is not None or firing._state.adding:
            continue
        works = look.kind.recovered(look.alarm.organization_id, firing.subjects) if look.kind.recovered else ()
        for key in works:
            firing.subjects[key]["recovered"] = look.now.isoformat()
        if all(subject.get("recovered") for subject in firing.subjects.values()):
            end(firing, look.now, reason="It works again.")
        elif look.now - firing.last_at > max(CALM, look.rule.window):
            end(firing, look.now, reason=f"Nothing more came for {span(look.now - firing.last_at)}.")
    ended = [firing for firing in look.open.values() if firing.ended_at is not None]
    look.open = {key: firing for key, firing in look.open.items() if firing.ended_at is None}
    return ended


def end(firing: Firing, now: datetime, *, reason: str) -> None:
    firing.ended_at, firing.ended_by = now, reason


def tell_if_due(look: Verdict, firing: Firing) -> None:
    """The first time at once, then at most once a period, with what has come since."""
    first = firing.tellings == 0
    if not first and (firing.untold == 0 or firing.told_at is None or look.now - firing.told_at < look.rule.period):
        return
    if look.is_quiet or firing.held:
        firing.held = True
        return
    telling.tell(look.alarm, look.rule, look.kind, What.FIRING if first else What.STILL_FIRING, [firing], now=look.now)


def tell_recovery(look: Verdict, firing: Firing) -> None:
    if firing.held or not look.rule.tells_recovery:
        return
    if look.is_quiet:
        firing.held = True
        return
    telling.tell(look.alarm, look.rule, look.kind, What.RECOVERED, [firing], now=look.now)


def tell_digest(look: Verdict) -> None:
    """After quiet hours, all that they held back is one message."""
    held = list(Firing.objects.filter(alarm=look.alarm, held=True).order_by("since", "id"))
    if held:
        telling.tell(look.alarm, look.rule, look.kind, What.DIGEST, held, now=look.now)
    for firing in held:
        firing.held = False
        firing.save()


def title_of(rule: Rule, key: str, about: Mapping[str, Any]) -> str:
    if rule.group_by == TARGET:
        return str(about["title"])
    if rule.group_by == INTEGRATION:
        folder = parse_id(key.partition(":")[2])
        return f"integration {name_of('integration', folder)}" if folder else "outside all integrations"
    return "the whole organization" if not rule.scope.integration_id else "the whole integration"
