"""How far a delta export has read: never past what it asked its source for, and never by a plan."""

from datetime import timedelta

import pytest

from apps.core.ids import hex24
from apps.executions.models import Execution
from apps.flows.models import DeltaMark
from tests.flows.pipeline.test_runs import orders

UNTIL = "/orders?until={{currentExportDateTime}}"


def millis(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@pytest.fixture
def flow(workshop, system):
    system.routes["GET /orders"] = lambda call: {"data": orders(1)}
    system.take("/sink")
    return workshop.flow(workshop.export(UNTIL, type="delta"))


def test_the_mark_is_the_moment_that_the_source_was_asked_up_to(workshop, system, flow):
    workshop.run(flow)
    assert millis(DeltaMark.objects.get().last_export_at) == system.made("GET /orders")[0].query["until"]


def test_a_plan_moves_no_mark_and_starts_no_other_flow(workshop, flow):
    other = workshop.flow()
    flow.document["_runNextFlowIds"] = [hex24(other.id)]
    flow.save()
    assert workshop.run(flow, mode="plan").state == "succeeded"
    assert not DeltaMark.objects.exists() and not Execution.objects.filter(target_id=other.id).exists()


def test_a_mark_stays_behind_that_of_another_flow(workshop, flow):
    parent = workshop.flow(workshop.export("/orders", type="delta"))
    flow.document["pageGenerators"][0]["_keepDeltaBehindFlowId"] = hex24(parent.id)
    flow.save()
    workshop.run(flow)
    assert not DeltaMark.objects.filter(flow=flow).exists()
    workshop.run(parent)
    ahead = DeltaMark.objects.get(flow=parent)
    ahead.last_export_at -= timedelta(hours=1)
    ahead.save()
    workshop.run(flow)
    assert DeltaMark.objects.get(flow=flow).last_export_at == ahead.last_export_at
