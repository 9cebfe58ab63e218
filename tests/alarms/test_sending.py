"""One message to one channel: tried until it is taken, known for a repeat, sent though no worker lives; the test."""

from datetime import timedelta

import pytest
from django.db import transaction

from apps.alarms import duties, queue
from apps.alarms.models import Message
from apps.alarms.telling import SEND
from apps.audit.models import AuditEntry
from apps.core import clock
from apps.work import claims, nodes
from apps.work.models import Node, WorkItem
from tests.alarms.conftest import SECRET, dispatch, make_due, received, run, slack, webhook, work_off
from tests.systems import Answer

pytestmark = pytest.mark.django_db
State = Message.State


class WorkerDied(BaseException):
    """What a kill looks like from inside: no handler gets to catch it."""


def test_what_is_not_taken_is_tried_again_and_then_given_up(make, organization, receiver, mailbox):
    receiver.routes["POST /alarms"] = lambda call: Answer(503, {"error": "down"})
    make(channels=[webhook(receiver)])
    run(organization)
    work_off()
    for attempt, pause in enumerate(queue.RETRY_AFTER, start=1):
        message = Message.objects.get()
        assert (message.state, message.attempts, message.status) == ("pending", attempt, 503)
        assert message.outcome.startswith("Answered 503: ")
        waits = (message.next_at - message.updated_at).total_seconds()
        assert pause * 0.9 < waits < pause * 1.2
        make_due()
        work_off()
    message = Message.objects.get()
    assert (message.state, message.attempts, len(message.log)) == ("failed", 9, 9)
    ids = {call.headers["webhook-id"] for call in receiver.made("POST /alarms")}
    assert ids == {f"msg_{message.hex_id}"}
    assert not WorkItem.objects.exists()


def test_a_mail_server_that_refuses_for_good_is_not_asked_again(make, organization, mailbox):
    mailbox.answers += ["451 later", "554 never"]
    make()
    run(organization)
    work_off()
    assert Message.objects.get().outcome == "The mail server answered 451 later."
    make_due()
    work_off()
    message = Message.objects.get()
    assert (message.state, message.attempts, message.outcome) == (
        "failed", 2, "The mail server answered 554 never.",
    )  # fmt: skip


def test_a_repeat_after_a_lost_worker_keeps_its_ids_and_slack_is_told_in_words(
    make, organization, mailbox, receiver, monkeypatch
):
    make(channels=[{"type": "email", "to": ["night@acme.example"]}, slack(receiver), webhook(receiver)])
    run(organization)
    work_off("interactive")
    settle = queue.settle
    monkeypatch.setattr(queue, "settle", die)
    for _ in range(3):
        (claim,) = claims.claim_next("housekeeping")
        with pytest.raises(WorkerDied):
            queue.send([claim])
    assert Message.objects.filter(begun_at__isnull=False, state="pending").count() == 3
    monkeypatch.setattr(queue, "settle", settle)
    make_due()
    work_off()
    assert set(Message.objects.values_list("state", "attempts")) == {("sent", 2)}
    first, second = mailbox.letters
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_content() == second.get_content()
    assert len({call.headers["webhook-id"] for call in receiver.made("POST /alarms")}) == 1
    assert len(received(receiver)) == 2
    texts = [call.json["text"] for call in receiver.made("POST /slack")]
    assert ["Perhaps told before" in text for text in texts] == [False, True]


def die(*args, **kwargs):
    raise WorkerDied


def test_a_worker_that_was_overtaken_writes_nothing(make, organization, mailbox):
    make()
    run(organization)
    work_off("interactive")
    (old,) = claims.claim_next("housekeeping")
    make_due()
    (new,) = claims.claim_next("housekeeping")
    queue.send([new])
    with pytest.raises(Exception, match="taken over"):
        queue.send([old])
    assert len(mailbox.letters) == 1


def test_two_judgements_of_one_case_write_one_message(make, organization, mailbox, monkeypatch):
    make()
    run(organization)
    dispatch()
    monkeypatch.setattr(queue.work, "finish", die)
    (claim,) = claims.claim_kind("alarm", limit=1)
    with pytest.raises(WorkerDied), transaction.atomic():
        queue.judge([claim])
    monkeypatch.undo()
    assert Message.objects.count() == 0  # it died before its commit: nothing of it is there
    make_due()
    work_off()
    assert len(mailbox.letters) == 1


def test_a_mended_address_is_used_by_what_waits(make, organization, receiver, api):
    receiver.routes["POST /old"] = lambda call: Answer(404)
    alarm = make(channels=[{"type": "webhook", "url": f"{receiver.url}/old", "secret": SECRET}])
    run(organization)
    work_off()
    path = f"/v1/alarms/{alarm.hex_id}"
    document = api.get(path).json()
    document["channels"][0]["url"] = f"{receiver.url}/alarms"
    assert api.put(path, document).status_code == 200
    make_due()
    work_off()
    assert len(received(receiver)) == 1
    assert Message.objects.get().state == "sent"


def test_a_test_sends_real_messages_and_says_what_came_of_each(make, api, mailbox, receiver):
    receiver.routes["POST /slack"] = lambda call: Answer(403, raw=b"invalid_token")
    alarm = make(channels=[{"type": "email", "to": ["night@acme.example"]}, slack(receiver), webhook(receiver)])
    answer = api.post(f"/v1/alarms/{alarm.hex_id}/test")
    assert answer.status_code == 200
    found = answer.json()
    assert found["ok"] is False
    assert [(one["channel"], one["state"], one["outcome"]) for one in found["messages"]] == [
        ("email", "sent", "The mail server has taken it."),
        ("slack", "failed", "Answered 403: invalid_token"),
        ("webhook", "sent", "Answered 200."),
    ]
    assert mailbox.subjects == ["[Acme] Test of the alarm Execution failed"]
    assert "nothing is wrong" in mailbox.texts[0]
    assert received(receiver)[0]["type"] == "alarm.test"
    assert not WorkItem.objects.exists()
    assert AuditEntry.objects.filter(resource_type="alarm", event="test").count() == 1
    assert api.post(f"/v1/alarms/{alarm.hex_id}/test").json()["ok"] is False


@pytest.mark.django_db(transaction=True)
def test_without_a_living_worker_the_scheduler_judges_and_sends(make, organization, mailbox):
    make()
    run(organization)
    dispatch()
    nodes.beat(roles="worker")
    duties.last_resort()
    assert duties.work_off() == 0
    assert mailbox.letters == []  # somebody lives whose work it is
    Node.objects.update(seen_at=clock.now() - timedelta(minutes=2))
    duties.last_resort()
    duties._helper.join(30)
    assert mailbox.subjects == ["[Acme] Execution failed: flow Orders"]
    assert not WorkItem.objects.filter(kind__in=("alarm", SEND)).exists()
