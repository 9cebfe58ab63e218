"""Many short runs at once: each with its own end, in a few commits; what does not fit is done alone."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.executions.models import State
from apps.work.models import WorkItem
from tests.automations.conftest import on, outputs_of, steps_of, when

pytestmark = pytest.mark.django_db(transaction=True)


def test_many_runs_end_each_with_its_own_outputs_in_a_few_commits(shop):
    shop.automation(triggers=[on("update")], outputs={"id": "{{ data.id }}", "n": "{{ data.n * 2 }}"})
    for number in range(40):
        shop.happen(id=f"e{number}", n=number)
    from apps.work import drain

    drain.drain("interactive")
    assert {run.state for run in shop.runs} == {State.QUEUED}
    with CaptureQueriesContext(
        connection,
    ) as queries:
        drain.drain("flows")
    runs = shop.runs
    assert {run.state for run in runs} == {State.SUCCEEDED}
    assert [outputs_of(run) for run in runs] == [{"id": f"e{n}", "n": 2 * n} for n in range(40)]
    assert all(run.started_at and run.ended_at for run in runs)
    assert len(queries) < 40, "far from one commit each"
    assert not WorkItem.objects.filter(kind="execution").exists()


def test_one_that_fails_fails_alone(shop):
    shop.automation(outputs={"x": "{{ 1 / data.n }}"})
    for number in (1, 0, 2):
        shop.happen(n=number)
    shop.work()
    assert [run.state for run in shop.runs] == [State.SUCCEEDED, State.FAILED, State.SUCCEEDED]
    assert "outputs.x" in shop.runs[1].reason


def test_branches_and_loops_leave_their_steps(shop):
    branch = {"type": "branch", "id": "b", "args": {"branches": [
        {"name": "big", "conditions": [when("data.n", "gt", 1)], "actions": []}]}}  # fmt: skip
    shop.automation(branch, outputs={"b": "{{ actions.b.output.branch if actions.b else none }}"})
    for number in (1, 2, 3):
        shop.happen(n=number)
    shop.work()
    assert [outputs_of(run)["b"] for run in shop.runs] == [None, "big", "big"]
    assert [steps_of(run) for run in shop.runs] == [{"actions[0]": "succeeded"}] * 3


def test_their_ends_are_told_to_who_listens(shop):
    shop.automation(id="quick")
    shop.automation(triggers=[{"type": "onExecution", "state": ["succeeded"], "of": {"id": "quick"}}], id="heard")
    for _ in range(3):
        shop.happen()
    shop.work()
    assert sorted(run.target_name for run in shop.runs) == ["Heard"] * 3 + ["Quick"] * 3
    assert {run.state for run in shop.runs} == {State.SUCCEEDED}
