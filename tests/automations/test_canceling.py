"""A cancel reaches all that a run has started: flows with their pages, other automations' runs, their questions."""

import pytest
from django.db import connection, transaction

from apps.audit.models import AuditEntry
from apps.automations.actions import run_flow
from apps.automations.actions.registry import Wait
from apps.automations.approvals.models import Approval
from apps.automations.models import Automation
from apps.catalog.blueprints import save_blueprint
from apps.catalog.services import save_entity
from apps.core.ids import hex24
from apps.executions import services
from apps.executions.models import Execution, State
from apps.executions.services import cancel_execution
from apps.flows.models import Page, PagePayload
from apps.work import claims, doctor, drain, leases
from apps.work.models import Lane, WorkItem
from tests.api import Api
from tests.automations.actions.conftest import step
from tests.automations.conftest import on
from tests.flows.pipeline.conftest import Workshop
from tests.flows.pipeline.test_ending import in_a_thread, lapse

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_held():
    yield
    leases.let_go(leases.held())


@pytest.fixture
def flows(owner, system):
    system.serve_pages("/orders", [{"id": n, "name": f"n{n}"} for n in range(30)])
    system.take("/sink")
    return Workshop(owner, system)


def states(**which):
    return set(Execution.objects.filter(**which).values_list("state", flat=True))


def at_rest():
    return not WorkItem.objects.exists() and doctor.examine() == []


def waiting_for_a_flow(shop, flows):
    """A run that waits for a flow that nobody has begun."""
    shop.automation(step("runFlow", "sync", flowId=hex24(flows.flow().id)))
    shop.happen()
    while not Execution.objects.filter(kind="flow").exists():
        drain.handle(claims.claim_next(Lane.INTERACTIVE) or claims.claim_next(Lane.FLOWS), float("inf"))
    [run] = shop.runs
    assert run.state == State.WAITING
    return run


def test_a_flow_that_a_run_waits_for_is_canceled_with_it_and_sends_nothing(shop, flows, system, owner):
    run = waiting_for_a_flow(shop, flows)
    answer = Api(owner).put(f"/v1/executions/{run.hex_id}/cancel", {})
    assert (answer.status_code, answer.json()["state"]) == (200, "canceled"), answer.content
    flow = Execution.objects.get(kind="flow")
    assert (flow.state, flow.canceled_by) == ("canceled", hex24(owner.user.id))
    assert at_rest()
    shop.work()
    assert system.made("POST /sink") == []
    told = AuditEntry.objects.filter(event="cancel").values_list("resource_id", flat=True)
    assert set(told) == {run.id, flow.id}, "whoever looks at the flow alone finds who has canceled it"
    assert Api(owner).put(f"/v1/executions/{run.hex_id}/cancel", {}).status_code == 409


def test_nobody_cancels_what_is_not_theirs(shop, flows, stranger):
    run = waiting_for_a_flow(shop, flows)
    assert Api(stranger).put(f"/v1/executions/{run.hex_id}/cancel", {}).status_code == 404
    assert states() == {State.WAITING, State.QUEUED}


def test_a_flow_in_the_midst_of_its_pages_writes_no_further_step(shop, flows, system):
    system.take("/second")
    flow = flows.flow(None, flows.import_(), flows.import_("/second"))
    shop.automation(step("runFlow", "sync", flowId=hex24(flow.id)), step("delay", hours=1))
    canceled = []

    def sink(call):
        if not canceled:
            canceled.append(True)
            run = Execution.objects.get(kind="automation")
            in_a_thread(lambda: cancel_execution(actor=shop.owner.actor, execution=run))
        return {"id": 1}

    system.routes["POST /sink"] = sink
    shop.happen()
    shop.work()
    flows.finish(Execution.objects.get(kind="flow"))
    shop.work()
    assert system.made("POST /second") == []
    assert states() == {State.CANCELED}
    assert not Page.objects.filter(state="open").exists() and not PagePayload.objects.exists()
    assert at_rest()


@pytest.mark.parametrize("at_once", [100, 1])
def test_runs_that_a_run_has_triggered_are_canceled_with_their_questions(shop, owner, monkeypatch, at_once):
    """Also those that stand in line behind others of their key, and where workers end most of them."""
    monkeypatch.setattr(services, "STOPPED_AT_ONCE", at_once)
    save_blueprint(actor=owner.actor, id="service", fields={"title": "Service"})
    for name in ("api", "web"):
        save_entity(
            organization_id=owner.organization.id, actor=owner.actor, id=name, blueprint_id="service", title=name
        )
    shop.work()
    shop.automation(id="asks", needsApproval=True, triggers=[on("update")])
    shop.automation(step("delay", hours=1), id="lines", concurrencyKey="one", triggers=[on("update")])
    shop.automation(
        step("triggerAutomations", automationIds=["asks", "lines"], entities={"conditions": []}),
        step("delay", hours=1), id="first", type="selfServiceAction", triggers=[{"type": "manual"}],
    )  # fmt: skip
    run = shop.run(Automation.objects.get(slug="first"))
    children = Execution.objects.filter(parent=run)
    assert (children.count(), states(parent=run)) == (4, {State.WAITING, State.QUEUED})
    cancel_execution(actor=owner.actor, execution=run)
    assert states(parent=run) <= {State.CANCELED, State.CANCELING}
    shop.work()
    assert states() == {State.CANCELED}
    assert set(Approval.objects.values_list("state", flat=True)) == {"canceled"}
    assert at_rest()


def test_the_flow_is_canceled_also_when_the_worker_of_the_run_has_vanished(shop, flows, system):
    run = waiting_for_a_flow(shop, flows)
    with transaction.atomic():
        services.work.hurry(kind=services.WORK, target_id=run.id)
    WorkItem.objects.exclude(target_id=run.id).update(lane="deliveries")
    [held] = claims.claim_next(Lane.FLOWS)
    leases.let_go([held])  # the process is gone, and its lease has not lapsed yet
    row = cancel_execution(actor=shop.owner.actor, execution=run)
    assert row.state == State.CANCELING, "nobody knows yet that its worker is gone"
    assert states(kind="flow") == {State.CANCELED}
    lapse()
    shop.work()
    assert states() == {State.CANCELED} and at_rest()
    assert system.made("POST /sink") == []


def test_a_run_that_is_canceled_just_before_it_starts_a_flow_starts_none(shop, flows, kind):
    flow = hex24(flows.flow().id)

    def start(turn, args):
        in_a_thread(lambda: cancel_execution(actor=shop.owner.actor, execution=turn.execution))
        with transaction.atomic():
            return run_flow.start(turn, {"flowId": flow})

    kind("late", then=start, outside=True)
    shop.automation({"type": "late"})
    shop.happen()
    shop.work()
    assert (states(kind="automation"), states(kind="flow")) == ({State.CANCELED}, set())
    assert at_rest()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="its writers take turns: nobody comes between")
def test_a_run_that_is_canceled_while_it_parks_does_not_wait(shop, kind):
    def listen(turn, args):
        in_a_thread(lambda: cancel_execution(actor=shop.owner.actor, execution=turn.execution))
        raise Wait(reason="a word that never comes")

    kind("listen", then=listen)
    shop.automation({"type": "listen"})
    shop.happen()
    shop.work()
    assert states() == {State.CANCELED} and at_rest()


def test_no_further_action_runs_after_one_in_which_the_run_was_canceled(shop, kind, system):
    """What a call has done is done; the next one is not begun."""

    def hear(call):
        run = Execution.objects.get(kind="automation")
        in_a_thread(lambda: cancel_execution(actor=shop.owner.actor, execution=run))
        return {}

    system.routes["POST /one"] = hear
    system.take("/two")
    shop.automation(step("callWebhook", url=f"{system.url}/one"), step("callWebhook", url=f"{system.url}/two"))
    shop.happen()
    shop.work()
    assert states() == {State.CANCELED} and at_rest()
    assert len(system.made("POST /one")) == 1 and system.made("POST /two") == []


def test_a_persons_retry_of_a_flows_records_is_no_part_of_the_run(shop, flows):
    run = waiting_for_a_flow(shop, flows)
    flow = Execution.objects.get(kind="flow")
    with transaction.atomic():
        retry = services.start_execution(
            organization_id=run.organization_id, kind="retry", target_id=flow.target_id, parent=flow, input={}
        )
    cancel_execution(actor=shop.owner.actor, execution=run)
    retry.refresh_from_db()
    assert retry.state == State.QUEUED
