"""Triggers of Junction's own beyond hooks: schedules, ends of executions, connectors' events, interactions."""

from datetime import timedelta

import pytest
from django.db import transaction

from apps.automations import services
from apps.core import clock
from apps.core.errors import DomainError, ValidationErrors
from apps.events.services import emit
from apps.executions.models import State
from apps.inbound.models import Listener
from apps.schedules.firing import fire_due
from apps.schedules.models import Schedule, Tick
from apps.work.models import WorkItem
from tests.automations.actions.conftest import step
from tests.automations.conftest import outputs_of, when
from tests.connections.making import make_connector, make_end_user
from tests.subscriptions.conftest import fire, make_trigger, work_off

pytestmark = pytest.mark.django_db(transaction=True)


def every_hour(**members):
    return {"type": "onSchedule", "schedule": "? 0 * * * *", "timezone": "Europe/Helsinki", **members}


def tick(ago=1):
    Schedule.objects.filter(enabled=True).update(next_due_at=clock.now() - timedelta(seconds=ago))
    fire_due()


def test_a_schedule_starts_a_run_at_each_tick(shop):
    shop.automation(triggers=[every_hour()], outputs={"at": "{{ data.dueAt }}"})
    schedule = Schedule.objects.get()
    assert (schedule.timezone, schedule.dst, schedule.target_kind) == ("Europe/Helsinki", "repair", "automation")
    tick()
    shop.work()
    [run] = shop.runs
    assert (run.state, run.triggered_by) == (State.SUCCEEDED, "schedule")
    assert run.cause.startswith("tick:")
    assert outputs_of(run)["at"].endswith("Z")
    assert Tick.objects.get().execution_id == run.id


def test_a_tick_whose_conditions_do_not_hold_says_so(shop):
    shop.automation(triggers=[every_hour(conditions=[when("data.dueAt", "eq", "never")])])
    tick()
    assert shop.runs == []
    assert "conditions" in Tick.objects.get().reason


def test_a_tick_is_skipped_or_queued_while_the_run_before_it_goes_on(shop):
    shop.automation(step("delay", hours=1), triggers=[every_hour()], id="skips")
    shop.automation(step("delay", hours=1), triggers=[every_hour(overlap="queue")], id="queues")
    tick(ago=60)
    shop.work()
    tick()
    shop.work()
    assert sorted(run.target_name for run in shop.runs) == ["Queues", "Queues", "Skips"]
    assert [run.state for run in shop.runs if run.target_name == "Queues"] == [State.WAITING, State.QUEUED]


def test_its_schedule_follows_the_automation(shop, owner):
    automation = shop.automation(triggers=[every_hour()])
    services.switch_automation(actor=owner.actor, automation=automation, active=False)
    assert not Schedule.objects.get().enabled
    services.switch_automation(actor=owner.actor, automation=automation, active=True)
    assert Schedule.objects.get().enabled
    shop.automation(triggers=[every_hour(schedule="? 30 * * * *")])
    assert Schedule.objects.get().expression == "? 30 * * * *"
    services.delete_automation(actor=owner.actor, automation=automation)
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("triggers", "at"),
    [
        ([every_hour(schedule="hourly")], "triggers[0].schedule"),
        ([every_hour(timezone="Mars/Olympus")], "triggers[0].timezone"),
        ([every_hour(), every_hour()], "triggers[0].type"),
        ([{"type": "onSchedule"}], "triggers[0].schedule"),
        ([{"type": "onExecution", "state": []}], "triggers[0].state"),
        ([{"type": "onExecution", "state": ["done"]}], "triggers[0].state[0]"),
        ([{"type": "onTrigger", "connector": "nope", "trigger": "x"}], "triggers[0].connector"),
    ],
)
def test_what_is_wrong_with_a_trigger_is_named_by_its_path(shop, triggers, at):
    with pytest.raises(DomainError) as caught:
        shop.automation(triggers=triggers)
    assert caught.value.field == at


def test_the_end_of_a_run_starts_what_listens_to_it(shop, kind):
    def fail(turn, args):
        raise DomainError("no luck")

    kind("fail", then=fail)
    watched = shop.automation({"type": "fail"}, id="watched")
    shop.automation(
        triggers=[{"type": "onExecution", "state": ["failed"], "of": {"kind": "automation", "id": "watched"}}],
        outputs={"why": "{{ data.reason }}", "id": "{{ data.targetId }}"},
        id="watcher",
    )
    shop.happen()
    shop.work()
    first, second = shop.runs
    assert (first.target_name, second.target_name) == ("Watched", "Watcher")
    assert outputs_of(second) == {"why": "actions[0]: no luck", "id": watched.hex_id}
    assert second.depth == first.depth + 1


def test_its_own_end_starts_nothing_and_a_circle_ends_at_the_cap(shop):
    on_end = {"type": "onExecution", "state": ["succeeded", "failed"]}
    shop.automation(triggers=[on_end], id="ping")
    shop.happen()
    shop.automation(id="seed")
    shop.happen()
    shop.work()
    assert [run.target_name for run in shop.runs] == ["Seed", "Ping"]
    shop.automation(triggers=[on_end], id="pong")
    shop.happen()
    shop.work()
    names = [run.target_name for run in shop.runs][2:]
    assert max(run.depth for run in shop.runs) == 11, "the one beyond the cap fails, and says why"
    assert any("as in a loop" in run.reason for run in shop.runs)
    assert len(names) < 30


def test_an_interaction_that_is_submitted_starts_a_run(shop):
    shop.automation(triggers=[{"type": "onInteraction", "interactionId": "i1"}], outputs={"name": "{{ data.name }}"})
    for interaction in ("i2", "i1"):
        with transaction.atomic():
            told = {"interaction": interaction, "data": {"name": "Ada"}}
            emit(organization_id=shop.organization.id, type="interaction.submitted", data=told)
    shop.work()
    [run] = shop.runs
    assert outputs_of(run) == {"name": "Ada"}


@pytest.fixture
def crm(organization):
    connector = make_connector(organization)
    make_trigger(connector, "lead.created", {})
    make_end_user(organization)
    return connector


def on_trigger(**members):
    return {"type": "onTrigger", "connector": "crm", "trigger": "lead.created", **members}


def test_a_connectors_event_starts_a_run(shop, crm):
    shop.automation(
        triggers=[on_trigger(conditions=[when("data.amount", "gt", 10)])],
        outputs={"id": "{{ data.id }}", "of": "{{ event.trigger }}"},
    )
    fire(crm, data={"id": 1, "amount": 5})
    fire(crm, data={"id": 2, "amount": 50})
    shop.work()
    [run] = shop.runs
    assert outputs_of(run) == {"id": 2, "of": "lead.created"}
    assert run.triggered_by == "event"


def test_what_the_trigger_makes_of_it_is_what_the_run_sees(shop, crm):
    shaped = {"trigger": {"output": {"lead": "{{ input.data.id }}"}}}
    make_trigger(crm, "lead.shaped", shaped)
    shop.automation(triggers=[on_trigger(trigger="lead.shaped")], outputs={"lead": "{{ data.lead }}"})
    fire(crm, trigger="lead.shaped", data={"id": 7})
    shop.work()
    [run] = shop.runs
    assert outputs_of(run) == {"lead": 7}
    assert not WorkItem.objects.filter(kind="automation_firing").exists()


def test_what_is_registered_stays_through_saves_and_is_taken_back_when_it_is_off(shop, crm, owner):
    automation = shop.automation(triggers=[on_trigger()])
    listener = Listener.objects.get()
    shop.automation(triggers=[on_trigger(conditions=[when("data.id", "eq", 1)])], outputs={"a": 1})
    assert Listener.objects.get().id == listener.id
    shop.automation(triggers=[on_trigger(variables={"list": "a"})])
    assert Listener.objects.get().id != listener.id
    services.switch_automation(actor=owner.actor, automation=automation, active=False)
    assert not Listener.objects.exists()


def test_it_is_registered_with_the_provider_by_a_worker(shop, crm, system, settings):
    settings.PUBLIC_URL = "https://junction.example"
    request = {"method": "POST", "url": f"{system.url}/hooks", "body": "{{ input.hook.url }}"}
    create = {"steps": [{"name": "made", "request": request}], "output": {"id": "{{ steps.made.body.id }}"}}
    delete = {"steps": [{"request": {"method": "DELETE", "url": f"{system.url}/hooks"}}]}
    make_trigger(crm, "told", {"create": create, "delete": delete})
    system.take("/hooks")
    system.routes["DELETE /hooks"] = lambda call: {}
    automation = shop.automation(triggers=[on_trigger(trigger="told")])
    work_off()
    listener = Listener.objects.get()
    assert (listener.state, listener.external_id) == ("active", "r1")
    services.delete_automation(actor=shop.owner.actor, automation=automation)
    work_off()
    assert len(system.made("DELETE /hooks")) == 1
    assert not Listener.objects.exists()


def test_two_automations_hear_of_the_same_event_each_on_its_own(shop, crm):
    shop.automation(triggers=[on_trigger()], id="one")
    shop.automation(triggers=[on_trigger(), {"type": "onExecution", "state": ["canceled"]}], id="two")
    fire(crm)
    shop.work()
    assert sorted(run.target_name for run in shop.runs) == ["One", "Two"]


def test_variables_are_checked_by_the_triggers_schema(shop, crm):
    schema = {"variables": {"type": "object", "properties": {"list": {"type": "string", "x-required": True}}}}
    make_trigger(crm, "strict", {}, schema=schema)
    with pytest.raises(DomainError) as caught:
        shop.automation(triggers=[on_trigger(trigger="strict")])
    assert caught.value.field == "triggers[0].variables"
    with pytest.raises(ValidationErrors):
        shop.automation(triggers=[{"type": "onTrigger", "connector": "crm"}])
