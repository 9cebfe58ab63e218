import pytest
import time_machine
from django.db import OperationalError

from apps.core.ids import hex24, id_floor
from apps.events import consumers
from apps.events.consumers import EventConsumer
from apps.events.models import Event
from apps.executions.models import Execution
from apps.schedules.firing import fire_due
from apps.schedules.models import Schedule, Tick
from apps.schedules.services import late_schedules, prune_ticks, set_schedule
from apps.schedules.targets import ScheduleTarget
from apps.work import scheduler
from apps.work.models import WorkItem
from tests.schedules.conftest import utc

MISSED = "missed until {}, fired by no scheduler (misfire: {})."


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(utc("2026-03-07T09:30"), tick=False) as traveller:
        yield traveller


def ticks(schedule):
    rows = Tick.objects.filter(schedule=schedule).order_by("due_at")
    return [(f"{tick.due_at:%dT%H:%M}", bool(tick.execution_id), tick.reason) for tick in rows]


def test_a_due_moment_starts_one_execution_and_moves_on(probe, clock):
    schedule = probe.schedule()
    assert fire_due() == 0
    clock.move_to(utc("2026-03-07T10:00:01"))
    assert fire_due() == 1
    assert fire_due() == 0
    schedule.refresh_from_db()
    execution = Execution.objects.get()
    tick = Tick.objects.get()
    assert execution.cause == f"tick:{hex24(schedule.id)}:2026-03-07T10:00:00Z"
    assert (tick.execution_id, tick.due_at, tick.reason) == (execution.id, utc("2026-03-07T10:00"), "")
    assert WorkItem.objects.get().target_id == execution.id
    assert schedule.next_due_at == utc("2026-03-07T11:00")


def test_what_cannot_start_says_why_leaves_nothing_behind_and_is_tried_at_its_next_moment(probe, clock):
    schedule, other = probe.schedule(), probe.schedule()
    probe.refuse(schedule)
    clock.move_to(utc("2026-03-07T10:00"))
    assert fire_due() == 2
    assert ticks(schedule) == [("07T10:00", False, "The flow is disabled.")]
    assert ticks(other) == [("07T10:00", True, "")]
    assert [e.target_id for e in Execution.objects.all()] == [other.target_id]
    assert WorkItem.objects.count() == 1
    probe.trouble.clear()
    clock.move_to(utc("2026-03-07T11:00"))
    fire_due()
    assert ticks(schedule)[1] == ("07T11:00", True, "")


def test_a_fault_in_one_target_does_not_stop_the_others(probe, clock):
    broken, healthy = probe.schedule(), probe.schedule()
    probe.refuse(broken, KeyError("pageGenerators"))
    clock.move_to(utc("2026-03-07T10:00"))
    fire_due()
    assert ticks(broken) == [("07T10:00", False, "The start failed by an internal error (KeyError).")]
    assert ticks(healthy) == [("07T10:00", True, "")]


def test_when_the_database_fails_nothing_of_the_batch_has_happened(probe, clock):
    first, second = probe.schedule(), probe.schedule()
    probe.refuse(second, OperationalError("server closed the connection"))
    clock.move_to(utc("2026-03-07T10:00"))
    with pytest.raises(OperationalError):
        fire_due()
    assert not Tick.objects.exists()
    assert not Execution.objects.exists()
    probe.trouble.clear()
    assert fire_due() == 2
    assert ticks(first) == ticks(second) == [("07T10:00", True, "")]


def test_a_kind_that_nobody_registered_is_named(organization, clock):
    schedule = set_schedule(
        organization_id=organization.id, target_kind="poem", target_id=organization.id, expression="? 0 * * * *"
    )
    clock.move_to(utc("2026-03-07T10:00"))
    fire_due()
    assert ticks(schedule) == [("07T10:00", False, "Nothing here can run a poem.")]


def test_a_moment_that_comes_while_the_run_before_it_goes_on_is_skipped(probe, clock):
    schedule = probe.schedule(overlap="skip")
    for hour in (10, 11):
        clock.move_to(utc(f"2026-03-07T{hour}:00"))
        fire_due()
    probe.finish_all()
    clock.move_to(utc("2026-03-07T12:00"))
    fire_due()
    assert ticks(schedule) == [
        ("07T10:00", True, ""),
        ("07T11:00", False, "The run before it has not ended."),
        ("07T12:00", True, ""),
    ]


def test_or_is_queued_behind_it_and_says_so(probe, clock):
    schedule = probe.schedule(overlap="queue")
    for hour in (10, 11):
        clock.move_to(utc(f"2026-03-07T{hour}:00"))
        fire_due()
    assert ticks(schedule) == [
        ("07T10:00", True, ""),
        ("07T11:00", True, "Queued behind the run before it, which has not ended."),
    ]


@pytest.mark.parametrize(
    ("misfire", "expected"),
    [
        ("skip", [("07T10:00", False, "5 " + MISSED.format("2026-03-07 14:00Z", "skip"))]),
        ("latest", [("07T10:00", False, "4 " + MISSED.format("2026-03-07 13:00Z", "latest")), ("07T14:00", True, "")]),
        (
            "all",
            [
                ("07T10:00", False, "2 " + MISSED.format("2026-03-07 11:00Z", "all")),
                ("07T12:00", True, ""),
                ("07T13:00", True, "Queued behind the run before it, which has not ended."),
                ("07T14:00", True, "Queued behind the run before it, which has not ended."),
            ],
        ),
    ],
)
def test_after_an_outage_the_missed_moments_are_treated_as_asked(probe, clock, misfire, expected):
    schedule = probe.schedule(misfire=misfire, misfire_cap=3, overlap="queue")
    clock.move_to(utc("2026-03-07T14:20"))
    assert fire_due() == 1
    assert ticks(schedule) == expected
    schedule.refresh_from_db()
    assert schedule.next_due_at == utc("2026-03-07T15:00")


def test_a_moment_that_is_a_little_late_was_not_missed(probe, clock):
    schedule = probe.schedule(misfire="skip")
    clock.move_to(utc("2026-03-07T10:04"))
    fire_due()
    assert ticks(schedule) == [("07T10:00", True, "")]


def test_a_long_outage_of_a_short_rhythm_is_one_row_and_one_run(probe, clock):
    schedule = probe.schedule("? * * * * *")
    clock.move_to(utc("2026-05-07T10:00:30"))
    fire_due()
    assert ticks(schedule) == [
        ("07T09:31", False, "More than 1000 " + MISSED.format("2026-05-07 09:59Z", "latest")),
        ("07T10:00", True, ""),
    ]


def test_a_moment_fired_before_is_not_fired_again_when_the_clock_was_set_back(probe, clock):
    schedule = probe.schedule()
    clock.move_to(utc("2026-03-07T10:00"))
    fire_due()
    probe.finish_all()
    clock.move_to(utc("2026-03-07T09:59"))
    probe.schedule("? 0 10 * * *", target_id=schedule.target_id)
    clock.move_to(utc("2026-03-07T10:00"))
    assert fire_due() == 1
    assert fire_due() == 0
    assert ticks(schedule) == [("07T10:00", True, "")]
    assert Execution.objects.count() == 1


def test_a_schedule_that_can_no_longer_be_read_stops_alone(probe, clock):
    lost, kept = probe.schedule(), probe.schedule()
    Schedule.objects.filter(pk=lost.pk).update(timezone="Europe/Atlantis")
    clock.move_to(utc("2026-03-07T10:00"))
    assert fire_due() == 2
    assert ticks(lost) == [("07T10:00", False, "Stopped: unknown time zone 'Europe/Atlantis'")]
    assert ticks(kept) == [("07T10:00", True, "")]
    lost.refresh_from_db()
    assert lost.next_due_at is None


def test_one_turn_fires_no_more_than_it_was_told_to(probe, clock):
    for _ in range(5):
        probe.schedule()
    clock.move_to(utc("2026-03-07T10:00"))
    assert fire_due(limit=3) == 3
    assert fire_due(limit=3) == 2


def test_a_moment_that_nobody_fires_shows_as_late(probe, clock):
    schedule = probe.schedule()
    probe.schedule(enabled=False)
    clock.move_to(utc("2026-03-07T10:01"))
    assert not late_schedules().exists()
    clock.move_to(utc("2026-03-07T10:02"))
    assert list(late_schedules()) == [schedule]
    fire_due()
    assert not late_schedules().exists()


def test_old_ticks_are_forgotten_in_batches(probe, clock):
    schedule = probe.schedule()
    moments = [utc(f"2026-03-07T09:{minute}") for minute in range(31, 38)]
    schedule.ticks.bulk_create(Tick(schedule=schedule, id=id_floor(moment), due_at=moment) for moment in moments)
    clock.move_to(utc("2026-03-14T09:34"))
    assert prune_ticks(batch=2) == 3
    assert [due for due, _, _ in ticks(schedule)] == ["07T09:34", "07T09:35", "07T09:36", "07T09:37"]


def test_a_target_that_starts_many_must_know_which_are_busy(probe):
    with pytest.raises(ValueError, match="start_many and busy_among, or neither"):
        ScheduleTarget(kind="song", start=probe.start, is_busy=probe.is_busy, start_many=probe.start_many)


def test_firing_is_a_duty_of_the_scheduler_process(probe, clock):
    schedule = probe.schedule()
    clock.move_to(utc("2026-03-07T10:00"))
    for duty in scheduler._duties:
        if duty.name.startswith("schedules:"):
            scheduler.perform(duty)
    assert ticks(schedule) == [("07T10:00", True, "")]


@pytest.fixture
def told(monkeypatch):
    """The data of the events that are told of missed moments."""
    found = []
    monkeypatch.setattr(consumers, "_consumers", {})
    consumers.register(EventConsumer("listener", found.append, types=frozenset({"schedule.missed"})))
    return lambda: [event.data for event in Event.objects.order_by("id")]


def test_moments_that_started_nothing_are_told_to_whoever_listens(probe, clock, told):
    late, refused, busy = probe.schedule(), probe.schedule(), probe.schedule("? 0 12 * * *")
    probe.refuse(refused)
    probe.start(busy, None, None)
    clock.move_to(utc("2026-03-07T12:00"))
    fire_due()
    data = {(row["schedule"], row["missed"], row["reason"].partition(" until")[0]) for row in told()}
    assert data == {
        (hex24(late.id), 2, "2 missed"),
        (hex24(refused.id), 2, "2 missed"),
        (hex24(refused.id), 1, "The flow is disabled."),
    }
    assert ticks(busy) == [("07T12:00", False, "The run before it has not ended.")]  # as its schedule wants it
