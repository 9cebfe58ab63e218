"""Delays: due rows that outlive any process, however long they are."""

from datetime import timedelta

import pytest
from django.db import transaction

from apps.core import clock
from apps.core.errors import ValidationErrors
from apps.executions.explain import explain
from apps.executions.models import State
from apps.executions.services import WORK
from apps.work import services as work
from apps.work.models import WorkItem
from tests.automations.actions.conftest import step
from tests.automations.conftest import outputs_of, steps_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_delay_of_days_is_a_due_row_and_goes_on_when_they_are_over(shop, kind, later):
    notebook = kind()
    shop.automation(step("delay", "wait", days=3, hours=12), step("note", x="{{ actions.wait.output.until }}"))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.WAITING
    item = WorkItem.objects.get(kind=WORK, target_id=run.id)
    assert item.lease_until is None, "nobody holds it meanwhile"
    assert timedelta(days=3, hours=11) < item.due_at - clock.now() <= timedelta(days=3, hours=12)
    assert "a delay until" in explain(run)
    later(days=3)
    shop.work()
    assert notebook.notes == []
    later(hours=13)
    shop.work()
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED
    assert notebook.notes == [{"x": step_output(run)}]


def step_output(run):
    from apps.executions.models import Step
    from apps.executions.payloads import unpack

    return unpack(Step.objects.get(execution=run, path="actions[0]").outcome)[2]["output"]["until"]


def test_a_wake_up_before_its_time_changes_nothing(shop, kind, later):
    notebook = kind()
    shop.automation(step("delay", seconds=3600), step("note"))
    shop.happen()
    shop.work()
    [run] = shop.runs
    with transaction.atomic():
        assert work.hurry(kind=WORK, target_id=run.id)
    shop.work()
    run.refresh_from_db()
    assert (run.state, notebook.notes) == (State.WAITING, [])
    assert WorkItem.objects.get(target_id=run.id).due_at > clock.now() + timedelta(minutes=50)


def test_a_delay_may_end_at_a_moment_and_one_that_is_past_is_none(shop):
    shop.automation(
        step("delay", "a", until="2020-01-01T00:00:00Z"),
        step("delay", "b", seconds="{{ 0 }}"),
        outputs={"a": "{{ actions.a.output.until }}"},
    )
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.SUCCEEDED
    assert outputs_of(run) == {"a": "2020-01-01T00:00:00.000Z"}
    assert steps_of(run) == {"actions[0]": "succeeded", "actions[1]": "succeeded"}


@pytest.mark.parametrize(
    ("args", "at"),
    [
        ({}, "actions[0].args"),
        ({"days": -1}, "actions[0].args.days"),
        ({"days": 10**9}, "actions[0].args.days"),
        ({"weeks": 1}, "actions[0].args"),
        ({"seconds": "soon"}, "actions[0].args.seconds"),
    ],
)
def test_what_is_no_delay_is_refused_by_its_path(shop, args, at):
    with pytest.raises(ValidationErrors) as caught:
        shop.automation(step("delay", **args))
    assert caught.value.field.startswith(at)


def test_one_that_turns_out_too_long_fails_the_run_and_says_where(shop):
    shop.automation(step("delay", days="{{ 400 }}"))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.FAILED
    assert "actions[0].args" in run.reason
    assert "365 days" in run.reason
