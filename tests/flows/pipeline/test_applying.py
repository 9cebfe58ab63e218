"""What a plan has shown is what its application sends: the same bytes, once, or nothing."""

import sqlite3
from contextlib import closing

import pytest

from apps.connections.models import Connection
from apps.core.clock import now
from apps.executions.models import Execution, RecordError, RetryData
from apps.executions.payloads import unpack
from apps.flows.models import DeltaMark, Export, Import, Plan, PlanContent
from apps.flows.services.plans import prune_plans
from apps.flows.services.runs import retry_errors
from tests.flows.pipeline.conftest import IDENTITY
from tests.flows.pipeline.test_planning import planned
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


def sent(system, path="POST /sink"):
    return [call.json for call in system.made(path)]


def test_exactly_the_planned_requests_are_sent(workshop, system, plan, apply):
    system.serve_pages("/orders", orders(45))
    system.take("/sink")
    flow = workshop.flow(None, workshop.import_(http={"body": '{"at":"{{timestamp}}","n":{{record.id}}}'}))
    execution = plan(flow)
    shown = planned(execution)
    system.serve_pages("/orders", [])  # it is not read again
    applied = apply(execution, flow)
    assert (applied.kind, applied.mode, applied.state, applied.success_count) == ("flow", "live", "succeeded", 30)
    wanted = sorted(unpack(row.detail)["request"]["body"] for row in shown)
    assert sorted(call.body.decode() for call in system.made("POST /sink")) == wanted
    assert len({call.headers["Idempotency-Key"] for call in system.made("POST /sink")}) == 30
    assert workshop.at_rest()
    again = apply(execution, flow)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "plan_applied")
    assert applied.hex_id in again.json()["errors"][0]["message"]


def test_a_record_goes_on_with_the_answer_that_the_plan_did_not_know(workshop, system, plan, apply):
    system.serve_pages("/orders", orders(2))
    system.routes["POST /sink"] = lambda call: {"id": f"new-{call.json['external_id']}"}
    system.routes["POST *"] = lambda call: {"ok": True}
    second = workshop.import_(
        "/notes/{{record.order}}", http={"body": '{"order":"{{record.order}}"}', "sendPostMappedData": False}
    )
    mapping = {"fields": [{"extract": "id", "generate": "order"}]}
    flow = workshop.flow(None, (workshop.import_(), {"responseMapping": mapping}), second)
    applied = apply(plan(flow), flow)
    assert applied.state == "succeeded"
    assert sorted(call.path for call in system.made("POST /notes")) == ["/notes/new-1", "/notes/new-2"]
    assert sorted(row["order"] for row in sent(system, "POST /notes")) == ["new-1", "new-2"]


def test_what_the_target_refuses_is_an_error_that_can_be_retried(workshop, system, plan, apply, owner):
    system.serve_pages("/orders", orders(3))
    refuse = {2}
    system.routes["POST /sink"] = lambda call: Answer(422, {"m": "no"}) if call.json["external_id"] in refuse else {}
    flow = workshop.flow(None, workshop.import_(), workshop.import_("/after"))
    system.take("/after")
    applied = apply(plan(flow), flow)
    assert (applied.state, applied.error_count) == ("succeeded", 1)
    assert sorted(row["external_id"] for row in sent(system, "POST /after")) == [1, 3]
    error = RecordError.objects.open().first()
    assert error.retryable and RetryData.objects.filter(error=error).exists()
    refuse.clear()
    retry_errors(actor=owner.actor, flow=flow, step_id=error.step_id, error_ids=[error.hex_id])
    workshop.work()
    assert not RecordError.objects.open().exists()
    assert sorted(row["external_id"] for row in sent(system, "POST /after")) == [1, 2, 3]


@pytest.mark.parametrize("what", ["flow", "export", "import", "connection", "delta mark"])
def test_nothing_is_sent_when_something_has_changed(workshop, system, plan, apply, what):
    system.serve_pages("/orders", orders(3))
    system.take("/sink")
    export = workshop.export(type="delta")
    flow = workshop.flow(export)
    execution = plan(flow)
    if what == "flow":
        flow.document = {**flow.document, "description": "another"}
        flow.save()
    elif what == "delta mark":
        DeltaMark.objects.create(flow=flow, export=export, last_export_at=now())
    else:
        model = {"export": Export, "import": Import, "connection": Connection}[what]
        row = model.objects.filter(organization=workshop.owner.organization).first()
        http = {**row.document["http"], "headers": [{"name": "X", "value": "1"}]}
        row.document = {**row.document, "http": http}
        row.revision += 1
        row.save()
    refused = apply(execution, flow)
    error = refused.json()["errors"][0]
    assert (refused.status_code, error["code"], error["field"]) == (409, "plan_outdated", "apply")
    assert f"Changed since it was planned: {what}" in error["message"]
    assert system.made("POST") == []
    assert Execution.objects.filter(kind="flow").count() == 0


def test_an_expired_plan_is_refused_and_its_requests_are_forgotten(workshop, system, plan, apply):
    system.serve_pages("/orders", orders(3))
    flow = workshop.flow()
    execution = plan(flow)
    Plan.objects.filter(execution=execution).update(expires_at=now())
    assert apply(execution, flow).json()["errors"][0]["code"] == "plan_expired"
    assert prune_plans() == 1
    assert not PlanContent.objects.exists()
    assert apply(execution, flow).json()["errors"][0]["code"] == "plan_expired"


def test_statements_are_applied_as_they_were_shown(workshop, system, plan, apply, folder):
    system.serve_pages("/orders", orders(4))
    with closing(sqlite3.connect(folder / "shop.sqlite3")) as shop:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT)")
        shop.execute("INSERT INTO orders VALUES (3, 'there already')")
        shop.commit()
    own = {"organization": workshop.owner.organization}
    table = Connection.objects.create(
        **own, name="table", type="rdbms", document={"rdbms": {"type": "sqlite", "database": "shop.sqlite3"}}
    )
    insert = "INSERT INTO orders (id, name) VALUES ({{record.external_id}}, {{record.name}})"
    sink = Import.objects.create(
        **own, name="rows", adaptor_type="RDBMSImport", connection=table,
        document={"rdbms": {"queryType": ["per_record"], "query": [insert]}, "mappings": IDENTITY},
    )  # fmt: skip
    flow = workshop.flow(None, sink)
    execution = plan(flow)
    assert [row.method for row in planned(execution)] == ["EXECUTE"] * 4
    with closing(sqlite3.connect(folder / "shop.sqlite3")) as shop:
        assert shop.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    applied = apply(execution, flow)
    assert (applied.state, applied.success_count, applied.error_count) == ("succeeded", 3, 1)
    with closing(sqlite3.connect(folder / "shop.sqlite3")) as shop:
        rows = shop.execute("SELECT id, name FROM orders ORDER BY id").fetchall()
    assert rows == [(1, "Order 1"), (2, "Order 2"), (3, "there already"), (4, "Order 4")]
    assert "UNIQUE" in RecordError.objects.get(execution=applied).message


def test_a_delta_mark_moves_only_when_everything_was_planned(workshop, system, plan, apply):
    system.serve_pages("/orders", orders(25))
    system.take("/sink")
    flow = workshop.flow(workshop.export(type="delta"))
    part = plan(flow, pages=1)
    assert apply(part, flow).success_count == 10
    assert not DeltaMark.objects.exists()
    whole = plan(flow, pages=10)
    assert apply(whole, flow).success_count == 25
    assert DeltaMark.objects.get(flow=flow).last_export_at == whole.started_at
