"""Saving and deleting alarms, switching them off and on, and waking whoever judges them."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, Min, OuterRef, Q, Subquery

from apps.alarms import secrets
from apps.alarms.kinds import KINDS, Subject
from apps.alarms.models import Alarm, Case, Firing, Message
from apps.alarms.rules import Rule, check_rule, read_rule
from apps.audit.services import record
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.core.ids import id_floor
from apps.integrations.resources import Draft, Resource
from apps.wire.stamps import stamp
from apps.work import services as work
from apps.work.models import Lane

JUDGE, SURVEY = "alarm", "alarm_survey"
KEEP_LOG, KEEP_CASES = timedelta(days=90), timedelta(days=8)  # cases: longer than any window
PRUNE_BATCH = 2000
COLUMNS = ("name", "kind", "enabled")
SHAPE = ("kind", "scope", "groupBy")  # a change of one of these makes what fires meaningless


class AlarmResource(Resource[Alarm]):
    """The surprise: a change of what an alarm looks at ends what fires, without a word to anybody."""

    kind = "alarm"
    model = Alarm
    columns = frozenset(COLUMNS)
    computed = frozenset({"state", "firingSince", "numFiring", "lastToldAt"})

    def readable(self, actor: Actor) -> Any:
        live = Firing.objects.filter(alarm=OuterRef("pk"), ended_at=None).order_by().values("alarm")
        told = Message.objects.filter(alarm=OuterRef("pk")).order_by("-id").values("created_at")[:1]
        return Alarm.objects.for_actor(actor).annotate(
            num_firing=Subquery(live.annotate(found=Count("pk")).values("found")),
            firing_since=Subquery(live.annotate(found=Min("since")).values("found")),
            last_told_at=Subquery(told),
        )

    def check(self, draft: Draft[Alarm]) -> None:
        document = draft.document
        limits = KINDS[document["kind"]].limits

        def fail(path: str, message: str) -> None:
            draft.fail(path, message)

        check_rule(document, limits=limits, fail=fail)

    def fill(self, draft: Draft[Alarm]) -> None:
        row, old = draft.row, {} if draft.is_new else draft.row.document
        row.name, row.kind = draft.document["name"], draft.document["kind"]
        row.enabled = draft.document.get("enabled") is not False
        row.integration_id = draft.ids.get("scope._integrationId")
        sealed = draft.try_check(
            lambda: secrets.seal(draft.document, alarm_id=row.id, old=old, envelope=bytes(row.secret))
        )
        if sealed:
            draft.document, row.secret = sealed

    def members(self, row: Alarm) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": row.name, "kind": row.kind, "enabled": row.enabled}
        if "num_firing" not in row.__dict__:  # as it is while it is saved: the audit compares no states
            return shown
        number: int = row.num_firing or 0  # type: ignore[attr-defined]
        state = "firing" if number else "ok"
        return shown | {
            "state": state if row.enabled else "off",
            "numFiring": number,
            "firingSince": stamp(row.firing_since),  # type: ignore[attr-defined]
            "lastToldAt": stamp(row.last_told_at),  # type: ignore[attr-defined]
        }

    def save(self, *, actor: Actor, row: Alarm, document: dict[str, Any], is_new: bool) -> Alarm:
        before = {} if is_new else self.show(row)
        saved = super().save(actor=actor, row=row, document=document, is_new=is_new)
        after = self.show(saved)
        if not saved.enabled:
            end_firings(saved, reason="the alarm was switched off")
        elif not is_new and any(before.get(name) != after.get(name) for name in SHAPE):
            end_firings(saved, reason="the alarm was changed")
        wake([saved.id], organization_id=saved.organization_id)
        found: Alarm = self.readable(actor).get(pk=saved.pk)
        return found

    def deleting(self, *, actor: Actor, row: Alarm) -> None:
        work.drop_target(kind=JUDGE, target_id=row.id)
        pending = Message.objects.filter(alarm=row, state=Message.State.PENDING)
        pending.update(state=Message.State.FAILED, outcome="The alarm was deleted before it was sent.")


ALARMS = AlarmResource()


def rule_of(alarm: Alarm) -> Rule:
    """Without the secrets of its channels, which only sending needs."""
    return read_rule(alarm.document, kind=alarm.kind, limits=KINDS[alarm.kind].limits)


def case_of(alarm: Alarm, rule: Rule, subject: Subject, *, case_id: uuid.UUID, at: datetime) -> Case:
    about = {**subject.document(), "key": subject.key, "title": subject.title}
    return Case(alarm=alarm, event_id=case_id, group_key=subject.group(rule), at=at, subject=about)


def end_firings(alarm: Alarm, *, reason: str) -> None:
    """In the caller's transaction; nobody is told."""
    Firing.objects.filter(alarm=alarm, ended_at=None).update(ended_at=clock.now(), ended_by=reason[:200])
    Firing.objects.filter(alarm=alarm, held=True).update(held=False)
    Case.objects.filter(alarm=alarm).delete()


@transaction.atomic
def switch(*, actor: Actor, alarm: Alarm, enabled: bool) -> Alarm:
    """Off: what fires ends without a word. On: it counts from now."""
    row = Alarm.objects.select_for_update().get(pk=alarm.pk)
    ALARMS.require(actor=actor, verb=Verb.EDIT, row=row)
    if row.enabled != enabled:
        Alarm.objects.filter(pk=row.pk).update(enabled=enabled, revision=F("revision") + 1, updated_at=clock.now())
        changes = [{"fieldPath": "enabled", "oldValue": row.enabled, "newValue": enabled}]
        record(
            actor=actor, event="update", resource_type="alarm", resource_id=row.id, resource_name=row.name,
            integration_id=row.integration_id, changes=changes,
        )  # fmt: skip
    row.enabled = enabled
    if not enabled:
        end_firings(row, reason="the alarm was switched off")
    wake([row.id], organization_id=row.organization_id)
    return row


def wake(ids: Sequence[uuid.UUID], *, organization_id: uuid.UUID, kind: str = JUDGE) -> None:
    """In the caller's transaction: these alarms are to be judged."""
    work.ensure_many(kind=kind, lane=Lane.INTERACTIVE, organization_id=organization_id, target_ids=list(ids))


def look() -> int:
    """Wakes the alarms that fire or hold something back, and those that gather where there may be something; of those
    that measure, one survey for all of an organization. Answers how much it woke. A few queries for all organizations,
    and a statement for each with something to wake.
    """
    now = clock.now()
    live = Firing.objects.filter(Q(ended_at=None) | Q(held=True), alarm=OuterRef("pk"))
    looking = {kind.name: kind for kind in KINDS.values() if kind.looks}
    suspects = {name: set(kind.suspects(now)) for name, kind in looking.items() if kind.suspects is not None}
    rows = Alarm.objects.filter(enabled=True).annotate(is_live=Exists(live)).order_by("organization_id", "id")
    woken: dict[uuid.UUID, list[uuid.UUID]] = {}
    surveyed: set[uuid.UUID] = set()
    found = rows.filter(Q(kind__in=list(looking)) | Q(is_live=True))
    for organization_id, alarm_id, kind, is_live in found.values_list("organization_id", "id", "kind", "is_live"):
        if not is_live and organization_id not in suspects.get(kind, {organization_id}):
            continue
        if not is_live and looking[kind].read is not None:
            surveyed.add(organization_id)
        else:
            woken.setdefault(organization_id, []).append(alarm_id)
    for organization_id, ids in woken.items():
        with transaction.atomic():
            wake(ids, organization_id=organization_id)
    for organization_id in surveyed:
        with transaction.atomic():
            wake([organization_id], organization_id=organization_id, kind=SURVEY)
    return sum(map(len, woken.values())) + len(surveyed)


def prune(*, now: datetime | None = None, batch: int = PRUNE_BATCH) -> int:
    """Forgets messages, ended firings and judged cases that are old, in short transactions; answers how many."""
    moment, deleted = now or clock.now(), 0
    floor = id_floor(moment - KEEP_LOG)
    old: list[Any] = [
        Case.objects.filter(at__lt=moment - KEEP_CASES, judged=True),
        Message.objects.filter(id__lt=floor).exclude(state=Message.State.PENDING),
        Firing.objects.filter(id__lt=floor, ended_at__isnull=False, held=False),
    ]
    for rows in old:
        while True:
            ids = list(rows.order_by("pk").values_list("pk", flat=True)[:batch])
            if ids:
                deleted += rows.model.objects.filter(pk__in=ids).delete()[0]
            if len(ids) < batch:
                break
    return deleted
