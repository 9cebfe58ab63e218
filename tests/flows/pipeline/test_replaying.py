"""A past run again on what it was answered: nothing goes out, and what differs is told."""

import sqlite3
from contextlib import closing

import pytest

from apps.executions.models import Execution
from apps.flows.models import DeltaMark
from tests.api import Api
from tests.flows.pipeline.test_files_and_sql import file_export, sql_export, sql_import, sqlite, table
from tests.flows.pipeline.test_planned_shapes import SHAPES, WRITES
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


@pytest.fixture
def replay(api):
    def ask(execution, **body):
        return api.post(f"/v1/executions/{execution.hex_id}/replay", body)

    return ask


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_run_replayed_on_its_own_document_is_the_same(workshop, system, replay, shape):
    records = [{**row, "number": "x" if row["id"] == 4 else row["id"], "lock": row["id"] % 2} for row in orders(5)]
    lines = [{"id": "A", "lines": [{"id": 1, "sku": "p"}, {"id": 2, "sku": "q"}]}]
    system.serve_pages("/orders", lines if shape.__name__ == "many" else records)
    system.serve_pages("/more", orders(2))
    system.routes["GET *"] = lambda call: [{"name": f"Customer {call.path}"}]
    for method in WRITES:
        system.routes[f"{method} *"] = lambda call: {"id": f"answer to {call.path}"}
    execution = workshop.run(shape(workshop))
    asked = len(system.calls)
    answer = replay(execution)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told["same"], told
    assert (told["requests"]["unchanged"], told["requests"]["unrecorded"]) == (asked, 0)
    assert len(system.calls) == asked
    assert workshop.at_rest()


def test_a_changed_flow_is_seen_member_by_member(workshop, system, replay, api):
    system.serve_pages("/orders", orders(3))
    system.take("/sink")
    sink = workshop.import_()
    flow = workshop.flow(workshop.export(type="delta"), sink)
    execution = workshop.run(flow)
    mark = DeltaMark.objects.get().last_export_at
    sink.document["mappings"] = [*sink.document["mappings"], {
        "generate": "shop", "dataType": "string", "hardCodedValue": "north", "status": "Active",
    }]  # fmt: skip
    sink.document["filter"] = {
        "type": "expression", "expression": {"version": "1", "rules": ["notequals", ["extract", "id"], 3]},
    }  # fmt: skip
    sink.save()
    before = len(system.calls)
    assert replay(execution).json()["same"]
    told = replay(execution, document="current").json()
    assert not told["same"]
    requests = told["requests"]
    assert (requests["numChanged"], requests["numAdded"], requests["numRemoved"], requests["unrecorded"]) == (
        2,
        0,
        1,
        2,
    )
    assert requests["changed"][0]["fields"] == [{"fieldPath": "body.shop", "newValue": "north"}]
    assert requests["changed"][0]["unrecorded"]
    assert requests["removed"][0]["body"] == {"external_id": 3, "name": "Order 3"}
    changes = {change["fieldPath"]: (change["oldValue"], change["newValue"]) for change in told["counts"]}
    assert changes == {"pageProcessors[0].numSuccess": (3, 2), "pageProcessors[0].numIgnore": (0, 1)}
    assert len(system.calls) == before
    assert DeltaMark.objects.get().last_export_at == mark
    shown = api.get(f"/v1/executions/{told['_executionId']}").json()
    assert (shown["kind"], shown["mode"], shown["replay"]["requests"]["numChanged"]) == ("replay", "replay", 2)
    assert len(api.get(f"/v1/executions/{told['_executionId']}/requests").json()) == 3


def test_a_read_that_was_never_made_is_told_and_not_made(workshop, system, replay):
    system.serve_pages("/orders", orders(2))
    system.take("/sink")
    export = workshop.export("/orders")
    flow = workshop.flow(export)
    execution = workshop.run(flow)
    export.document["http"]["relativeURI"] = "/others"
    export.save()
    told = replay(execution, document="current").json()
    assert len(system.made("GET")) == 1
    assert told["requests"]["changed"][0]["unrecorded"] and told["requests"]["numRemoved"] == 2
    assert "holds no (further) answer" in told["reason"][0]["newValue"]


def test_rows_are_read_and_written_from_the_recording(workshop, folder, replay):
    table(folder)
    table(folder, "CREATE TABLE copies (id INTEGER, name TEXT)")
    with closing(sqlite3.connect(folder / "shop.sqlite3")) as shop:
        shop.execute("INSERT INTO orders VALUES (1, 'one'), (2, 'two')")
        shop.commit()
    db = sqlite(workshop)
    insert = "INSERT INTO copies (id, name) VALUES ({{record.external_id}}, {{record.name}})"
    sink = sql_import(workshop, db, queryType=["per_record"], query=[insert])
    flow = workshop.flow(sql_export(workshop, db, "SELECT external_id AS id, name FROM orders"), sink)
    execution = workshop.run(flow)
    assert (execution.state, execution.success_count) == ("succeeded", 2)
    (folder / "shop.sqlite3").unlink()
    told = replay(execution).json()
    assert told["same"], told
    sink.document["rdbms"]["query"] = [insert.replace("{{record.name}}", "'x'")]
    sink.save()
    fields = replay(execution, document="current").json()["requests"]["changed"][0]["fields"]
    assert {field["fieldPath"] for field in fields} == {"body.statement", "body.parameters[1]"}
    assert not (folder / "shop.sqlite3").exists()


def refusal(answer):
    error = answer.json()["errors"][0]
    return answer.status_code, error["code"], error["message"]


def test_an_incomplete_recording_is_refused_by_what_it_lacks(workshop, system, replay, folder, files):
    system.serve_pages("/orders", orders(120))
    system.take("/sink")
    status, code, said = refusal(replay(workshop.run(workshop.flow())))
    assert (status, code) == (409, "recording_incomplete") and "100 requests or more" in said

    system.routes["GET /large"] = lambda call: {"data": [{"id": 1, "name": "x" * 20_000}]}
    status, code, said = refusal(replay(workshop.run(workshop.flow(workshop.export("/large")))))
    assert (status, code) == (409, "recording_incomplete") and "bytes that GET" in said

    (folder / "in").mkdir()
    (folder / "in" / "a.json").write_text('[{"id": 1, "name": "x"}]')
    execution = workshop.run(workshop.flow(file_export(workshop, files, type="json")))
    status, code, said = refusal(replay(execution))
    assert (status, code) == (409, "recording_incomplete") and "the content of file:///in/a.json" in said


def test_tries_that_came_to_nothing_are_no_difference(workshop, system, replay, settings):
    settings.FLOW_SOURCE_RETRY_SECONDS = (0.01,)
    answers = [Answer(500, {}), {"data": orders(2), "pages": 1}]
    system.routes["GET /orders"] = lambda call: answers.pop(0)
    system.take("/sink")
    execution = workshop.finish(workshop.start(workshop.flow()))
    assert execution.state == "succeeded"
    assert replay(execution).json()["same"]


def test_what_failed_fails_again_and_a_mended_flow_tells(workshop, system, replay):
    system.serve_pages("/orders", orders(2))
    system.routes["POST /sink"] = lambda call: Answer(422, {"m": "no"}) if call.json["external_id"] == 2 else {}
    flow = workshop.flow()
    execution = workshop.run(flow)
    assert execution.error_count == 1
    assert replay(execution).json()["same"]
    system.routes["GET /orders"] = lambda call: Answer(403, {"e": "no"})
    execution = workshop.run(flow)
    assert execution.state == "failed"
    assert replay(execution).json()["same"]


def test_who_may_run_a_flow_may_replay_its_runs(workshop, system, monitor, stranger):
    system.serve_pages("/orders", orders(2))
    system.take("/sink")
    flow = workshop.flow()
    execution = workshop.run(flow)
    address = f"/v1/executions/{execution.hex_id}/replay"
    assert Api().post(address, {}).status_code == 401
    assert Api(stranger).post(address, {}).status_code == 404
    assert Api(monitor).post(address, {}).status_code == 201
    answers = [Api(monitor).post(address, {}, Idempotency_Key="once").json()["_executionId"] for _ in range(2)]
    assert answers[0] == answers[1]
    for body, field in (({"document": "x"}, "document"), ({"document": 1}, "document"), ({"version": "2"}, "version")):
        refused = Api(monitor).post(address, body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert Api(monitor).post(address, b"[").status_code == 400
    replays = Execution.objects.filter(kind="replay")
    refused = Api(monitor).post(f"/v1/executions/{replays[0].hex_id}/replay", {})
    assert refusal(refused)[:2] == (409, "not_replayable")


def test_only_what_has_run_and_ended_is_replayed(workshop, system, plan, apply, replay):
    system.serve_pages("/orders", orders(2))
    system.take("/sink")
    flow = workshop.flow()
    planned = plan(flow)
    for other in (planned, apply(planned, flow)):
        assert refusal(replay(other))[:2] == (409, "not_replayable")
    assert refusal(replay(workshop.start(flow)))[:2] == (409, "still_running")


def test_a_recording_is_forgotten_with_its_exchanges(workshop, system, replay, settings):
    system.serve_pages("/orders", orders(2))
    system.take("/sink")
    execution = workshop.run(workshop.flow())
    settings.KEEP_EXCHANGES_DAYS = 0
    assert refusal(replay(execution))[:2] == (409, "recording_gone")
