"""A catalogue updated all at once, with many automations listening: each event asks each of them once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.automations.models import Run
from apps.automations.triggers import fanning
from apps.catalog.blueprints import save_blueprint
from apps.catalog.services import EntityWrite, save_entities
from apps.events.models import Event
from apps.executions.models import State
from apps.work import drain
from apps.work.models import Lane, WorkItem
from tests.automations.conftest import on, when

pytestmark = pytest.mark.django_db(transaction=True)
AUTOMATIONS = 20


@pytest.fixture
def crowd(shop):
    """Twenty automations, of which each wants the entities of one number."""
    save_blueprint(actor=shop.owner.actor, id="service", fields={"title": "Service"})
    for number in range(AUTOMATIONS):
        condition = when("data.properties.n", "eq", "{{ arguments.n }}")
        shop.automation(id=f"rule-{number}", triggers=[on("update", conditions=[condition])], arguments={"n": number})
    return shop


def write(shop, count, **properties):
    writes = [
        EntityWrite(
            id=f"e{number}", blueprint_id="service", title=f"E {number}",
            properties={"n": number % AUTOMATIONS, **properties},
        )
        for number in range(count)
    ]  # fmt: skip
    save_entities(organization_id=shop.organization.id, actor=None, writes=writes)


def test_two_hundred_entities_updated_at_once_are_all_asked_once(crowd):
    write(crowd, 200)
    crowd.work()
    assert not crowd.runs, "nobody listens to what is new"
    write(crowd, 200, seen=1)
    crowd.work()
    told = [
        (run.execution.data, run.automation_slug)
        for run in Run.objects.select_related("execution__data").order_by("execution_id")
    ]
    from apps.executions.payloads import unpack

    found = sorted((unpack(data.input)["data"]["id"], slug) for data, slug in told)
    assert found == sorted((f"e{number}", f"rule-{number % AUTOMATIONS}") for number in range(200))
    assert {run.state for run in crowd.runs} == {State.SUCCEEDED}
    assert not Event.objects.exclude(waiting_for="").exists() and not WorkItem.objects.exists()


def test_dispatching_costs_the_same_however_many_listen(crowd):
    write(crowd, 50)
    crowd.work()
    write(crowd, 50, seen=1)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        while drain.drain(Lane.INTERACTIVE):
            pass
    assert Run.objects.count() == 50
    assert len(queries) < 50, f"{len(queries)} for 50 events and {AUTOMATIONS} automations"


def test_very_many_that_listen_are_asked_in_batches_that_keep_their_place(shop, monkeypatch):
    monkeypatch.setattr(fanning, "BATCH", 3)
    for number in range(8):
        shop.automation(id=f"rule-{number}", order=-number)
    shop.happen()
    shop.happen()
    shop.work()
    slugs = list(Run.objects.order_by("execution_id").values_list("automation_slug", flat=True))
    wanted = [f"rule-{number}" for number in reversed(range(8))]
    assert sorted(slugs) == sorted(wanted * 2)
    assert not fanning.FanOut.objects.exists()
