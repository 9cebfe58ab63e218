"""One sentence for each reason to wait."""

from datetime import timedelta

import pytest
from django.db import transaction

from apps.connections.models import Connection, Limit
from apps.core.clock import now
from apps.core.ids import hex24, new_id
from apps.executions.explain import explain
from apps.executions.models import Execution
from apps.executions.services import NewExecution, start_new
from apps.work import claims, leases, sql
from apps.work import services as work
from apps.work.models import WorkItem

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def start(organization):
    def start(**fields):
        snapshot = {"exports": {"1": {"_connectionId": fields.pop("connection", None)}}, "imports": {}}
        return start_new(
            NewExecution(organization_id=organization.id, kind="flow", target_id=new_id(), input=snapshot, **fields)
        )

    yield start
    leases.let_go(leases.held())


@pytest.fixture
def worker(db):
    sql.execute(
        "INSERT INTO work_node (name, roles, lanes, started_at, seen_at)"
        f" VALUES ('here:1', 'web,worker', 'flows,interactive', {sql.now_sql()}, {sql.now_sql()})",
        [],
    )


def pages(execution, count):
    with transaction.atomic():
        work.add_many(
            kind="page", lane="flows", organization_id=execution.organization_id, group_id=execution.id,
            target_ids=[new_id() for _ in range(count)],
        )  # fmt: skip


def test_nobody_is_there_to_work(start):
    assert explain(start()) == "It waits for a worker: no living process drains the lane flows."


def test_it_is_next(start, worker):
    assert explain(start()) == "It waits in the lane flows, next of its organization, for one of 1 living workers."


def test_others_were_before_it(start, worker):
    start()
    start()
    assert "behind 2 others of its organization" in explain(start())


def test_it_is_being_worked_on(start, worker):
    execution = start()
    claims.claim_next("flows")
    pages(execution, 3)
    assert explain(execution) == f"It is being worked on by {leases.node_name()}, with 3 pages not begun."


def test_its_pages_are_in_other_hands(start, worker):
    execution = start()
    (claim,) = claims.claim_next("flows")
    pages(execution, 2)
    with transaction.atomic():
        work.wait_seconds(claim, 60, reason="its pages are in other workers' hands")
    claims.claim_group(execution.id, kind="page", limit=2)
    assert explain(execution) == f"It waits for 2 pages in the hands of {leases.node_name()}."


def test_a_connection_is_paused(start, organization, worker):
    system = Connection.objects.create(organization=organization, name="Shop", type="http")
    until = now() + timedelta(minutes=2)
    Limit.objects.create(connection=system, paused_until=until, paused_reason="The target answered 429")
    execution = start(connection=hex24(system.id))
    WorkItem.objects.update(due_at=until, reason="its source is to be asked again")
    assert "connection Shop is paused until" in explain(execution)
    assert "(The target answered 429)" in explain(execution)


def test_it_waits_for_a_moment(start, worker):
    execution = start()
    WorkItem.objects.update(due_at=now() + timedelta(days=2), reason="its source is to be asked again")
    day = (now() + timedelta(days=2)).strftime("%Y-%m-%d")
    assert explain(execution).startswith(f"It waits until {day}")
    assert explain(execution).endswith(": its source is to be asked again.")


def test_it_is_parked_on_a_connection(start, organization, worker):
    system = Connection.objects.create(
        organization=organization, name="Shop", type="http", offline_since=now(), offline_reason="connection refused"
    )
    execution = start()
    WorkItem.objects.update(parked_on=f"connection:{system.id}")
    said = explain(execution)
    assert said.startswith("It waits, parked on connection Shop, offline since ")
    assert said.endswith(": connection refused.")


def test_an_older_one_has_its_serial_key(start, worker):
    first, second = start(serial_key="order 7"), start(serial_key="order 7")
    assert explain(second) == f"It waits behind execution {first.hex_id}, which has the same serial key."


def test_it_waits_for_a_child(start, worker):
    parent = start()
    child = start(parent=parent, target_name="nightly")
    WorkItem.objects.filter(target_id=parent.id).update(due_at=now() + timedelta(minutes=5))
    assert explain(parent) == f"It waits for execution {child.hex_id} (flow nightly), which is queued."


def test_it_is_being_canceled(start, owner, worker):
    from apps.executions.services import cancel_execution

    execution = start()
    claims.claim_next("flows")
    row = cancel_execution(actor=owner.actor, execution=execution)
    assert explain(row) == f"It is being canceled; it is being worked on by {leases.node_name()}."


def test_it_has_ended(start):
    execution = start()
    Execution.objects.update(state="failed", reason="timed out", ended_at=now())
    execution.refresh_from_db()
    assert explain(execution) == f"It has failed at {execution.ended_at:%H:%M:%S} UTC: timed out."


def test_nothing_is_left_of_it(start):
    execution = start()
    WorkItem.objects.all().delete()
    assert "Nothing is left" in explain(execution)


def test_the_api_tells_it_with_its_steps_and_exchanges(client, start, owner, stranger, monitor):
    execution = start()
    address = f"/v1/executions/{execution.hex_id}"
    body = client.get(address, headers=monitor.headers).json()
    assert (body["_id"], body["state"], body["kind"]) == (execution.hex_id, "queued", "flow")
    assert body["explain"] == explain(execution) and body["steps"] == []
    assert client.get(f"{address}/exchanges", headers=owner.headers).json() == []
    for path in (address, f"{address}/exchanges", "/v1/executions/nonsense"):
        assert client.get(path, headers=stranger.headers).status_code == 404
