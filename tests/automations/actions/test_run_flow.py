"""runFlow: the flow is a child that the run waits for, and whose failure it passes on."""

import pytest

from apps.core.errors import ValidationError
from apps.core.ids import hex24
from apps.executions.explain import explain
from apps.executions.models import Execution, State
from apps.work import drain
from apps.work.models import Lane
from tests.api import Api
from tests.automations.actions.conftest import step
from tests.automations.conftest import outputs_of
from tests.flows.pipeline.conftest import Workshop
from tests.systems import Answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def flows(owner, system):
    system.serve_pages("/orders", [{"id": n, "name": f"n{n}"} for n in range(12)])
    system.take("/sink")
    return Workshop(owner, system)


def test_the_run_waits_for_the_flow_and_reads_what_came_of_it(shop, flows, system):
    flow = flows.flow()
    shop.automation(
        step("runFlow", "sync", flowId=hex24(flow.id)),
        outputs={"written": "{{ actions.sync.output.numSuccess }}", "state": "{{ actions.sync.output.state }}"},
    )
    shop.happen()
    drain.drain(Lane.INTERACTIVE)
    shop.work()
    [run] = shop.runs
    assert run.state == State.SUCCEEDED, explain(run)
    assert outputs_of(run) == {"written": 12, "state": "succeeded"}
    [child] = Execution.objects.filter(kind="flow")
    assert (child.parent_id, child.depth, child.triggered_by) == (run.id, 1, "automation")
    assert child.root_id == child.id, "its writes are its own: a second run of it has other keys"
    assert len(system.made("POST /sink")) > 0


def test_a_flow_that_fails_fails_the_action_and_its_reason_is_passed_on(shop, flows, system):
    system.routes["GET /orders"] = lambda call: Answer(400, {"message": "no orders today"})
    shop.automation(step("runFlow", "sync", flowId=hex24(flows.flow().id)))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.FAILED
    assert run.reason.startswith("sync: The flow flow failed")
    assert "no orders today" in run.reason


def test_failed_records_fail_the_action_only_where_it_says_so(shop, flows, system):
    system.routes["POST /sink"] = lambda call: Answer(422, {"message": "no"})
    flow = hex24(flows.flow().id)
    shop.automation(step("runFlow", "a", flowId=flow), outputs={"bad": "{{ actions.a.output.numError }}"}, id="one")
    shop.automation(step("runFlow", "a", flowId=flow, failOnErrors=True), id="two")
    shop.happen()
    shop.work()
    lenient, strict = sorted(shop.runs, key=lambda run: run.target_name)
    assert (lenient.target_name, strict.target_name) == ("One", "Two")
    assert (lenient.state, outputs_of(lenient)) == (State.SUCCEEDED, {"bad": 12})
    assert strict.state == State.FAILED
    assert "12 of its records failed" in strict.reason


def test_without_waiting_the_run_goes_on_at_once(shop, flows):
    shop.automation(
        step("runFlow", "sync", flowId=hex24(flows.flow().id), wait=False),
        outputs={"state": "{{ actions.sync.output.state }}"},
    )
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert outputs_of(run) == {"state": "queued"}
    assert Execution.objects.get(kind="flow").state == State.SUCCEEDED


def test_a_loop_runs_the_flow_anew_each_round(shop, flows, system):
    flow = hex24(flows.flow().id)
    shop.automation(step("forEach", "all", items=[1, 2], actions=[step("runFlow", "f", flowId=flow)]))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.SUCCEEDED, run.reason
    assert Execution.objects.filter(kind="flow", parent=run, state=State.SUCCEEDED).count() == 2
    keys = [call.headers["Idempotency-Key"] for call in system.made("POST /sink")]
    assert len(keys) == len(set(keys)) > 1, "two runs are two runs for the target too"


def test_a_flow_that_is_not_there_is_refused_when_it_is_saved_and_when_a_template_names_it(shop, flows, stranger):
    with pytest.raises(ValidationError) as caught:
        shop.automation(step("runFlow", flowId="0" * 24))
    assert caught.value.field == "actions[0].args.flowId"
    shop.automation(step("runFlow", flowId="{{ data.title }}"))
    shop.happen(title="f" * 24)
    shop.work()
    [run] = shop.runs
    assert run.state == State.FAILED
    assert "actions[0].args.flowId" in run.reason


def test_a_flow_that_runs_for_an_automation_is_a_job_without_a_parent_job(shop, flows, owner):
    flow = hex24(flows.flow().id)
    shop.automation(step("runFlow", flowId=flow))
    shop.happen()
    shop.work()
    [job] = [one for one in Api(owner).get(f"/v1/jobs?_flowId={flow}").json() if one["type"] == "flow"]
    assert "_parentJobId" not in job
