"""Making messages: what happened, since when, how often, what to do, and where to look. One row a channel.

A message says all a person needs at night: its text is made when it is sent, from what is kept here, so that a repeat
reads the same.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.console.names import address_of
from apps.alarms import secrets
from apps.alarms.channels import CHANNELS
from apps.alarms.kinds import KINDS, AlarmKind
from apps.alarms.kinds.naming import page_url, public
from apps.alarms.models import Alarm, Firing, Message
from apps.alarms.rules import Rule
from apps.alarms.texts import subject_of
from apps.core.ids import hex24, new_id
from apps.wire.stamps import stamp
from apps.work import services as work
from apps.work.models import Lane

SEND = "alarm_message"
SUBJECTS_SHOWN, FIRINGS_SHOWN = 10, 50
What = Message.What


def tell(
    alarm: Alarm, rule: Rule, kind: AlarmKind, what: str, firings: Sequence[Firing], *, now: datetime
) -> list[Message]:
    """Writes a message for each channel, in the caller's transaction, and marks the firings as told."""
    content = content_of(alarm, rule, kind, firings, now=now)
    messages = write(alarm, what, content)
    ids = [message.id for message in messages]
    work.add_many(
        kind=SEND, lane=Lane.HOUSEKEEPING, organization_id=alarm.organization_id, target_ids=ids, group_id=alarm.id
    )
    for firing in firings:
        firing.told_at, firing.untold = now, 0
        firing.tellings += 1
    return messages


def write(alarm: Alarm, what: str, content: dict[str, Any]) -> list[Message]:
    whole = secrets.unseal(alarm.document, bytes(alarm.secret), alarm_id=alarm.id)
    subject = subject_of(what, content)
    messages = [
        Message(
            id=new_id(), organization_id=alarm.organization_id, alarm=alarm, alarm_name=alarm.name,
            integration_id=alarm.integration_id, what=what, channel_id=channel["_id"], channel_type=channel["type"],
            recipient=CHANNELS[channel["type"]].recipient(channel), subject=subject, content=content,
        )
        for channel in whole["channels"]
    ]  # fmt: skip
    return Message.objects.bulk_create(messages)


def content_of(
    alarm: Alarm, rule: Rule, kind: AlarmKind, firings: Sequence[Firing], *, now: datetime
) -> dict[str, Any]:
    """What webhooks carry as `data`, and texts are made of."""
    return {
        "alarm": {
            "_id": alarm.hex_id,
            "name": alarm.name,
            "kind": alarm.kind,
            "title": kind.title,
            "urgent": rule.urgent,
            "threshold": rule.threshold,
            "thresholdMeans": kind.threshold_means,
            "counted": list(kind.counted),
            "url": public(address_of(alarm)),
        },
        "organization": {"_id": hex24(alarm.organization_id), "name": alarm.organization.name},
        "at": stamp(now),
        "timezone": rule.quiet.zone if rule.quiet else "UTC",
        "advice": kind.advice,
        "firings": [shown(firing) for firing in firings[:FIRINGS_SHOWN]],
        "numFirings": len(firings),
    }


def shown(firing: Firing) -> dict[str, Any]:
    subjects = sorted(firing.subjects.values(), key=lambda subject: str(subject["last"]), reverse=True)
    return {
        "title": firing.title,
        "state": "ok" if firing.ended_at else "firing",
        "since": stamp(firing.since),
        "lastAt": stamp(firing.last_at),
        "endedAt": stamp(firing.ended_at),
        "endedBy": firing.ended_by,
        "count": firing.count,
        "numUntold": firing.untold,
        "tellings": firing.tellings,
        "value": firing.value,
        "subjects": [shown_subject(subject) for subject in subjects[:SUBJECTS_SHOWN]],
        "numSubjects": len(subjects),
    }


def shown_subject(subject: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": subject["kind"],
        "_id": subject["id"],
        "name": subject["name"],
        "message": subject["message"],
        "since": subject["since"],
        "lastAt": subject["last"],
        "count": subject["count"],
        "url": page_url(*subject["page"]) if subject["page"] else "",
    }


@transaction.atomic
def write_tests(alarm: Alarm, rule: Rule, *, now: datetime) -> list[tuple[Message, Any]]:
    """A message for each channel that its caller sends: each comes with its claim, held from birth."""
    messages = write(alarm, What.TEST, content_of(alarm, rule, KINDS[alarm.kind], [], now=now))
    claims = work.add_claimed(
        kind=SEND, lane=Lane.HOUSEKEEPING, organization_id=alarm.organization_id,
        target_ids=[message.id for message in messages], group_id=alarm.id,
    )  # fmt: skip
    return list(zip(messages, claims, strict=True))
