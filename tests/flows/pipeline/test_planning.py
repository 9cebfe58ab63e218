"""A plan lists what a run would send, and sends nothing of it."""

import json

import pytest

from apps.connections.secrets import seal
from apps.core.clock import now
from apps.executions.models import Exchange, Execution, RecordError
from apps.executions.payloads import unpack
from apps.flows.models import DeltaMark, Flow, Plan, PlanContent
from apps.flows.pipeline import capturing
from tests.api import Api
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


def planned(execution):
    return list(Exchange.objects.filter(execution=execution, planned=True).order_by("id"))


def bodies(execution):
    return [json.loads(unpack(row.detail)["request"]["body"]) for row in planned(execution)]


def test_the_first_three_pages_are_planned_and_nothing_is_sent(workshop, system, plan, api):
    system.serve_pages("/orders", orders(45))
    system.take("/sink")
    flow = workshop.flow()
    execution = plan(flow)
    assert (execution.kind, execution.mode, execution.state, execution.reason) == ("plan", "plan", "succeeded", "")
    assert system.made("POST") == []
    assert [body["external_id"] for body in bodies(execution)] == list(range(1, 31))
    shown = api.get(f"/v1/executions/{execution.hex_id}").json()
    assert (shown["plan"]["requests"], shown["plan"]["pages"], shown["plan"]["complete"]) == (30, 3, False)
    assert shown["numSuccess"] == 30
    assert shown["plan"]["cutBecause"] == "the first 3 pages were asked for"
    listed = api.get(f"/v1/executions/{execution.hex_id}/requests?limit=20")
    assert len(listed.json()) == 20 and 'rel="next"' in listed["Link"]
    first = listed.json()[0]
    assert (first["method"], first["url"], first["planned"], first["status"]) == (
        "POST", f"{system.url}/sink", True, None,
    )  # fmt: skip
    assert json.loads(first["request"]["body"]) == {"external_id": 1, "name": "Order 1"}
    assert workshop.at_rest()
    flow.refresh_from_db()
    assert flow.last_executed_at is None


def test_a_small_source_is_planned_whole(workshop, system, plan):
    system.serve_pages("/orders", orders(12))
    execution = plan(workshop.flow(), pages=50)
    assert len(planned(execution)) == 12
    assert Plan.objects.get(execution=execution).complete


def test_what_depends_on_an_unsent_write_is_a_placeholder(workshop, system, plan):
    system.serve_pages("/orders", orders(1))
    first = workshop.import_("/sink")
    second = workshop.import_(
        "/notes/{{record.order}}",
        mappings=[
            {"generate": "order", "dataType": "number", "extract": "$.order", "status": "Active"},
            {"generate": "line", "dataType": "string", "extract": "$.deep", "status": "Active"},
        ],
    )
    mapping = {"fields": [{"extract": "id", "generate": "order"}, {"extract": "_json.a.b", "generate": "deep"}]}
    execution = plan(workshop.flow(None, (first, {"responseMapping": mapping}), second))
    assert (execution.state, execution.error_count) == ("succeeded", 0)
    assert system.made("POST") == []
    source = f"answer of POST {system.url}/sink"
    assert bodies(execution)[1] == {"order": {"$planned": f"{source} → id"}, "line": {"$planned": f"{source} → a → b"}}
    assert "%E2%80%B9" in planned(execution)[1].url


def test_a_plan_touches_nothing_of_ours(workshop, system, plan):
    system.serve_pages("/orders", [{"id": "x", "name": "bad"}, {"id": 2, "name": "good"}])
    other = workshop.flow()
    export = workshop.export(type="delta")
    flow = workshop.flow(export, _runNextFlowIds=[other.hex_id])
    execution = plan(flow)
    assert execution.state == "succeeded"
    assert not RecordError.objects.exists()
    assert not DeltaMark.objects.exists()
    assert Execution.objects.count() == 1
    summary = Plan.objects.get(execution=execution).summary
    assert summary["wouldStart"] == [{"_id": other.hex_id, "name": "flow", "disabled": False}]
    assert summary["numFailures"] == 1 and "is not a number" in summary["failures"][0]["message"]
    assert Flow.objects.filter(last_executed_at__isnull=False).count() == 0


def run(person, flow, body, **headers):
    return Api(person).post(f"/v1/flows/{flow.hex_id}/run", body, **headers)


def test_whoever_may_run_a_flow_may_plan_and_apply_it(workshop, system, owner, monitor, stranger):
    system.serve_pages("/orders", orders(2))
    system.take("/sink")
    flow = workshop.flow()
    answer = run(monitor, flow, {"mode": "plan"})
    assert answer.status_code == 201
    plan_id = answer.json()["_executionId"]
    assert run(monitor, flow, {"apply": plan_id}).json()["errors"][0]["code"] == "plan_not_ready"
    workshop.work()
    assert run(stranger, flow, {"apply": plan_id}).status_code == 404
    assert Api(stranger).get(f"/v1/executions/{plan_id}/requests").status_code == 404
    assert run(owner, workshop.flow(), {"apply": plan_id}).status_code == 404
    assert len(Api(monitor).get(f"/v1/executions/{plan_id}/requests").json()) == 2
    assert run(monitor, flow, {"apply": plan_id}).status_code == 201


def test_the_same_key_makes_one_plan_and_one_application(workshop, system, owner):
    system.serve_pages("/orders", orders(2))
    system.take("/sink")
    flow = workshop.flow()
    answers = [run(owner, flow, {"mode": "plan"}, Idempotency_Key="k1").json() for _ in range(2)]
    assert answers[0] == answers[1] and Execution.objects.count() == 1
    workshop.work()
    body = {"apply": answers[0]["_executionId"]}
    answers = [run(owner, flow, body, Idempotency_Key="k2").json() for _ in range(2)]
    assert answers[0] == answers[1] and Execution.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "dry"}, "mode"),
        ({"mode": ["plan"]}, "mode"),
        ({"mode": "plan", "pages": 0}, "pages"),
        ({"mode": "plan", "pages": 51}, "pages"),
        ({"mode": "plan", "pages": "3"}, "pages"),
        ({"mode": "plan", "pages": True}, "pages"),
        ({"pages": 2}, "pages"),
        ({"apply": 5}, "apply"),
        ({"apply": "5ac7a363b3ace77b5ac7a363"}, "apply"),
        ({"apply": "nothing\u0000"}, "apply"),
        ({"apply": "5ac7a363b3ace77b5ac7a363", "mode": "plan"}, "mode"),
        ({"mode": "plan", "_exportIds": ["5ac7a363b3ace77b5ac7a363"]}, "_exportIds"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(workshop, owner, body, field):
    answer = run(owner, workshop.flow(), body)
    assert 400 <= answer.status_code < 500, answer.content
    assert field in (answer.json()["errors"][0].get("field") or answer.json()["errors"][0]["message"])
    assert not Execution.objects.exists()


def test_a_listener_and_a_disabled_flow_cannot_be_planned(workshop, owner):
    listening = workshop.flow(workshop.export(type="webhook"))
    answer = run(owner, listening, {"mode": "plan"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "invalid_flow")
    assert "waits for records to be sent to its listener" in answer.json()["errors"][0]["message"]
    flow = workshop.flow()
    flow.disabled = True
    flow.save()
    assert "is disabled" in run(owner, flow, {"mode": "plan"}).json()["errors"][0]["message"]


def test_a_plan_that_cannot_be_made_says_why(workshop, system, plan, owner):
    system.routes["GET /orders"] = lambda call: Answer(403, {"error": "no"})
    flow = workshop.flow()
    execution = plan(flow)
    assert (execution.state, system.made("POST")) == ("failed", [])
    assert execution.reason.startswith("Export 'orders' failed: The source answered 403")
    refused = run(owner, flow, {"apply": execution.hex_id}).json()["errors"][0]
    assert refused["code"] == "plan_failed" and "answered 403" in refused["message"]


def test_an_offline_connection_ends_a_plan_at_once(workshop, plan):
    workshop.connection.offline_since, workshop.connection.offline_reason = now(), "Nobody answers."
    workshop.connection.save()
    execution = plan(workshop.flow())
    assert execution.state == "failed" and "is offline: Nobody answers." in execution.reason


def test_a_plan_asks_again_when_its_source_says_later(workshop, system, owner):
    answers = [Answer(429, {}, {"Retry-After": "3"}), {"data": orders(1), "pages": 1}]
    system.routes["GET /orders"] = lambda call: answers.pop(0)
    answer = run(owner, workshop.flow(), {"mode": "plan"})
    execution = Execution.objects.for_actor(owner.actor).find(answer.json()["_executionId"])
    assert workshop.finish(execution).state == "succeeded"
    assert len(planned(execution)) == 1


def test_secrets_are_struck_out_of_a_plan(workshop, system, plan, api):
    system.serve_pages("/orders", orders(1))
    http = {"headers": [{"name": "X-Other", "value": "{{connection.http.encrypted.apiKey}}"}]}
    row = workshop.connection
    document = {**row.document["http"], "encrypted": {"apiKey": "very-secret-value"}}
    row.document, row.secret = seal({"http": document}, type="http", connection_id=row.id)
    row.save()
    execution = plan(workshop.flow(None, workshop.import_(http=http)))
    assert len(planned(execution)) == 1
    text = api.get(f"/v1/executions/{execution.hex_id}/requests").content.decode()
    assert "very-secret-value" not in text and "******" in text
    assert b"very-secret-value" not in bytes(PlanContent.objects.get().sealed)


def test_a_canceled_plan_leaves_nothing(workshop, system, owner):
    flow = workshop.flow()
    plan_id = run(owner, flow, {"mode": "plan"}).json()["_jobId"]
    assert Api(owner).put(f"/v1/jobs/{plan_id}/cancel", {}).json()["status"] == "canceled"
    workshop.work()
    assert not PlanContent.objects.exists() and workshop.at_rest()
    assert Api(owner).get(f"/v1/jobs/{plan_id}").json()["type"] == "plan"
    assert Api(owner).get(f"/v1/jobs?_flowId={flow.hex_id}").json() == []


def test_a_plan_that_nobody_would_look_through_is_refused(workshop, system, plan, monkeypatch):
    monkeypatch.setattr(capturing, "MOST_REQUESTS", 15)
    system.serve_pages("/orders", orders(30))
    execution = plan(workshop.flow())
    assert (execution.state, system.made("POST")) == ("failed", [])
    assert "more than 15 requests" in execution.reason and "plan fewer pages" in execution.reason
    assert not PlanContent.objects.exists()
    assert plan(workshop.flow(), pages=1).state == "succeeded"
