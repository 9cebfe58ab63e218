"""The test of an alarm: a real message to each of its channels, at once, and what came of it.

The same rows and the same sending as any other message; a test that its process is lost in is sent by a worker.
"""

from django.db import transaction

from apps.alarms import queue, telling
from apps.alarms.models import Alarm, Message
from apps.alarms.services import ALARMS, rule_of
from apps.audit.services import record
from apps.core import clock
from apps.core.actors import Actor, Verb
from apps.work import leases


def send_test(*, actor: Actor, alarm: Alarm) -> list[Message]:
    """Outside any transaction. Each message is tried once."""
    ALARMS.require(actor=actor, verb=Verb.EDIT, row=alarm)
    with transaction.atomic():
        made = telling.write_tests(alarm, rule_of(alarm), now=clock.now())
        record(
            actor=actor, event="test", resource_type="alarm", resource_id=alarm.id, resource_name=alarm.name,
            integration_id=alarm.integration_id,
        )  # fmt: skip
    leases.hold([claim for _, claim in made])
    found = []
    try:
        for _, claim in made:
            found.append(queue.send_one(claim, once=True))
    finally:
        leases.let_go([claim for _, claim in made])  # else they would be renewed, and never lapse
    return [message for message in found if message is not None]
