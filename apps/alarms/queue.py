"""The work kinds `alarm` (judge one alarm) and `alarm_message` (one message to one channel, tried until it is taken).

The surprise: before each attempt its beginning is committed. Who finds a begun one knows that it may have arrived, and
sends it under the same id: a webhook's receiver drops it, a mailbox knows its Message-ID, Slack is told in words.
"""

import random
from datetime import timedelta

import structlog
from django.db import transaction

from apps.alarms import judging, secrets, services
from apps.alarms.channels import CHANNELS, Outgoing, Sent
from apps.alarms.models import Alarm, Case, Message
from apps.alarms.rules import Channel, read_channel
from apps.alarms.telling import SEND
from apps.alarms.texts import text_of
from apps.core import clock
from apps.core.gateway import SendContext
from apps.core.vault import VaultError
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind

log = structlog.get_logger(__name__)
# Seconds after each failed attempt: five and a half hours in all. An alarm that comes later than that helps nobody.
RETRY_AFTER = (10, 60, 300, 900, 1800, 3600, 3600, 7200)
JITTER = 0.1
LOGGED = 10
State = Message.State


def judge(claims: list[Claim]) -> None:
    for claim in claims:
        judge_one(claim)


@transaction.atomic
def judge_one(claim: Claim) -> None:
    work.progress([claim])
    # Cases name the alarm by a foreign key: a full lock would hold up whoever writes one.
    rows = Alarm.objects.select_for_update(of=("self",), no_key=True).select_related("organization")
    alarm = rows.filter(pk=claim.target_id).first()
    more = judging.judge(alarm) if alarm is not None else False
    work.finish([claim])
    # What came while this held the work made no item of its own.
    if alarm is not None and (more or Case.objects.filter(alarm=alarm, judged=False).exists()):
        services.wake([alarm.id], organization_id=alarm.organization_id)


def send(claims: list[Claim]) -> None:
    for claim in claims:
        send_one(claim)


def send_one(claim: Claim, *, once: bool = False) -> Message | None:
    """One attempt; `once`: a test, which is not tried again. Answers the message as it is then."""
    message, repeated = begin(claim)
    if message is None:
        return None
    sent = attempt(message, repeated=repeated)
    return settle(claim, sent, once=once)


@transaction.atomic
def begin(claim: Claim) -> tuple[Message | None, bool]:
    work.progress([claim])
    message = Message.objects.select_for_update(of=("self",)).filter(pk=claim.target_id).first()
    if message is None or message.state != State.PENDING:
        work.finish([claim])
        return None, False
    repeated = message.begun_at is not None
    message.begun_at = clock.now()
    message.attempts += 1
    message.save(update_fields=["begun_at", "attempts", "updated_at"])
    return message, repeated


def attempt(message: Message, *, repeated: bool) -> Sent:
    try:
        channel = channel_of(message)
    except VaultError as error:
        return Sent(ok=False, outcome=str(error)[:300])
    if channel is None:
        return Sent(ok=False, outcome="The alarm does not have this channel any more.", final=True)
    outgoing = Outgoing(
        id=message.hex_id, subject=message.subject, text=text_of(message.what, message.content), data=message.content,
        type=f"alarm.{message.what}", moment=message.created_at, repeated=repeated,
    )  # fmt: skip
    kept = tuple(text for text in (channel.secret, channel.url if channel.type == "slack" else "") if text)
    context = SendContext(organization=message.organization_id.hex, step="alarm", secrets=kept)
    return CHANNELS[channel.type].send(outgoing, channel, context)


def channel_of(message: Message) -> Channel | None:
    """As the alarm has it now: a mended address is used by what waits already."""
    alarm = Alarm.objects.filter(pk=message.alarm_id).first() if message.alarm_id else None
    if alarm is None:
        return None
    whole = secrets.unseal(alarm.document, bytes(alarm.secret), alarm_id=alarm.id)
    found = (channel for channel in whole.get("channels") or [] if channel["_id"] == message.channel_id)
    channel = next(found, None)
    return read_channel(channel) if channel is not None else None


@transaction.atomic
def settle(claim: Claim, sent: Sent, *, once: bool) -> Message | None:
    work.progress([claim])
    message = Message.objects.select_for_update(of=("self",)).filter(pk=claim.target_id).first()
    if message is None:
        work.finish([claim])
        return None
    now = clock.now()
    message.begun_at, message.next_at, message.status = None, None, sent.status
    message.outcome = sent.outcome[:300]
    if sent.ok:
        message.state, message.sent_at = State.SENT, now
    else:
        entry = {"at": now.isoformat(timespec="seconds"), "status": sent.status, "message": message.outcome}
        message.log = [*message.log, entry][-LOGGED:]
        if once or sent.final or message.attempts > len(RETRY_AFTER):
            message.state = State.FAILED
            log.error("an alarm could not be told", alarm=message.alarm_name, to=message.channel_type)
        else:
            pause = RETRY_AFTER[message.attempts - 1] * random.uniform(1, 1 + JITTER)  # noqa: S311 - spreads
            due_at = now + timedelta(seconds=pause)
            message.next_at = max(due_at, sent.until) if sent.until else due_at
    message.save()
    if message.next_at is not None:
        work.wait_until(claim, message.next_at, reason=f"the {message.channel_type} message is tried again")
    else:
        work.finish([claim])
    return message


@transaction.atomic
def poison(claim: Claim, reason: str) -> None:
    rows = Message.objects.filter(pk=claim.target_id, state=State.PENDING)
    rows.update(state=State.FAILED, outcome=f"It takes workers down: {reason}"[:300], begun_at=None, next_at=None)
    work.finish([claim])


JUDGE_KIND = WorkKind(name=services.JUDGE, handle=judge)
SEND_KIND = WorkKind(name=SEND, handle=send, poison=poison)
