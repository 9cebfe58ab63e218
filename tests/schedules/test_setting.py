import pytest
import time_machine

from apps.core.errors import ValidationError
from apps.core.ids import new_id
from apps.schedules.models import Schedule
from apps.schedules.services import EXAMPLES, drop_schedules, set_schedule
from tests.schedules.conftest import utc

NOW = "2026-03-07T12:20"


@pytest.fixture(autouse=True)
def the_clock():
    with time_machine.travel(utc(NOW), tick=False) as traveller:
        yield traveller


def test_a_new_schedule_waits_for_its_next_moment(probe):
    schedule = probe.schedule("? 0 2 ? * *", timezone="Europe/Berlin")
    schedule.refresh_from_db()
    assert (schedule.next_due_at, schedule.revision) == (utc("2026-03-08T01:00"), 1)


def test_saving_it_unchanged_leaves_a_due_moment_due(probe, the_clock):
    first = probe.schedule("? 0 13 ? * *")
    the_clock.move_to(utc("2026-03-07T13:01"))
    again = probe.schedule("?  0 13 ?  * *", target_id=first.target_id)
    again.refresh_from_db()
    assert (again.id, again.revision, again.next_due_at) == (first.id, 1, utc("2026-03-07T13:00"))


def test_another_expression_changes_the_row_in_place_and_counts_from_now(probe, the_clock):
    first = probe.schedule("? 0 13 ? * *")
    the_clock.move_to(utc("2026-03-07T13:01"))
    again = probe.schedule("? 30 * ? * *", target_id=first.target_id)
    again.refresh_from_db()
    assert (again.id, again.revision, again.next_due_at) == (first.id, 2, utc("2026-03-07T13:30"))


def test_another_policy_is_a_new_revision_that_keeps_the_due_moment(probe, the_clock):
    first = probe.schedule("? 0 13 ? * *")
    the_clock.move_to(utc("2026-03-07T13:01"))
    again = probe.schedule("? 0 13 ? * *", target_id=first.target_id, overlap="queue")
    again.refresh_from_db()
    assert (again.revision, again.next_due_at, again.overlap) == (2, utc("2026-03-07T13:00"), "queue")


def test_a_disabled_schedule_is_never_due_until_it_is_enabled_again(probe, the_clock):
    first = probe.schedule("? 0 * * * *", enabled=False)
    assert first.next_due_at is None
    the_clock.move_to(utc("2026-03-09T00:10"))
    again = probe.schedule("? 0 * * * *", target_id=first.target_id)
    again.refresh_from_db()
    assert again.next_due_at == utc("2026-03-09T01:00")


def test_a_flow_and_its_generators_are_scheduled_apart_and_dropped_apart(probe):
    target_id = new_id()
    for generator in ("", "orders", "items"):
        probe.schedule("? 0 * * * *", target_id=target_id, generator=generator)
    assert drop_schedules(target_kind="probe", target_id=target_id, keep_generators=["", "items"]) == 1
    assert set(Schedule.objects.values_list("generator", flat=True)) == {"", "items"}
    assert drop_schedules(target_kind="probe", target_id=target_id) == 2


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"expression": "? 0 25 ? * *"}, "schedule", f"hour: 25 is not between 0 and 23. {EXAMPLES}"),
        ({"expression": None}, "schedule", "A schedule is text, such as ? 0 2 ? * *."),
        ({"timezone": "Mars/Olympus"}, "timezone", "Mars/Olympus is not the name of a time zone."),
        ({"timezone": None}, "timezone", "None is not the name of a time zone."),
        ({"misfire": "never"}, "misfire", "misfire must be one of skip, latest, all."),
        ({"misfire_cap": 0}, "misfire_cap", "misfire_cap must be between 1 and 1000."),
        ({"overlap": "kill"}, "overlap", "overlap must be one of skip, queue."),
        ({"dst": "ignore"}, "dst", "dst must be one of contract, repair."),
    ],
)
def test_a_bad_value_is_refused_by_name(organization, values, field, sentence):
    given = {"expression": "? 0 2 ? * *", **values}
    with pytest.raises(ValidationError) as caught:
        set_schedule(organization_id=organization.id, target_kind="probe", target_id=new_id(), **given)
    assert (caught.value.field, caught.value.message) == (field, sentence)
    assert not Schedule.objects.exists()


def test_schedules_and_ticks_are_seen_by_their_own_organization_alone(probe, owner, monitor, stranger):
    schedule = probe.schedule()
    tick = schedule.ticks.create(due_at=utc(NOW))
    for person in (owner, monitor):
        assert list(Schedule.objects.for_actor(person.actor)) == [schedule]
        assert list(type(tick).objects.for_actor(person.actor)) == [tick]
    assert not Schedule.objects.for_actor(stranger.actor).exists()
    assert not type(tick).objects.for_actor(stranger.actor).exists()
