"""Each probe finds what it is there for, and says what to do; at rest none finds anything."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection as db
from django.db import transaction

from apps.accounts.models import Organization
from apps.alarms.models import Alarm, Case, Message
from apps.automations.approvals.models import Approval
from apps.automations.models import Automation, Backfill, Firing, TriggerListener
from apps.automations.models import FanOut as AskedSoFar
from apps.connections.models import Connection, Limit, PermitBlock
from apps.connectors.models import Component, ComponentVersion, Connector
from apps.core.clock import now
from apps.core.ids import hex24, new_id
from apps.events.models import Event
from apps.executions.models import Execution, RecordError, Step
from apps.flows.models import Page, PagePayload
from apps.inbound.models import Hook, Listener, Notification
from apps.schedules.models import Schedule
from apps.subscriptions.models import Delivery, FanOut, Subscription
from apps.work import doctor, nodes, sql
from apps.work import services as work
from apps.work.models import Lane, WorkItem

pytestmark = pytest.mark.django_db(transaction=True)


def one(name):
    (found,) = doctor.examine(name)
    return found


def item(organization, kind, target_id, **fields):
    with transaction.atomic():
        work.add(kind=kind, lane=Lane.FLOWS, organization_id=organization.id, target_id=target_id)
    WorkItem.objects.filter(target_id=target_id).update(**fields)


def execution(organization, **fields):
    row_id = new_id()
    return Execution.objects.create(
        id=row_id, organization=organization, kind="flow", target_id=new_id(), root_id=row_id, **fields
    )


def page(organization, **fields):
    run = execution(organization, **fields.pop("run", {}))
    return Page.objects.create(execution=run, organization=organization, number=0, record_count=7, **fields)


def test_at_rest_nothing_is_found(organization, capsys):
    call_command("doctor")
    assert "Nothing is stuck" in capsys.readouterr().out


def test_due_work_without_a_living_worker_is_told(organization, capsys):
    item(organization, "delivery", new_id(), due_at=now() - timedelta(minutes=1))
    assert doctor.idle_lanes() == [
        "lane flows: 1 item(s) are due, and no living worker drains it. Start `manage.py worker`, or `up`."
    ]
    with pytest.raises(SystemExit):
        call_command("doctor")
    nodes.beat(roles="worker", lanes="deliveries")
    assert doctor.idle_lanes()
    nodes.beat(roles="worker", lanes="flows")
    assert doctor.idle_lanes() == []


def test_a_finding_is_printed_and_ends_with_code_1(organization, capsys):
    run = execution(organization)
    with pytest.raises(SystemExit) as ended:
        call_command("doctor")
    assert ended.value.code == 1
    assert capsys.readouterr().out.startswith(f"execution {hex24(run.id)}: it is queued, and no work item is left")


def test_a_vanished_worker_whom_nobody_follows(organization):
    item(organization, "execution", new_id(), holder="lost:1")
    sql.execute(f"UPDATE work_workitem SET lease_until = {sql.now_sql(-400)}, due_at = {sql.now_sql(-400)}", [])
    found = one("lapsed leases")
    assert "lost:1" in found.what and "--lanes flows" in found.advice


def test_a_lane_that_nobody_drains(organization):
    item(organization, "execution", new_id())
    sql.execute(f"UPDATE work_workitem SET due_at = {sql.now_sql(-400)}", [])
    assert one("idle lanes").target_id == "flows"
    sql.execute(
        "INSERT INTO work_node (name, roles, lanes, started_at, seen_at)"
        f" VALUES ('here:1', 'worker', 'flows', {sql.now_sql()}, {sql.now_sql()})",
        [],
    )
    assert doctor.examine("idle lanes") == []  # it is merely busy


def test_a_kind_of_work_that_nothing_does(organization):
    item(organization, "horoscope", new_id())
    assert one("unknown kinds of work").kind == "horoscope"


def test_a_wait_of_years(organization):
    item(organization, "execution", new_id(), due_at=now() + timedelta(days=4000))
    assert "waits until" in one("waits without end").what


def test_an_execution_without_work(organization):
    run = execution(organization, state="running")
    assert one("executions without work").target_id == run.id
    item(organization, "execution", run.id)
    assert doctor.examine("executions without work") == []


@pytest.mark.parametrize("ended", [True, False])
def test_work_of_an_execution_that_has_ended_or_is_gone(organization, ended):
    target = execution(organization, state="failed").id if ended else new_id()
    item(organization, "execution", target)
    assert one("work of ended executions").target_id == target


def test_a_write_that_was_begun_and_never_settled(organization):
    run = execution(organization, state="failed")
    Step.objects.create(execution=run, path="steps[0].request", kind="effect", state="intent", effect="none")
    assert "steps[0].request" in one("writes never settled").what


def test_a_page_without_work(organization):
    lost = page(organization)
    found = one("pages without work")
    assert found.target_id == lost.id and "7 records" in found.what
    item(organization, "page", lost.id)
    assert doctor.examine("pages without work") == []


def test_an_open_page_of_an_ended_run(organization):
    lost = page(organization, run={"state": "succeeded"})
    assert one("pages of ended runs").target_id == lost.id


def test_work_of_a_page_that_is_done(organization):
    done = page(organization, state="done")
    item(organization, "page", done.id)
    assert one("work of done pages").target_id == done.id


def test_the_payload_of_a_page_that_is_done(organization):
    done = page(organization, state="done")
    PagePayload.objects.create(page=done, data=b"x")
    assert one("payloads of done pages").target_id == done.id


def test_an_error_whose_retry_has_ended(organization):
    first, retry = execution(organization, state="succeeded"), execution(organization, state="canceled")
    error = RecordError.objects.create(
        organization=organization, execution=first, flow_id=first.target_id, step_id=new_id(), source="application",
        code="500", message="no", retrying_in=retry.id,
    )  # fmt: skip
    assert one("retries that ended").target_id == error.id


def test_work_parked_on_a_connection_that_is_back(organization):
    system = Connection.objects.create(organization=organization, name="system", type="http")
    target = new_id()
    item(organization, "execution", target, parked_on=f"connection:{system.id}")
    assert one("parked for nothing").target_id == target
    Connection.objects.update(offline_since=now())
    assert doctor.examine("parked for nothing") == []


def test_an_offline_connection_that_nothing_pings(organization):
    system = Connection.objects.create(organization=organization, name="system", type="http", offline_since=now())
    assert one("offline without a ping").target_id == system.id
    item(organization, "ping", system.id)
    assert doctor.examine("offline without a ping") == []


def test_permits_that_are_held_longer_than_any_lease(organization):
    system = Connection.objects.create(organization=organization, name="system", type="http")
    limit = Limit.objects.create(connection=system)
    PermitBlock.objects.create(limit=limit, block="a", permits=3, lease_until=now() + timedelta(seconds=10))
    assert doctor.examine("permits held too long") == []
    PermitBlock.objects.create(limit=limit, block="b", permits=4, lease_until=now() + timedelta(hours=1))
    assert "4 permits" in one("permits held too long").what


def test_an_event_that_somebody_waits_for_without_work(organization):
    event = Event.objects.create(organization=organization, type="entity.created", waiting_for="automations")
    assert one("events without work").target_id == event.id
    item(organization, "event", event.id)
    assert doctor.examine("events without work") == []
    Event.objects.update(waiting_for="")
    assert one("work of delivered events").target_id == event.id


def test_a_schedule_that_has_not_fired(organization):
    schedule = Schedule.objects.create(
        organization=organization, target_kind="flow", target_id=new_id(), expression="? * * * * *",
        next_due_at=now() - timedelta(minutes=6),
    )  # fmt: skip
    assert one("overdue schedules").target_id == schedule.id
    Schedule.objects.update(enabled=False)
    assert doctor.examine("overdue schedules") == []


def trigger_of(organization, **schema):
    connector = Connector.objects.create(organization=organization, name="crm")
    component = Component.objects.create(organization=organization, connector=connector, kind="trigger", name="t")
    version = ComponentVersion.objects.create(organization=organization, component=component, schema=schema)
    return version, Hook.objects.create(organization=organization, connector=connector, token="t")


def test_a_notification_that_nobody_routes(organization):
    _, hook = trigger_of(organization)
    row = Notification.objects.create(organization=organization, hook=hook, method="POST")
    assert one("notifications without work").target_id == row.id
    item(organization, "notification", row.id)
    assert doctor.examine("notifications without work") == []


def test_a_listener_that_nobody_registers_takes_back_or_polls(organization):
    version, hook = trigger_of(organization, **{"x-poll": {"every": 60}})
    listener = Listener.objects.create(
        organization=organization, hook=hook, trigger=version, trigger_name="t", state="ending"
    )
    assert one("listeners without work").target_id == listener.id
    assert doctor.examine("polled triggers without work") == []
    Listener.objects.update(state="active")
    assert one("polled triggers without work").target_id == listener.id
    assert doctor.examine("listeners without work") == []
    item(organization, "poll", listener.id)
    assert doctor.examine("polled triggers without work") == []


def test_deliveries_that_nobody_pushes(organization):
    event = Event.objects.create(organization=organization, type="flow.saved")
    subscription = Subscription.objects.create(organization=organization, url="https://example.com")
    delivery = Delivery.objects.create(organization=organization, subscription=subscription, event=event, next_at=now())
    assert one("deliveries without work").target_id == subscription.id
    item(organization, "deliveries", subscription.id)
    assert doctor.examine("deliveries without work") == []
    Subscription.objects.update(enabled=False)
    assert one("deliveries of disabled subscriptions").target_id == delivery.id
    FanOut.objects.create(event=event, after=subscription.id)
    assert one("fan-outs without work").target_id == event.id
    item(organization, "fanout", event.id)
    assert doctor.examine("fan-outs without work") == []


def test_an_alarm_that_nobody_will_judge_and_a_message_that_nobody_will_send(organization):
    alarm = Alarm.objects.create(organization=organization, name="Night watch", kind="execution_failed")
    Case.objects.create(alarm=alarm, event_id=new_id(), at=now(), subject={})
    assert one("alarms without work").target_id == alarm.id
    item(organization, "alarm", alarm.id)
    assert doctor.examine("alarms without work") == []
    message = Message.objects.create(
        organization=organization, alarm=alarm, alarm_name="Night watch", what="firing", channel_type="email"
    )
    assert one("alarm messages without work").target_id == message.id
    item(organization, "alarm_message", message.id)
    assert doctor.examine("alarm messages without work") == []


def test_an_approval_of_an_ended_run_and_a_timeout_that_nobody_keeps(organization):
    run = Execution.objects.create(
        organization=organization, kind="automation", target_id=new_id(), root_id=new_id(), state="waiting"
    )
    approval = Approval.objects.create(
        organization=organization, execution=run, automation_id=run.target_id, timeout_at=now()
    )
    assert one("timeouts of approvals without work").target_id == approval.id
    item(organization, "approval", approval.id)
    assert doctor.examine("timeouts of approvals without work") == []
    assert doctor.examine("approvals of ended runs") == []
    Execution.objects.update(state="canceled")
    assert one("approvals of ended runs").target_id == approval.id


def test_an_automation_that_an_event_a_save_or_a_trigger_never_reaches(organization):
    event = Event.objects.create(organization=organization, type="entity.update")
    automation = Automation.objects.create(organization=organization, slug="rule", title="Rule", type="automation")
    AskedSoFar.objects.create(organization=organization, event=event, after_order=0, after_slug="rule")
    assert one("automations not asked").target_id == event.id
    item(organization, "automation_fanout", event.id)
    assert doctor.examine("automations not asked") == []
    backfill = Backfill.objects.create(organization=organization, automation=automation, triggered_by="system")
    found = one("backfills without work")
    assert found.target_id == automation.id and backfill.hex_id in found.advice
    item(organization, "automation_backfill", backfill.id)
    assert doctor.examine("backfills without work") == []
    version, hook = trigger_of(organization)
    listener = Listener.objects.create(organization=organization, hook=hook, trigger=version, trigger_name="t")
    switched_on = TriggerListener.objects.create(automation=automation, listener=listener, key="k")
    fired = Firing.objects.create(organization=organization, trigger=switched_on, event=event)
    assert one("firings without work").target_id == fired.id
    item(organization, "automation_firing", fired.id)
    assert doctor.examine("firings without work") == []


def test_every_probe_is_tested_here(organization):
    text = Path(__file__).read_text()
    assert [name for name in doctor.probes() if f'"{name}"' not in text] == []
    assert Organization.objects.count() == 1 and not db.in_atomic_block
