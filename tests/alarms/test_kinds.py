"""Each kind of alarm: what makes it fire, what it says, what ends it."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import create_organization
from apps.alarms import services
from apps.alarms.models import Alarm, Case, Firing
from apps.connections import marks
from apps.connections.access import open_row
from apps.connections.models import Connection
from apps.core import clock
from apps.core.ids import hex24, new_id
from apps.events import standing
from apps.events.models import Event
from apps.events.standing import Standing
from apps.executions.models import Execution, State
from apps.schedules.firing import fire_due
from apps.schedules.models import Tick
from apps.schedules.services import set_schedule
from apps.subscriptions.models import Delivery, Subscription
from apps.work import nodes, scheduler
from apps.work.models import WorkItem
from tests.alarms.conftest import happen, look, run, told, work_off

pytestmark = pytest.mark.django_db


def test_an_error_rate_counts_records_and_runs_that_count_none(make, organization, mailbox):
    make("error_rate", threshold=20, window=900, groupBy="none", minimum=50)
    good = run(organization, state=State.SUCCEEDED, reason="")
    Execution.objects.filter(pk=good.pk).update(success_count=40, error_count=9)
    look()
    assert mailbox.letters == []  # 9 of 49: too few to say
    run(organization, name="Invoices")  # counts no records: it is one by itself
    look()
    assert mailbox.subjects == ["[Acme] Error rate: the whole organization"]
    assert "Measured     20 (alarm at 20 percent of what ended within the window)" in mailbox.texts[0]
    assert "flow Orders: 9 of 49 failed, 18 %" in mailbox.texts[0]
    with time_machine.travel(clock.now() + timedelta(minutes=20), tick=False):
        look()
    assert [what for what, _ in told()] == ["firing", "recovered"]
    assert "below the threshold again" in mailbox.texts[1]


def test_what_goes_on_over_its_threshold_is_told_once_a_period(make, organization, mailbox):
    make("error_rate", threshold=50, window=86400, period=600)
    run(organization)
    look()
    for minutes in (5, 11, 15, 22):
        with time_machine.travel(clock.now() + timedelta(minutes=minutes), tick=False):
            look()
    assert [what for what, _ in told()] == ["firing", "still_firing", "still_firing"]
    assert mailbox.subjects[1] == "[Acme] Still: Error rate: flow Orders"


def test_an_offline_connection_is_told_after_its_time_and_so_is_its_return(make, organization, mailbox, system):
    row = Connection.objects.create(
        organization=organization, name="Warehouse", type="http", document={"http": {"baseURI": system.url}}
    )
    make("broken_connection", window=300)
    marks.mark_offline(open_row(row), reason="It refuses connections.")
    work_off()
    assert mailbox.letters == []
    Connection.objects.update(offline_since=clock.now() - timedelta(minutes=7))
    look()
    assert mailbox.subjects == ["[Acme] Connection broken: connection Warehouse"]
    assert "connection Warehouse: It refuses connections." in mailbox.texts[0]
    assert f"/console/connections/connection/{row.hex_id}/change/" in mailbox.texts[0]
    marks.mark_online(connection_id=row.id, organization_id=organization.id)
    work_off()  # an event says so: nobody waits for the next look
    assert mailbox.subjects[1:] == ["[Acme] Recovered after 7 min: Connection broken: connection Warehouse"]


def test_a_credential_that_must_be_connected_again_is_broken(make, organization, mailbox):
    row = Connection.objects.create(organization=organization, name="Ada's CRM", type="http")
    make("broken_connection", scope={"_connectionId": row.hex_id})
    with transaction.atomic():
        marks.mark_lost(row, reason="The consent was taken back.")
    work_off()
    assert "It must be connected again: The consent was taken back." in mailbox.texts[0]


def test_moments_that_no_scheduler_fired_are_told(make, organization, mailbox):
    target = new_id()
    with time_machine.travel("2026-03-01T10:00:30Z", tick=False) as wall:
        make("missed_tick")
        schedule = set_schedule(
            organization_id=organization.id, target_kind="nothing", target_id=target, expression="? 0 * * * *"
        )
        wall.move_to("2026-03-01T11:10:00Z")
        look()
        look()
        assert len(mailbox.letters) == 1
        assert "It was due at 2026-03-01 11:00 UTC, and no scheduler has fired it." in mailbox.texts[0]
        assert f"/console/schedules/schedule/{schedule.hex_id}/change/" in mailbox.texts[0]
        fire_due()  # nothing here can run such a target: that moment starts nothing
        work_off()
        assert Case.objects.count() == 2
        wall.move_to("2026-03-01T12:00:30Z")
        Tick.objects.create(schedule=schedule, due_at=clock.now(), execution_id=new_id())
        look()
    assert [what for what, _ in told()] == ["firing", "recovered"]


def test_workers_tell_of_missed_moments_while_no_scheduler_lives(make, organization, mailbox):
    with time_machine.travel("2026-03-01T10:00:30Z", tick=False) as wall:
        make("missed_tick")
        set_schedule(
            organization_id=organization.id, target_kind="nothing", target_id=new_id(), expression="? 0 * * * *"
        )
        wall.move_to("2026-03-01T11:10:00Z")
        nodes.beat(roles="worker")
        assert scheduler.stand_in()
        work_off()
    assert len(mailbox.letters) == 1
    nodes.beat(roles="web,worker,scheduler")
    assert not scheduler.stand_in()


def test_dead_deliveries_are_told_with_the_receivers_answer_and_end_when_it_takes_some(make, organization, mailbox):
    make("dead_delivery")
    subscription = Subscription.objects.create(organization=organization, name="CRM", url="https://crm.example/in")
    data = {"message": "The subscriber answered 503.", "status": 503}
    happen(
        organization, "subscription.delivery_failed", subject_kind="subscription", subject_id=subscription.id, data=data
    )
    work_off()
    assert mailbox.subjects == ["[Acme] Delivery given up: subscription https://crm.example/in"]
    assert "The subscriber answered 503." in mailbox.texts[0]
    event = Event.objects.create(organization=organization, type="order.created")
    delivery = Delivery.objects.create(
        organization=organization, subscription=subscription, event=event, next_at=clock.now(), state="pending"
    )
    look()
    assert len(mailbox.letters) == 1
    Delivery.objects.filter(pk=delivery.pk).update(state="succeeded", delivered_at=clock.now())
    look()
    assert [what for what, _ in told()] == ["firing", "recovered"]


def test_a_disabled_subscription_counts_what_it_gave_up(make, organization, mailbox):
    make("dead_delivery", threshold=3)
    subject = {"subject_kind": "subscription", "subject_id": new_id()}
    happen(organization, "subscription.disabled", **subject, data={"reason": "gone", "deliveriesGivenUp": 0})
    happen(organization, "subscription.disabled", **subject, data={"reason": "410", "deliveriesGivenUp": 2})
    work_off()
    assert mailbox.letters == []
    happen(organization, "subscription.disabled", **subject, data={"reason": "410", "deliveriesGivenUp": 4})
    work_off()
    assert "(6 times)" in mailbox.subjects[0]


@pytest.fixture
def questions(monkeypatch):
    found = []
    monkeypatch.setattr(standing, "_sources", {"approvals": lambda organization_id, since, limit: [
        one for one in found if one.since <= since][:limit]})  # fmt: skip
    return found


def test_questions_that_nobody_answers_are_told_by_who_asks(make, organization, mailbox, questions):
    asks = {"target_kind": "automation", "target_id": new_id(), "target_name": "Refunds"}
    make("approval_waiting", window=900, threshold=2)
    for number, minutes in ((1, 20), (2, 16), (3, 5)):
        since = clock.now() - timedelta(minutes=minutes)
        questions.append(Standing("approval", new_id(), f"Refund {number}", since, "Pay 900 EUR back?", **asks))
    look()
    assert mailbox.subjects == ["[Acme] Approval waiting: automation Refunds (2 approvals)"]
    assert "approval Refund 1: Pay 900 EUR back?" in mailbox.texts[0]
    assert "Refund 3" not in mailbox.texts[0]
    questions.clear()
    look()
    assert [what for what, _ in told()] == ["firing", "recovered"]


def test_a_lane_whose_work_waits_is_told_with_who_could_do_it(make, organization, mailbox):
    make("queue_lag", threshold=300)
    WorkItem.objects.create(
        organization=organization, lane="flows", kind="execution", target_id=new_id(),
        due_at=clock.now() - timedelta(minutes=12),
    )  # fmt: skip
    look()
    assert mailbox.subjects == ["[Acme] Work waits for workers: lane flows"]
    assert "1 due item(s) wait, the oldest for 12 min; no living worker drains it." in mailbox.texts[0]
    nodes.beat(roles="worker")
    WorkItem.objects.filter(lane="flows").delete()
    look()
    assert [what for what, _ in told()] == ["firing", "recovered"]


def test_a_look_wakes_those_alone_that_there_is_something_to_look_at_for(make, organization, mailbox):
    for kind in ("queue_lag", "broken_connection", "missed_tick"):
        make(kind)
    assert services.look() == 0
    with CaptureQueriesContext(connection) as few:
        services.look()
    for number in range(5):
        other = create_organization(name=f"Other {number}")
        Alarm.objects.create(organization=other, name="Lag", kind="queue_lag")
    with CaptureQueriesContext(connection) as many:
        assert services.look() == 0
    assert len(few) == len(many)
    Connection.objects.create(organization=organization, name="Shop", type="http", offline_since=clock.now())
    assert services.look() == 1
    work_off()
    Connection.objects.all().delete()
    assert services.look() == 1  # it fires, so its end is looked for
    work_off()
    assert [what for what, _ in told()] == ["firing", "recovered"]


MEASURING = ("error_rate", "approval_waiting", "broken_connection", "queue_lag")


def test_rules_that_measure_cost_the_same_however_many_there_are(make, organization, mailbox, questions):
    """One survey an organization: no rule of it is judged by itself until something fires for it."""
    asks = {"target_kind": "automation", "target_id": new_id(), "target_name": "Refunds"}
    questions.append(Standing("approval", new_id(), "Refund 1", clock.now() - timedelta(hours=1), "Pay?", **asks))
    Connection.objects.create(organization=organization, name="Shop", type="http", offline_since=clock.now())
    run(organization)
    run(organization, state=State.SUCCEEDED)
    WorkItem.objects.create(
        organization=organization, lane="flows", kind="execution", target_id=new_id(),
        due_at=clock.now() - timedelta(minutes=12),
    )  # fmt: skip
    quiet = {
        "error_rate": {"minimum": 100}, "approval_waiting": {"threshold": 9}, "broken_connection": {"threshold": 9},
        "queue_lag": {"threshold": 86400},
    }  # fmt: skip
    channels = [{"_id": "a", "type": "email", "to": ["night@acme.example"]}]

    def add(number):
        for kind in MEASURING:
            document = {**quiet[kind], "channels": channels, "window": 3600 + number}
            Alarm.objects.create(organization=organization, name=f"{kind} {number}", kind=kind, document=document)

    def cost():
        with CaptureQueriesContext(connection) as captured:
            look()
        return len(captured)

    add(0)
    one = cost()
    for number in range(1, 6):
        add(number)
    assert cost() == one
    assert mailbox.letters == [] and not Firing.objects.exists()
    make("error_rate", window=3600, threshold=40, groupBy="none")
    make("approval_waiting", window=900)
    assert sorted(mailbox.subjects) == [
        "[Acme] Approval waiting: automation Refunds", "[Acme] Error rate: the whole organization",
    ]  # fmt: skip


def test_each_of_several_rules_reads_its_own_window_and_scope(make, organization, mailbox):
    """What one look reads for all of them is told apart again."""
    orders, invoices = new_id(), new_id()
    with time_machine.travel(clock.now() - timedelta(minutes=30)):
        run(organization, target=invoices, name="Invoices")
    run(organization, target=orders, name="Orders")
    run(organization, target=orders, name="Orders", state=State.SUCCEEDED)
    rules = {
        "short": {"window": 600, "threshold": 50, "groupBy": "none"},
        "long": {"window": 3600, "threshold": 60, "groupBy": "none"},
        "orders": {"window": 3600, "threshold": 50, "scope": {"_flowId": hex24(orders)}},
        "invoices, lately": {"window": 600, "threshold": 50, "scope": {"_flowId": hex24(invoices)}},
        "two of three is less": {"window": 3600, "threshold": 67, "groupBy": "none"},
    }
    channels = [{"_id": "a", "type": "email", "to": ["night@acme.example"]}]
    for name, members in rules.items():
        document = {**members, "channels": channels}
        Alarm.objects.create(organization=organization, name=name, kind="error_rate", document=document)
    look()
    fired = {firing.alarm.name: firing.value for firing in Firing.objects.select_related("alarm")}
    assert fired == {"short": 50.0, "long": 66.7, "orders": 50.0}


def test_a_recovery_is_not_taken_from_another_kind_of_run(make, organization, mailbox):
    flow = new_id()
    make(groupBy="none")
    run(organization, target=flow)
    run(organization, name="Invoices")
    work_off()
    run(organization, target=flow, state=State.SUCCEEDED)
    look()
    firing = Firing.objects.get()
    assert firing.ended_at is None  # one of two works again
    assert firing.subjects[f"flow:{hex24(flow)}"]["recovered"]
