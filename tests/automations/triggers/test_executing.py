"""A version's execute: exactly that one runs, in the call; errors have their statuses; a wait is no lost answer."""

import pytest

from apps.executions.models import Execution, ExecutionData, State, Step
from apps.work.models import WorkItem
from tests.api import Api
from tests.automations.actions.conftest import step
from tests.systems import Answer

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
MANUAL = {"type": "manual", "inputSchema": NUMBER}
BAD = [({"input": {"n": "x"}}, 422, "input.n"), ({}, 422, "input.n"), ({"input": 5}, 422, "input"), ([], 400, "")]


@pytest.fixture
def api(owner):
    return Api(owner)


def made(shop, *actions, **members):
    return shop.automation(*actions, **{"type": "selfServiceAction", "triggers": [MANUAL], **members})


def execute(api, automation, version=None, *, input=None, **headers):
    version = version or automation.version_id
    return api.post(f"/v1/automation/{automation.id}/version/{version}/execute", {"input": input or {}}, **headers)


def test_exactly_the_named_version_runs_and_nothing_but_its_end_is_stored(shop, api):
    first = made(shop, outputs={"n": "{{ args.n + 1 }}"}).version_id
    automation = made(shop, outputs={"n": "{{ args.n + 100 }}"})
    answer = execute(api, automation, first, input={"n": 5})
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"input": {"n": 5}, "output": {"n": 6}}
    assert execute(api, automation, "2", input={"n": 5}).json()["output"] == {"n": 105}
    assert Execution.objects.filter(kind="automation", state=State.SUCCEEDED).count() == 2
    assert answer.headers["Junction-Execution"] == str(Execution.objects.order_by("id").first().id)
    assert not WorkItem.objects.filter(kind="execution").exists()


def test_input_is_checked_by_the_manual_triggers_schema(shop, api):
    automation = made(shop, outputs={})
    for body, status, told in BAD:
        answer = api.post(f"/v1/automation/{automation.id}/version/{automation.version_id}/execute", body)
        assert answer.status_code == status, answer.content
        assert told in answer.json()["error"]
    assert not Execution.objects.filter(kind="automation").exists()


def test_an_automation_without_a_manual_trigger_gets_its_input_as_data(shop, api):
    automation = shop.automation(outputs={"t": "{{ data.title }}"})
    assert execute(api, automation, input={"title": "Web"}).json()["output"] == {"t": "Web"}


def test_what_is_not_there_or_off_is_refused(shop, api, stranger, monitor):
    automation = made(shop, outputs={})
    other = made(shop, outputs={}, id="other")
    assert execute(api, automation, "9" * 24, input={"n": 1}).status_code == 404
    assert execute(api, automation, other.version_id, input={"n": 1}).status_code == 404
    assert execute(Api(stranger), automation, input={"n": 1}).status_code == 404
    assert execute(Api(monitor), automation, input={"n": 1}).status_code == 200
    off = made(shop, outputs={}, isActive=False)
    assert execute(api, off, input={"n": 1}).status_code == 409


def test_one_key_is_one_run(shop, api, system):
    system.take("/in")
    automation = made(shop, step("callWebhook", url=f"{system.url}/in"), outputs={"n": "{{ args.n }}"})
    answers = [execute(api, automation, input={"n": 1}, Idempotency_Key="k1") for _ in range(2)]
    assert [answer.json()["output"] for answer in answers] == [{"n": 1}] * 2
    assert len(system.made("POST /in")) == 1
    assert execute(api, automation, input={"n": 2}, Idempotency_Key="k1").status_code == 422


def test_a_write_is_stored_before_it_is_sent(shop, api, system):
    def look(call):
        [run] = Execution.objects.filter(kind="automation")
        assert run.state == State.RUNNING
        assert WorkItem.objects.get(target_id=run.id).lease_until is not None
        return {"ok": Step.objects.get(execution=run, state=Step.State.INTENT).effect}

    system.routes["POST /in"] = look
    automation = made(
        shop, step("callWebhook", "h", url=f"{system.url}/in"), outputs={"e": "{{ actions.h.output.body.ok }}"}
    )
    answer = execute(api, automation, input={"n": 1})
    assert answer.json()["output"] == {"e": "key"}, answer.content
    [run] = Execution.objects.filter(kind="automation")
    assert run.state == State.SUCCEEDED
    assert {row.state for row in Step.objects.filter(execution=run)} == {"succeeded"}
    assert not WorkItem.objects.filter(kind="execution").exists()


def test_a_failed_action_is_told_with_its_status(shop, api, system):
    system.routes["POST /in"] = lambda call: Answer(400, {"message": "no"})
    automation = made(shop, step("callWebhook", "h", url=f"{system.url}/in"))
    answer = execute(api, automation, input={"n": 1})
    assert (answer.status_code, "answered 400" in answer.json()["error"]) == (502, True)
    [run] = Execution.objects.filter(kind="automation")
    assert (run.state, "answered 400" in run.reason) == (State.FAILED, True)
    raising = made(shop, outputs={"x": "{{ 1 / 0 }}"}, id="raising")
    answer = execute(api, raising, input={"n": 1})
    assert answer.status_code == 422, answer.content
    assert "outputs.x" in answer.json()["error"]


def test_a_run_that_waits_goes_on_without_its_caller(shop, api, kind, later):
    notebook = kind()
    automation = made(shop, step("note", n="{{ args.n }}"), step("delay", hours=1), step("note", n=2))
    answer = execute(api, automation, input={"n": 1})
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    shop.work()
    assert notebook.notes == [{"n": 1}]
    later(hours=2)
    shop.work()
    [run] = shop.runs
    assert (run.state, notebook.notes) == (State.SUCCEEDED, [{"n": 1}, {"n": 2}])


def test_one_that_needs_approval_is_the_workers_from_its_beginning(shop, api, kind):
    notebook = kind()
    automation = made(shop, step("note"), needsApproval=True)
    assert execute(api, automation, input={"n": 1}).status_code == 202
    shop.work()
    [run] = shop.runs
    assert (run.state, notebook.notes) == (State.WAITING, [])


def test_a_run_whose_process_died_is_ended_and_not_done_again(shop, api, system):
    system.take("/in")
    automation = made(shop, step("callWebhook", url=f"{system.url}/in"))
    execute(api, automation, input={"n": 1})
    [run] = shop.runs
    run.steps.filter(kind="effect").update(state=Step.State.INTENT, outcome=b"")
    type(run).objects.filter(pk=run.pk).update(state=State.RUNNING, ended_at=None)
    from django.db import transaction

    from apps.work import services as work

    with transaction.atomic():
        work.add(kind="execution", lane="flows", organization_id=run.organization_id, target_id=run.id)
    shop.work()
    run.refresh_from_db()
    assert (run.state, "interrupted" in run.reason) == (State.FAILED, True)
    assert len(system.made("POST /in")) == 1


def test_respond_async_answers_at_once(shop, api):
    automation = made(shop, outputs={"n": "{{ args.n }}"})
    answer = execute(api, automation, input={"n": 1}, Prefer="respond-async")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    shop.work()
    assert shop.runs[0].state == State.SUCCEEDED


def test_the_run_is_stored_with_its_input_and_output(shop, api):
    from apps.executions.payloads import unpack

    automation = made(shop, outputs={"n": "{{ args.n }}"})
    execute(api, automation, input={"n": 7})
    data = ExecutionData.objects.get()
    assert unpack(data.input)["args"] == {"n": 7}
    assert unpack(data.output) == {"outputs": {"n": 7}}
