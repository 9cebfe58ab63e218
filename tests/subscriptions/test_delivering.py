"""From an event to its subscribers: signed, once each, tried again as the schedule says, and no longer than that."""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from standardwebhooks import Webhook, WebhookVerificationError

from apps.core import clock
from apps.core.ids import new_id
from apps.events.models import Event
from apps.inbound.models import Listener
from apps.subscriptions import fanning, pushing, queue
from apps.subscriptions.models import Delivery, Subscription
from apps.work import doctor
from apps.work.models import WorkItem
from tests.subscriptions.conftest import (
    fire,
    happen,
    make_due,
    retry_now,
    secret_of,
    states,
    subscribe,
    work_off,
)

pytestmark = pytest.mark.django_db


def test_a_trigger_is_pushed_signed_to_its_subscriber(api, crm, receiver):
    subscription = subscribe(api, receiver.url)
    fire(crm, data={"name": "Ada"})
    work_off()
    (message,) = receiver.verified(secret_of(subscription))
    event = Event.objects.get()
    assert message["type"] == "lead.created"
    assert message["data"] == {"name": "Ada"}
    assert message["sequence"] == event.hex_id
    assert message["timestamp"].startswith(event.created_at.strftime("%Y-%m-%dT%H:%M:%S"))
    assert message["subscriptionId"] == str(subscription.id)
    assert Delivery.objects.get().state == "succeeded"
    assert not WorkItem.objects.exists()
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 40).verify(receiver.target.seen[0].body, receiver.target.seen[0].headers)


def test_every_subscription_to_a_trigger_gets_it_once(api, crm, receivers):
    ones = [receivers() for _ in range(3)]
    for one in ones:
        subscribe(api, one.url)
    fire(crm)
    work_off()
    assert [len(one.got) for one in ones] == [1, 1, 1]
    event = Event.objects.get()
    with transaction.atomic():
        fanning.add_deliveries(event, fanning.subscribers(event, None))  # a fan-out that was interrupted begins anew
    assert Delivery.objects.count() == 3
    work_off()
    assert [len(one.got) for one in ones] == [1, 1, 1]


def test_a_failed_push_is_tried_again_after_each_pause_and_then_is_a_dead_letter(api, crm, receivers):
    one = receivers(*[500] * 20)
    subscribe(api, one.url)
    fire(crm)
    work_off()
    delivery = Delivery.objects.get()
    start = clock.now()
    for attempt, pause in enumerate(queue.RETRY_AFTER, start=1):
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.status) == ("pending", attempt, 500)
        waited = (delivery.next_at - clock.now()).total_seconds()
        assert pause * 0.99 - 60 < waited + (clock.now() - start).total_seconds() < pause * 1.11 + 60
        item = WorkItem.objects.get()
        assert abs((item.due_at - delivery.next_at).total_seconds()) < 0.01
        retry_now()
        work_off("deliveries")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("failed", 10)
    assert len(one.got) == 10
    assert len(set(one.message_ids())) == 1  # so that a receiver knows a repeat
    assert len(delivery.log) == 10
    assert not WorkItem.objects.filter(kind="deliveries").exists()


def test_a_subscriber_that_was_down_gets_everything_when_it_is_back(api, crm, receivers):
    one = receivers(*[503] * 5)
    subscription = subscribe(api, one.url)
    for number in range(5):
        fire(crm, data={"number": number})
    work_off()
    subscription.refresh_from_db()
    assert subscription.failing_since is not None
    fire(crm, data={"number": 5})
    retry_now()
    work_off()
    subscription.refresh_from_db()
    assert subscription.failing_since is None
    assert states() == ["succeeded"] * 6
    assert {message["data"]["number"] for message in one.verified(secret_of(subscription))} == set(range(6))


def test_410_disables_the_subscription_and_gives_up_what_waits(api, crm, receivers):
    one = receivers(410)
    subscription = subscribe(api, one.url)
    fire(crm)
    work_off()
    fire(crm)
    work_off()
    subscription.refresh_from_db()
    assert not subscription.enabled
    assert "410" in subscription.reason
    assert states() == ["failed"]
    assert len(one.got) == 1
    assert not WorkItem.objects.filter(kind="deliveries").exists()


def test_five_days_of_failing_disable_and_tell_whoever_listens(api, crm, receivers, receiver, organization):
    broken = receivers(*[500] * 50)
    subscription = subscribe(api, broken.url)
    answer = api.post("/v1/subscriptions", {"url": receiver.url, "events": ["subscription.disabled"]})
    assert answer.status_code == 201
    fire(crm)
    work_off()
    with time_machine.travel(clock.now() + timedelta(days=5, minutes=1)):
        retry_now()
        work_off()
    subscription.refresh_from_db()
    assert not subscription.enabled
    assert subscription.reason.startswith("it has failed since")
    (told,) = [message for message in receiver.got if message["type"] == "subscription.disabled"]
    assert told["data"]["reason"] == subscription.reason


def test_a_subscription_that_is_deleted_while_a_push_is_on_its_way_leaves_nothing(api, crm, receiver):
    subscription = subscribe(api, receiver.url)
    fire(crm)
    work_off("interactive")
    sent = pushing.gateway.send_many

    def send_then_delete(*args, **kwargs):
        outcomes = sent(*args, **kwargs)
        assert api.delete(f"/v1/subscription/{subscription.id}?userId=ada@example.com").status_code == 200
        return outcomes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pushing.gateway, "send_many", send_then_delete)
        work_off("deliveries")
    assert len(receiver.target.seen) == 1
    assert not Subscription.objects.exists()
    assert not Delivery.objects.exists()
    work_off()
    assert not WorkItem.objects.exists()


def test_a_slow_subscriber_rests_while_others_are_served(api, crm, receivers, monkeypatch):
    monkeypatch.setattr(queue, "SLOW_SECONDS", 0.05)
    monkeypatch.setattr(queue, "TURN_SECONDS", 0.05)
    monkeypatch.setattr(queue, "BATCH", 2)
    slow, quick = receivers(seconds=0.1), receivers()
    slowly, quickly = subscribe(api, slow.url), subscribe(api, quick.url)
    for number in range(6):
        fire(crm, data={"number": number})
    work_off()
    assert len(quick.got) == 6
    assert len(slow.got) < 6
    slowly.refresh_from_db()
    quickly.refresh_from_db()
    assert slowly.rest_until is not None
    assert quickly.rest_until is None
    assert WorkItem.objects.get().reason == "the subscriber is slow"
    for _ in range(6):
        make_due()
        work_off()
    assert len(slow.got) == 6


def test_what_comes_while_a_subscription_is_held_is_not_forgotten(api, crm, receiver):
    subscribe(api, receiver.url)
    fire(crm, data={"number": 1})
    work_off("interactive")
    sent, done = pushing.gateway.send_many, []

    def send_then_fire(*args, **kwargs):
        outcomes = sent(*args, **kwargs)
        if not done:
            done.append(1)
            fire(crm, data={"number": 2})
            work_off("interactive")
        return outcomes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pushing.gateway, "send_many", send_then_fire)
        patch.setattr(queue, "TURN_SECONDS", 0)
        work_off()
    assert [message["data"]["number"] for message in receiver.got] == [1, 2]
    assert not WorkItem.objects.exists()


def test_ten_thousand_would_go_in_batches_that_keep_their_place(api, crm, organization, receiver, monkeypatch):
    subscription = subscribe(api, receiver.url)
    monkeypatch.setattr(fanning, "BATCH", 7)
    pattern = Listener.objects.get()
    for _ in range(24):
        listener = Listener.objects.get(pk=pattern.pk)
        listener.pk = None
        listener.id = new_id()
        listener.save(force_insert=True)
        copy = Subscription.objects.get(pk=subscription.pk)
        copy.id = new_id()
        copy.listener = listener
        copy.save(force_insert=True)
    fire(crm)
    assert work_off("interactive") == 2
    assert Delivery.objects.count() == 25
    assert Delivery.objects.values("subscription").distinct().count() == 25
    assert not fanning.FanOut.objects.exists()


def test_redirects_are_not_followed(api, crm, receiver):
    receiver.target.answer = lambda seen: (302, {"Location": receiver.target.url + "/elsewhere"}, {})
    subscribe(api, receiver.url)
    fire(crm)
    work_off()
    assert [seen.path for seen in receiver.target.seen] == ["/in"]
    assert Delivery.objects.get().status == 302


def test_an_inner_address_is_refused_where_the_deployment_does_not_allow_it(api, crm, receiver, settings):
    settings.JUNCTION_ALLOW_NETWORKS = []
    subscribe(api, receiver.url)
    fire(crm)
    work_off()
    assert not receiver.got
    assert "127.0.0.1" in Delivery.objects.get().message


def test_a_wait_that_a_subscriber_asks_for_is_kept(api, crm, receiver):
    receiver.target.answer = lambda seen: (429, {"Retry-After": "3600"}, {})
    subscribe(api, receiver.url)
    fire(crm)
    work_off()
    delivery = Delivery.objects.get()
    assert delivery.status == 429
    assert 3500 < (delivery.next_at - clock.now()).total_seconds() <= 3600


def test_the_doctor_finds_what_nobody_would_push(api, crm, receiver):
    subscription = subscribe(api, receiver.url)
    fire(crm)
    work_off("interactive")
    probes = ("deliveries without work", "fan-outs without work", "deliveries of disabled subscriptions")
    assert not doctor.examine(*probes)
    WorkItem.objects.all().delete()
    (finding,) = doctor.examine(*probes)
    assert finding.target_id == subscription.id


def test_own_events_reach_those_who_named_them(api, organization, receivers):
    failures, connections, all_of_it = receivers(), receivers(), receivers()
    for one, events in ((failures, ["execution.failed"]), (connections, ["connection.*"]), (all_of_it, ["*"])):
        assert api.post("/v1/subscriptions", {"url": one.url, "events": events}).status_code == 201
    happen(organization, "execution.failed", data={"execution": "x"})
    happen(organization, "connection.offline")
    assert happen(organization, "flow.saved") is not None
    work_off()
    assert [message["type"] for message in failures.got] == ["execution.failed"]
    assert [message["type"] for message in connections.got] == ["connection.offline"]
    assert sorted(message["type"] for message in all_of_it.got) == [
        "connection.offline", "execution.failed", "flow.saved",
    ]  # fmt: skip
    assert failures.got[0]["data"] == {"execution": "x"}


def test_nothing_is_written_where_nobody_listens(api, organization, receiver):
    api.post("/v1/subscriptions", {"url": receiver.url, "events": ["connection.*"]})
    assert happen(organization, "execution.failed") is None
