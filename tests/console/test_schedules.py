"""Schedules: sentences for what they do, and buttons to pause, resume and run them now."""

from datetime import timedelta

import time_machine

from apps.accounts.console.names import address_of
from apps.audit.models import AuditEntry
from apps.core.clock import now
from apps.executions.models import Execution
from apps.flows.models import Export, Flow
from apps.flows.services.resources import FLOWS
from apps.schedules.firing import fire_due
from apps.schedules.models import Schedule, Tick
from tests.console.conftest import signed_in
from tests.console.test_verbs import do


def scheduled(rows, owner, *, on="flow"):
    """A flow whose document has the schedule, as saved through its API."""
    flow = rows[Flow]
    document = {**flow.document, "name": flow.name, "timezone": "Europe/Helsinki"}
    if on == "flow":
        document["schedule"] = "? */5 * * * *"
    else:
        document["pageGenerators"] = [{**document["pageGenerators"][0], "schedule": "? */5 * * * *"}]
    Schedule.objects.all().delete()
    FLOWS.replace(actor=owner.actor, row=flow, document=document)
    return flow, Schedule.objects.get()


def test_values_are_sentences(rows, visit):
    page = visit(address_of(rows[Schedule]))
    assert "the latest is made up for." in page
    assert "A moment that comes while the last run goes on is left out." in page
    assert "An hour that comes twice fires once; one that is skipped fires right after it." in page


def test_a_paused_schedule_fires_nothing_until_it_is_resumed(rows, owner, console):
    """It is due at each fifth minute: from two minutes past an hour on, it is known when."""
    hour = (now() + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    with time_machine.travel(hour + timedelta(minutes=2)):
        _, schedule = scheduled(rows, owner)
        assert "The schedule is paused." in do(console, schedule, "pause", follow=True).content.decode()
    with time_machine.travel(hour + timedelta(minutes=13)):
        fire_due()
        assert not Tick.objects.exists()
        do(console, schedule, "resume")
        fire_due()
        assert not Tick.objects.exists()  # what it missed stays missed
    with time_machine.travel(hour + timedelta(minutes=18)):
        fire_due()
        assert Tick.objects.count() == 1
    assert list(AuditEntry.objects.filter(resource_type="schedule").order_by("id").values_list("event", flat=True)) == [
        "pause",
        "resume",
    ]


def test_a_paused_schedule_stays_so_when_its_flow_is_saved(rows, owner, console):
    flow, schedule = scheduled(rows, owner)
    do(console, schedule, "pause")
    flow.refresh_from_db()
    FLOWS.replace(actor=owner.actor, row=flow, document={**FLOWS.show(flow), "schedule": "? 0 4 * * *"})
    schedule.refresh_from_db()
    assert schedule.expression == "? 0 4 ? * *" or schedule.next_due_at is None
    assert schedule.paused and schedule.next_due_at is None
    page = console.get(address_of(schedule)).content.decode()
    assert ">paused<" in page and "Resume" in page


def test_it_is_run_now_from_its_page(rows, owner, console):
    _, schedule = scheduled(rows, owner)
    started = do(console, schedule, "run")["Location"]
    run = Execution.objects.order_by("-id").first()
    assert started == address_of(run) and run.triggered_by == owner.user.hex_id


def test_a_generators_own_schedule_runs_it_alone(rows, owner, console):
    _, schedule = scheduled(rows, owner, on="generator")
    do(console, schedule, "run")
    entry = AuditEntry.objects.filter(event="run").get()
    assert entry.changes == [{"fieldPath": "exportIds", "newValue": [rows[Export].hex_id]}]


def test_a_monitor_runs_and_does_not_pause(rows, owner, monitor):
    _, schedule = scheduled(rows, owner)
    page = signed_in(monitor).get(address_of(schedule)).content.decode()
    assert "Run now" in page and "Pause" not in page and "Edit at its flow" not in page


def test_it_is_edited_at_its_flow(rows, owner, console):
    flow, schedule = scheduled(rows, owner)
    assert f"/console/flows/flow/{flow.hex_id}/edit/" in console.get(address_of(schedule)).content.decode()


def test_a_bad_expression_is_answered_with_one_to_copy(rows, console):
    import json

    flow = rows[Flow]
    answer = console.post(
        f"/console/flows/flow/{flow.hex_id}/edit/",
        {"document": json.dumps({"name": "x", "schedule": "*/5 * * * *"}), "revision": flow.revision},
    )
    assert "? */5 * * * *" in answer.content.decode()
