"""What happens in quiet hours is told after them in one message; what is urgent is told at once."""

from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine

from apps.alarms.models import Firing, Message
from apps.alarms.quiet import QuietHours
from apps.core.ids import new_id
from apps.executions.models import State
from tests.alarms.conftest import look, run, told, work_off

NIGHT = {"from": "22:00", "until": "07:00", "timezone": "Europe/Helsinki"}  # 20:00 to 05:00 UTC in winter


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-01-10T19:59", None),
        ("2026-01-10T20:00", "2026-01-11T05:00"),
        ("2026-01-11T04:59", "2026-01-11T05:00"),
        ("2026-01-11T05:00", None),
        ("2026-03-28T22:00", "2026-03-29T04:00"),  # the night in which the clocks go forward
        ("2026-10-24T21:00", "2026-10-25T05:00"),  # and back
    ],
)
def test_a_night_is_what_the_wall_clock_of_its_zone_says(moment, until):
    quiet = QuietHours(time(22), time(7), zone="Europe/Helsinki")
    assert quiet.until(utc(moment)) == (utc(until) if until else None)


def test_a_span_belongs_to_the_day_it_begins_on_and_spans_that_meet_are_one():
    weekend = QuietHours(time(0), time(23, 59), days=("sat", "sun"))
    assert weekend.until(utc("2026-01-10T12:00")) == utc("2026-01-10T23:59")
    friday_night = QuietHours(time(22), time(8), days=("fri",))
    assert friday_night.until(utc("2026-01-10T07:00")) == utc("2026-01-10T08:00")  # a saturday
    assert friday_night.until(utc("2026-01-11T07:00")) is None
    always = QuietHours(time(8), time(7, 59))
    assert always.until(utc("2026-01-10T08:00")) == utc("2026-01-11T07:59")


@pytest.mark.django_db
def test_a_night_is_one_digest_in_the_morning(make, organization, mailbox):
    mended = new_id()
    with time_machine.travel("2026-01-10T21:00:00Z", tick=False) as clock:
        make(quietHours=NIGHT)
        run(organization, name="Orders", target=mended)
        run(organization, name="Invoices")
        work_off()
        clock.move_to("2026-01-10T23:00:00Z")
        run(organization, name="Orders", target=mended, state=State.SUCCEEDED)
        run(organization, name="Invoices again", target=new_id())
        look()
        assert mailbox.letters == []
        clock.move_to("2026-01-11T05:00:00Z")
        look()
        look()
    assert mailbox.subjects == ["[Acme] While it was quiet: Execution failed: 3 in all, 2 still going on"]
    (text,) = mailbox.texts
    assert "flow Orders: over after 2 h" in text
    assert "flow Invoices: still going on" in text
    assert "Since        2026-01-10 23:00:00 Europe/Helsinki (2026-01-10 21:00:00 UTC)" in text
    assert not Firing.objects.filter(held=True).exists()


@pytest.mark.django_db
def test_what_was_told_before_the_night_and_ends_in_it_is_in_the_digest(make, organization, mailbox):
    flow = new_id()
    with time_machine.travel("2026-01-10T19:00:00Z", tick=False) as clock:
        make(quietHours=NIGHT)
        run(organization, target=flow)
        work_off()
        clock.move_to("2026-01-10T22:00:00Z")
        run(organization, target=flow, state=State.SUCCEEDED)
        look()
        clock.move_to("2026-01-11T06:00:00Z")
        look()
    assert [what for what, _ in told()] == ["firing", "digest"]
    assert "flow Orders: over after 3 h" in mailbox.texts[1]


@pytest.mark.django_db
def test_an_urgent_alarm_heeds_no_quiet_hours(make, organization, mailbox):
    with time_machine.travel("2026-01-10T21:00:00Z", tick=False):
        make(quietHours=NIGHT, urgent=True)
        run(organization)
        work_off()
    assert mailbox.subjects == ["[Acme] Urgent: Execution failed: flow Orders"]
    assert "2026-01-10 23:00:00 Europe/Helsinki" in mailbox.texts[0]


@pytest.mark.django_db
def test_a_quiet_night_is_no_message(make, organization, mailbox):
    with time_machine.travel("2026-01-10T21:00:00Z", tick=False) as clock:
        make(quietHours=NIGHT)
        clock.shift(timedelta(hours=9))
        look()
    assert (mailbox.letters, Message.objects.count()) == ([], 0)
