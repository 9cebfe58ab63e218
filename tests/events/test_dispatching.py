from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError

from apps.core import clock
from apps.events import consumers, queue
from apps.events.models import Event
from apps.work.drain import POISON_ATTEMPTS
from apps.work.models import WorkItem
from tests.events.conftest import WorkerDied, make_due, work_off

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_consumer_gets_each_event_once(listen, happen):
    alarms, automations = listen("alarms"), listen("automations", prefixes=("order.",))
    happen("order.created")
    happen("flow.saved")
    assert work_off() == 2
    assert (alarms.got, automations.got) == (["order.created", "flow.saved"], ["order.created"])
    assert not WorkItem.objects.exists()
    assert not Event.objects.exclude(waiting_for="").exists()


def test_a_worker_that_dies_between_two_consumers_repeats_neither(listen, happen):
    first, second, third = listen("first"), listen("second"), listen("third")
    happen()
    second.trouble = [WorkerDied()]
    with pytest.raises(WorkerDied):
        work_off()
    assert (first.got, second.got, third.got) == (["order.created"], [], [])
    assert work_off() == 0  # its lease still runs
    make_due()
    work_off()
    assert first.got == second.got == third.got == ["order.created"]
    assert not WorkItem.objects.exists()


def test_a_consumer_that_fails_holds_up_nobody_and_is_tried_again_later(listen, happen):
    first, second = listen("first"), listen("second")
    first.trouble = [KeyError("total"), KeyError("total")]
    event = happen()
    work_off()
    assert (first.got, second.got) == ([], ["order.created"])
    event.refresh_from_db()
    assert event.consumers_left == ["first"]
    assert event.failures["first"]["message"] == "KeyError: 'total'"
    item = WorkItem.objects.get()
    assert item.reason == "retry of first"
    assert 0 < (item.due_at - clock.now()).total_seconds() <= queue.RETRY_AFTER[0]
    with time_machine.travel(clock.now() + timedelta(seconds=6)):
        make_due()
        work_off()
    with time_machine.travel(clock.now() + timedelta(seconds=60)):
        make_due()
        work_off()
    event.refresh_from_db()
    assert (first.got, second.got) == (["order.created"], ["order.created"])
    assert (event.consumers_left, event.failures) == ([], {})
    assert not WorkItem.objects.exists()


def test_each_consumer_keeps_its_own_time_of_retry(listen, happen):
    slow, quick = listen("slow"), listen("quick")
    slow.trouble, quick.trouble = [ValueError()] * 2, [ValueError()] * 2
    event = happen()
    work_off()
    slow.trouble = [ValueError()] * 5
    Event.objects.filter(pk=event.pk).update(
        failures={
            "slow": {"attempts": 4, "message": "", "retry_at": (clock.now() + timedelta(hours=1)).isoformat()},
            "quick": {"attempts": 1, "message": "", "retry_at": clock.now().isoformat()},
        }
    )
    quick.trouble = []
    make_due()
    work_off()
    event.refresh_from_db()
    assert quick.got == ["order.created"]
    assert len(slow.trouble) == 5  # it was not its turn
    assert (WorkItem.objects.get().due_at - clock.now()).total_seconds() > 3500


def test_after_its_last_retry_an_event_is_kept_as_undelivered(listen, happen):
    broken, other = listen("broken"), listen("other")
    broken.trouble = [ValueError("no")] * 50
    event = happen()
    passed = timedelta()
    for pause in (0, *queue.RETRY_AFTER):
        passed += timedelta(seconds=pause + 1)
        with time_machine.travel(clock.now() + passed):
            make_due()
            work_off()
    assert not WorkItem.objects.exists()
    assert list(Event.objects.undelivered()) == [event]
    event.refresh_from_db()
    assert event.failures["broken"] == {"attempts": len(queue.RETRY_AFTER) + 1, "message": "ValueError: no"}
    assert other.got == ["order.created"]


def test_a_failing_database_is_nobodys_failed_attempt(listen, happen):
    only = listen("only")
    only.trouble = [OperationalError("server closed the connection")]
    event = happen()
    work_off()
    event.refresh_from_db()
    assert (event.failures, event.consumers_left) == ({}, ["only"])
    make_due()
    work_off()
    assert only.got == ["order.created"]


def test_a_consumer_that_takes_workers_down_is_left_out_and_the_others_are_served(listen, happen):
    deadly, other = listen("deadly"), listen("other")
    deadly.trouble = [WorkerDied()] * 50
    event = happen()
    for _ in range(POISON_ATTEMPTS):
        with pytest.raises(WorkerDied):
            work_off()
        make_due()
    work_off()
    event.refresh_from_db()
    assert other.got == ["order.created"]
    assert event.failures["deadly"]["message"] == f"worker lost {POISON_ATTEMPTS} times"
    assert not WorkItem.objects.exists()


def test_a_consumer_that_is_no_longer_installed_is_written_down(listen, happen):
    listen("gone")
    event = happen()
    consumers._consumers.clear()
    work_off()
    event.refresh_from_db()
    assert event.failures["gone"]["message"] == "No such consumer is installed."
    assert not WorkItem.objects.exists()


def test_an_event_that_was_deleted_is_no_work(listen, happen):
    listen("only")
    happen()
    Event.objects.all().delete()
    assert work_off() == 1
    assert not WorkItem.objects.exists()


def test_a_holder_whose_work_was_taken_over_delivers_nothing(listen, happen):
    late, heir = listen("late"), listen("heir")

    def taken_over_meanwhile(event):
        WorkItem.objects.update(fence=99)

    consumers._consumers["late"] = consumers.EventConsumer(name="late", deliver=taken_over_meanwhile)
    happen()
    work_off()
    assert heir.got == late.got == []
    assert WorkItem.objects.get().fence == 99
