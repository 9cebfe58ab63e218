"""Runs that stand still until somebody says yes: before the first action, and in their midst."""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction

from apps.accounts.models import User
from apps.automations.approvals import planning, reviews
from apps.automations.approvals.models import Approval
from apps.automations.approvals.services import answer_approval
from apps.automations.approvals.showing import plan_of
from apps.automations.services import delete_automation, switch_automation
from apps.core.clock import now
from apps.core.errors import ConflictError, ValidationError, ValidationErrors
from apps.executions import queue
from apps.executions.explain import explain
from apps.executions.models import Step
from apps.executions.services import cancel_execution
from apps.work import claims, leases
from apps.work import services as work
from apps.work.doctor import examine
from apps.work.models import WorkItem
from tests.automations.conftest import outputs_of, steps_of

pytestmark = pytest.mark.django_db(transaction=True)
MANUAL = {"type": "manual", "inputSchema": {"type": "object", "properties": {"size": {"type": "integer"}}}}
ASKED = {"id": "resize", "type": "selfServiceAction", "triggers": [MANUAL], "needsApproval": True}
NOTE = {"type": "note", "id": "noted", "title": "Resize it", "args": {"size": "{{ args.size }}"}}


def question(**args):
    return {"type": "approval", "id": "asked", "args": args}


def test_nothing_runs_until_somebody_else_says_yes(shop, kind, ann):
    notebook = kind()
    run = shop.run(shop.automation(NOTE, **ASKED), args={"size": 3})
    assert run.state == "waiting" and notebook.notes == [] and steps_of(run) == {}
    assert explain(run).startswith("It waits for approval by ann@acme.example, asked at ")
    row = Approval.objects.get(execution=run)
    assert (row.requester, row.automation_name) == (shop.owner.user, "Resize")
    answer_approval(actor=ann.actor, approval=row, approve=True)
    shop.work()
    run.refresh_from_db()
    assert run.state == "succeeded" and notebook.notes == [{"size": 3}]
    review = reviews.reviews_of([run.id])[run.id]
    assert (review.waiting, review.by) == (False, ann.user.id) and review.at is not None


def test_a_no_ends_the_run_with_its_reason(shop, kind, ann):
    notebook = kind()
    run = shop.run(shop.automation(NOTE, **ASKED), args={})
    reviews.answer_run(actor=ann.actor, execution=run, approve=False, reason="too large")
    shop.work()
    run.refresh_from_db()
    assert (run.state, run.reason) == ("canceled", "Rejected by ann@acme.example: too large")
    assert notebook.notes == [] and reviews.reviews_of([run.id])[run.id].rejected
    with pytest.raises(ConflictError, match="It was rejected by ann"):
        reviews.answer_run(actor=ann.actor, execution=run, approve=True)


def test_a_no_by_the_runs_own_address_needs_no_reason(shop, kind, ann):
    kind()
    run = shop.run(shop.automation(NOTE, **ASKED), args={})
    row = reviews.answer_run(actor=ann.actor, execution=run, approve=False)
    assert (row.state, row.reason) == ("rejected", "No reason was given.")


def test_a_run_that_asks_nobody_cannot_be_answered(shop, kind, ann):
    kind()
    run = shop.run(shop.automation(NOTE, **{**ASKED, "needsApproval": False}), args={})
    with pytest.raises(ConflictError, match="nobody's approval"):
        reviews.answer_run(actor=ann.actor, execution=run, approve=True)


def test_the_plan_shows_what_is_known_and_no_secret(shop, kind, ann):
    kind()
    later = {"type": "note", "args": {"was": "{{ actions.noted.output.size }}", "key": "k={{ secrets.token }}"}}
    automation = shop.automation(
        NOTE, later, **ASKED, secrets={"token": "s3cr3t"}, arguments={"team": "core"}, description="Makes it larger.",
        approval={"message": "May it be {{ args.size }}?"},
    )  # fmt: skip
    run = shop.run(automation, args={"size": 3})
    row = Approval.objects.get(execution=run)
    assert row.message == "May it be 3?"
    plan = plan_of(row)
    assert plan["args"] == {"size": 3} and plan["arguments"] == {"team": "core"}
    assert plan["description"] == "Makes it larger."
    assert plan["actions"][0] == {"id": "noted", "type": "note", "title": "Resize it", "args": {"size": 3}}
    assert plan["actions"][1]["args"] == {"was": "{{ actions.noted.output.size }}", "key": "k=******"}


def test_templates_that_make_what_cannot_be_kept_do_not_end_the_run(shop, kind, ann):
    kind()
    odd = {"type": "note", "args": {"huge": "{{ 10 ** 30 }}", "half": "{{ '\\ud800' }}"}}
    automation = shop.automation(odd, **ASKED, approval={"message": "May {{ '\\ud800' }} it {{ '\\x00' }}?"})
    run = shop.run(automation, args={})
    assert run.state == "waiting", run.reason
    row = Approval.objects.get(execution=run)
    assert row.message == "May ? it ?" and plan_of(row)["actions"][0]["args"] == odd["args"]


@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        ("approve", ("succeeded", "")),
        ("reject", ("canceled", "Rejected: nobody answered in time.")),
        ("fail", ("failed", "It needed an approval, and nobody answered in time.")),
    ],
)
def test_silence_ends_the_wait(outcome, end, shop, kind, ann):
    kind()
    automation = shop.automation(NOTE, **ASKED, approval={"timeoutSeconds": 60, "onTimeout": outcome})
    run = shop.run(automation, args={"size": 1})
    assert run.state == "waiting"
    with time_machine.travel(now() + timedelta(seconds=61)):
        WorkItem.objects.filter(kind="approval").update(due_at="2000-01-01T00:00:00Z")
        shop.work()
    run.refresh_from_db()
    assert (run.state, run.reason) == end
    assert not WorkItem.objects.exclude(lane="deliveries").exists()


def test_a_canceled_run_closes_its_question(shop, kind, ann):
    kind()
    run = shop.run(shop.automation(NOTE, **ASKED), args={})
    cancel_execution(actor=shop.owner.actor, execution=run)
    row = Approval.objects.get(execution=run)
    assert row.state == "canceled"
    with pytest.raises(ConflictError, match="Its run ended"):
        answer_approval(actor=ann.actor, approval=row, approve=True)
    assert examine("approvals of ended runs", "timeouts of approvals without work", "executions without work") == []


def test_a_run_of_an_automation_that_is_deleted_waits_no_more(shop, kind, ann):
    kind()
    automation = shop.automation(NOTE, **ASKED)
    run = shop.run(automation, args={})
    delete_automation(actor=shop.owner.actor, automation=automation)
    shop.work()
    run.refresh_from_db()
    assert run.state == "failed" and "was deleted" in run.reason
    assert Approval.objects.get(execution=run).state == "canceled"


def test_a_plan_asks_nobody(shop, kind, ann):
    notebook = kind()
    run = shop.run(shop.automation(NOTE, **ASKED), args={"size": 1}, mode="plan")
    assert run.state == "succeeded" and notebook.notes == [{"size": 1}]
    assert not Approval.objects.exists()


def test_an_answer_that_comes_while_the_run_is_in_a_workers_hands_is_not_lost(shop, kind, ann):
    """Something else woke it, and a worker is about to look again when the yes comes."""
    notebook = kind()
    run = shop.run(shop.automation(NOTE, **ASKED), args={"size": 1})
    with transaction.atomic():
        work.hurry(kind="execution", target_id=run.id)
    (claim,) = claims.claim_next("flows")
    reviews.answer_run(actor=ann.actor, execution=run, approve=True)
    queue.handle([claim])
    leases.let_go(leases.held())
    run.refresh_from_db()
    assert run.state == "succeeded" and notebook.notes == [{"size": 1}]


def test_a_wake_up_without_an_answer_waits_on(shop, kind, ann):
    kind()
    run = shop.run(shop.automation(NOTE, **ASKED), args={})
    with transaction.atomic():
        work.hurry(kind="execution", target_id=run.id)
    shop.work()
    run.refresh_from_db()
    assert run.state == "waiting" and Approval.objects.filter(execution=run).count() == 1


def test_an_action_asks_in_the_midst_of_a_run(shop, kind, ann):
    notebook = kind()
    after = {"type": "note", "args": {"by": "{{ actions.asked.output.answeredBy }}"}}
    automation = shop.automation(
        NOTE, question(message="Go on with {{ actions.noted.output.size }}?"), after,
        **{**ASKED, "needsApproval": False}, outputs={"why": "{{ actions.asked.output.reason }}"},
    )  # fmt: skip
    run = shop.run(automation, args={"size": 2})
    assert run.state == "waiting" and notebook.notes == [{"size": 2}]
    row = Approval.objects.get(execution=run)
    assert (row.path, row.message) == ("actions[1]", "Go on with 2?")
    answer_approval(actor=ann.actor, approval=row, approve=True, reason="looks right")
    shop.work()
    run.refresh_from_db()
    assert run.state == "succeeded", run.reason
    assert notebook.notes == [{"size": 2}, {"by": "ann@acme.example"}]
    assert outputs_of(run) == {"why": "looks right"}
    step = Step.objects.get(execution=run, path="actions[1]")
    assert step.message.startswith("It was approved by ann@acme.example at ")


def test_a_no_in_the_midst_ends_the_run_as_rejected(shop, kind, ann):
    notebook = kind()
    run = shop.run(shop.automation(question(), NOTE, **{**ASKED, "needsApproval": False}), args={})
    reviews.answer_run(actor=ann.actor, execution=run, approve=False, reason="no")
    shop.work()
    run.refresh_from_db()
    assert (run.state, run.reason) == ("canceled", "Rejected by ann@acme.example: no")
    assert notebook.notes == []


def test_a_run_may_go_on_after_a_no(shop, kind, ann):
    notebook = kind()
    after = {"type": "note", "args": {"yes": "{{ actions.asked.output.approved }}"}}
    automation = shop.automation(question(onReject="continue"), after, **{**ASKED, "needsApproval": False})
    run = shop.run(automation, args={})
    reviews.answer_run(actor=ann.actor, execution=run, approve=False, reason="no")
    shop.work()
    run.refresh_from_db()
    assert run.state == "succeeded" and notebook.notes == [{"yes": False}]


def test_a_run_asks_as_often_as_it_says(shop, kind, ann):
    kind()
    automation = shop.automation(question(), {**question(), "id": "again"}, NOTE, **ASKED)
    run = shop.run(automation, args={"size": 1})
    for asked in (1, 2, 3):
        assert Approval.objects.filter(execution=run).count() == asked
        reviews.answer_run(actor=ann.actor, execution=run, approve=True)
        shop.work()
    run.refresh_from_db()
    assert run.state == "succeeded"


def test_bad_settings_are_refused_when_they_are_saved(shop, kind, ann):
    kind()
    for approval, field in (
        ({"roles": ["monitor"]}, "approval.roles[0]"),
        ({"members": ["nobody@acme.example"]}, "approval.members[0]"),
        ({"message": "{{ broken"}, "approval.message"),
    ):
        with pytest.raises(ValidationError) as caught:
            shop.automation(NOTE, **ASKED, approval=approval)
        assert caught.value.field == field
    for args, field in (
        ({"roles": ["monitor"]}, "actions[0].args.roles[0]"),
        ({"timeoutSeconds": "soon"}, "actions[0].args.timeoutSeconds"),
        ({"members": ["nobody@acme.example"]}, "actions[0].args.members[0]"),
        ({"onReject": "retry"}, "actions[0].args.onReject"),
    ):
        with pytest.raises((ValidationError, ValidationErrors)) as caught:
            shop.automation(question(**args), **ASKED)
        assert caught.value.field == field


def test_an_automation_that_names_somebody_who_has_left_can_be_switched_off(shop, kind, ann):
    kind()
    automation = shop.automation(NOTE, **ASKED, approval={"members": ["ann@acme.example"]})
    User.objects.filter(pk=ann.user.pk).update(is_active=False)
    assert not switch_automation(actor=shop.owner.actor, automation=automation, active=False).is_active


@pytest.mark.parametrize(
    ("path", "ids"),
    [("actions[0]", ["b", "c"]), ("actions[2]", []), ("actions[1].args.actions[0]", ["y"])],
)
def test_what_follows_an_action_is_found_in_its_own_list(path, ids):
    inner = [{"id": "x"}, {"id": "y"}]
    document = {"actions": [{"id": "a"}, {"id": "b", "args": {"actions": inner}}, {"id": "c"}]}
    assert [action["id"] for action in planning.following(document, path)] == ids
