"""From something that fails to somebody who is told once, in words that help, and told again when it is over."""

from datetime import timedelta

import pytest
import time_machine

from apps.alarms import listening, services
from apps.alarms.models import Case, Firing, Message
from apps.core import clock
from apps.core.ids import new_id, parse_id
from apps.events.models import Event
from apps.executions.models import State
from apps.work import doctor
from apps.work.models import WorkItem
from tests.alarms.conftest import look, received, run, slack, told, webhook, work_off

pytestmark = pytest.mark.django_db


def test_a_failure_is_told_by_mail_slack_and_signed_webhook(make, organization, mailbox, receiver):
    channels = [{"type": "email", "to": ["night@acme.example", "day@acme.example"]}, slack(receiver), webhook(receiver)]
    alarm = make(channels=channels)
    execution = run(organization)
    work_off()
    (letter,), (text,) = mailbox.letters, mailbox.texts
    assert letter["Subject"] == "[Acme] Execution failed: flow Orders"
    assert letter["X-Envelope-To"] == "night@acme.example, day@acme.example"
    assert "What         flow Orders: The shop answered 503." in text
    assert "How often    once" in text
    assert "Since        20" in text
    assert "What to do   Open the execution" in text
    assert f"https://junction.example/console/executions/execution/{execution.hex_id}/change/" in text
    assert f"https://junction.example/console/alarms/alarm/{alarm.hex_id}/change/" in text
    (posted,) = receiver.made("POST /slack")
    assert posted.json["text"].startswith("*[Acme] Execution failed: flow Orders*")
    assert f"<https://junction.example/console/executions/execution/{execution.hex_id}/change/>" in posted.json["text"]
    (message,) = received(receiver)
    assert message["type"] == "alarm.firing"
    assert message["data"]["alarm"]["_id"] == alarm.hex_id
    assert message["data"]["firings"][0]["subjects"][0]["message"] == "The shop answered 503."
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    assert not WorkItem.objects.exists()
    assert doctor.examine("alarm messages without work", "alarms without work") == []


def test_a_storm_is_one_message_with_counts_and_the_next_comes_a_period_later(make, organization, mailbox):
    flow = new_id()
    with time_machine.travel("2026-03-01T10:00:00Z", tick=False) as wall:
        make(period=3600)
        run(organization, target=flow)
        work_off()
        for minute in range(1, 6):
            wall.move_to(f"2026-03-01T10:0{minute}:00Z")
            run(organization, target=flow, reason=f"The shop answered 503 at {minute}.")
            work_off()
        assert mailbox.subjects == ["[Acme] Execution failed: flow Orders"]
        wall.move_to("2026-03-01T10:59:59Z")
        look()
        assert len(mailbox.letters) == 1
        wall.move_to("2026-03-01T11:00:00Z")
        look()
        look()
    assert mailbox.subjects[1:] == ["[Acme] Still: Execution failed: flow Orders (5 times more)"]
    assert "How often    6 times, 5 times since the last message" in mailbox.texts[1]
    assert "Since        2026-03-01 10:00:00 UTC" in mailbox.texts[1]
    assert "What         flow Orders (6 times): The shop answered 503 at 5." in mailbox.texts[1]


def test_what_works_again_is_told_with_how_long_it_took(make, organization, mailbox):
    flow = new_id()
    with time_machine.travel("2026-03-01T10:00:00Z", tick=False) as wall:
        make()
        run(organization, target=flow)
        work_off()
        run(organization, name="Invoices", state=State.SUCCEEDED)
        wall.move_to("2026-03-01T10:12:00Z")
        look()
        assert len(mailbox.letters) == 1  # another flow's success means nothing
        run(organization, target=flow, state=State.SUCCEEDED, reason="")
        look()
        look()
    assert mailbox.subjects[1:] == ["[Acme] Recovered after 12 min: Execution failed: flow Orders"]
    assert "Until        2026-03-01 10:12:00 UTC, after 12 min. It works again." in mailbox.texts[1]
    assert Firing.objects.get().ended_at is not None


def test_after_a_recovery_a_new_failure_is_told_anew(make, organization, mailbox):
    flow = new_id()
    make(threshold=1)
    for state in (State.FAILED, State.SUCCEEDED, State.FAILED):
        run(organization, target=flow, state=state)
        work_off()
        look()
    assert [what for what, _ in told()] == ["firing", "recovered", "firing"]
    assert list(Firing.objects.order_by("id").values_list("count", flat=True)) == [1, 1]


def test_nothing_is_told_below_the_threshold_and_old_cases_do_not_count(make, organization, mailbox):
    flow = new_id()
    with time_machine.travel("2026-03-01T10:00:00Z", tick=False) as wall:
        make(threshold=3, window=600)
        for minute in (0, 8, 11):
            wall.move_to(f"2026-03-01T10:{minute:02}:00Z")
            run(organization, target=flow)
            work_off()
        assert mailbox.letters == []  # three, but the first was eleven minutes ago
        wall.move_to("2026-03-01T10:12:00Z")
        run(organization, target=flow)
        work_off()
    assert mailbox.subjects == ["[Acme] Execution failed: flow Orders (3 times)"]
    assert "Since        2026-03-01 10:08:00 UTC" in mailbox.texts[0]


def test_groups_are_told_apart_or_together_as_the_rule_says(make, organization, mailbox, api):
    folder = api.post("/v1/integrations", {"name": "Warehouse"}).json()["_id"]
    each, together, all_ = make(name="a"), make(name="b", groupBy="integration"), make(name="c", groupBy="none")
    for name in ("Orders", "Parcels"):
        run(organization, name=name, integration_id=parse_id(folder))
    work_off()
    look()
    titles = {alarm: sorted(alarm.firings.values_list("title", "count")) for alarm in (each, together, all_)}
    assert titles[each] == [("flow Orders", 1), ("flow Parcels", 1)]
    assert titles[together] == [("integration Warehouse", 2)]
    assert titles[all_] == [("the whole organization", 2)]
    assert len(mailbox.letters) <= 2 + 2 + 2


def test_a_rule_looks_at_its_scope_alone(make, organization, mailbox, api, stranger):
    folder = api.post("/v1/integrations", {"name": "Warehouse"}).json()["_id"]
    make(scope={"_integrationId": folder})
    run(organization, name="Elsewhere")
    run(stranger.organization, name="Of others", integration_id=parse_id(folder))
    work_off()
    assert Case.objects.count() == 0
    run(organization, name="Here", integration_id=parse_id(folder))
    work_off()
    assert mailbox.subjects == ["[Acme] Execution failed: flow Here"]


def test_what_was_dispatched_twice_counts_once(make, organization, mailbox):
    make()
    run(organization)
    work_off()
    event = Event.objects.get()
    listening.deliver(event)
    work_off()
    assert (Case.objects.count(), Firing.objects.get().count, len(mailbox.letters)) == (1, 1, 1)


def test_planned_runs_and_successes_cost_and_tell_nothing(make, organization, mailbox):
    make()
    run(organization, mode="plan")
    run(organization, state=State.SUCCEEDED)
    work_off()
    assert (Case.objects.count(), mailbox.letters) == (0, [])
    assert Event.objects.filter(type="execution.succeeded").count() == 0


def test_a_group_that_is_calm_for_a_day_is_over(make, organization, mailbox):
    with time_machine.travel("2026-03-01T10:00:00Z", tick=False) as wall:
        make()
        run(organization)
        work_off()
        wall.move_to("2026-03-02T10:00:01Z")
        look()
    assert mailbox.subjects[1:] == ["[Acme] Recovered after 1 d: Execution failed: flow Orders"]
    assert "Nothing more came for 1 d." in mailbox.texts[1]


def test_recoveries_are_left_untold_where_the_rule_says_so(make, organization, mailbox):
    flow = new_id()
    make(tellRecovery=False)
    run(organization, target=flow)
    work_off()
    run(organization, target=flow, state=State.SUCCEEDED)
    look()
    assert (len(mailbox.letters), Firing.objects.filter(ended_at=None).count()) == (1, 0)


def test_a_thousand_failures_at_once_are_judged_together(make, organization, mailbox, django_assert_max_num_queries):
    make(groupBy="none")
    for number in range(30):
        run(organization, name=f"Flow {number}")
    work_off("interactive")
    with django_assert_max_num_queries(120):
        work_off()
    assert len(mailbox.letters) == 1
    assert Firing.objects.get().count == 30
    assert "… and " in mailbox.texts[0] or "30 times" in mailbox.subjects[0]


def test_old_messages_cases_and_ended_firings_are_forgotten_in_batches(make, organization, mailbox):
    flow = new_id()
    make()
    run(organization, target=flow)
    work_off()
    run(organization, target=flow, state=State.SUCCEEDED)
    look()
    run(organization, name="Invoices")
    work_off()
    services.prune(now=clock.now() + timedelta(days=7))
    assert (Message.objects.count(), Case.objects.count(), Firing.objects.count()) == (3, 2, 2)
    services.prune(now=clock.now() + timedelta(days=9), batch=1)
    assert (Message.objects.count(), Case.objects.count(), Firing.objects.count()) == (3, 0, 2)
    services.prune(now=clock.now() + timedelta(days=91), batch=1)
    assert (Message.objects.count(), Firing.objects.count()) == (0, 1)  # what still fires is kept
