"""A flow moves records from a paged source to a sink."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.executions.models import Exchange, RecordError
from apps.flows.models import Page, PagePayload
from apps.wire.stamps import stamp
from tests.systems import Answer


def orders(count):
    return [{"id": i, "name": f"Order {i}"} for i in range(1, count + 1)]


def test_every_record_arrives_once_and_is_counted(workshop, system):
    system.serve_pages("/orders", orders(25))
    system.take("/sink")
    execution = workshop.run(workshop.flow())
    assert (execution.state, execution.reason) == ("succeeded", "")
    assert (execution.success_count, execution.error_count, execution.pages_generated) == (25, 0, 3)
    sent = [call.json for call in system.made("POST /sink")]
    assert sorted(row["external_id"] for row in sent) == list(range(1, 26))
    assert sent[0].keys() == {"external_id", "name"}
    assert workshop.at_rest()
    assert not PagePayload.objects.exists()


def test_each_write_carries_a_key_of_its_own(workshop, system):
    system.serve_pages("/orders", orders(12))
    system.take("/sink")
    workshop.run(workshop.flow())
    keys = [call.headers["Idempotency-Key"] for call in system.made("POST /sink")]
    assert len(set(keys)) == 12


def test_exchanges_of_a_small_run_are_kept(workshop, system):
    system.serve_pages("/orders", orders(3))
    system.take("/sink")
    execution = workshop.run(workshop.flow())
    assert Exchange.objects.filter(execution=execution, method="GET").count() == 1
    assert Exchange.objects.filter(execution=execution, method="POST").count() == 3


@pytest.mark.parametrize(("hours", "kept"), [(1, 130), (-1, 110)])
def test_all_that_a_watched_step_sends_is_kept(workshop, system, hours, kept):
    system.serve_pages("/orders", orders(130))
    system.take("/sink")
    until = stamp(now() + timedelta(hours=hours))
    execution = workshop.run(workshop.flow(None, workshop.import_(debugUntil=until)))
    found = Exchange.objects.filter(execution=execution, method="POST").count()
    assert found == kept if hours > 0 else found <= kept


def test_a_failed_record_waits_as_an_error_and_the_others_go_on(workshop, system):
    system.serve_pages("/orders", orders(12))
    system.routes["POST /sink"] = lambda call: (
        Answer(422, {"message": "no"}) if call.json["external_id"] == 5 else {"id": 1}
    )
    execution = workshop.run(workshop.flow())
    assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", 11, 1)
    error = RecordError.objects.get()
    assert (error.code, error.trace_key, error.source_index, error.retryable) == ("422", "5", 4, True)
    assert "no" in error.message


def test_a_refused_record_names_the_recording_of_its_refusal(workshop, system):
    system.serve_pages("/orders", orders(3))
    system.routes["POST /sink"] = lambda call: (
        Answer(422, {"message": "no"}) if call.json["external_id"] == 2 else {"id": 1}
    )
    execution = workshop.run(workshop.flow())
    error = RecordError.objects.get()
    exchange = Exchange.objects.get(execution=execution, status=422)
    assert error.request_key == exchange.hex_id


def test_a_flow_that_only_reads_ends_when_all_is_read(workshop, system):
    system.serve_pages("/orders", orders(25))
    flow = workshop.flow()
    del flow.document["pageProcessors"]
    flow.save()
    execution = workshop.run(flow)
    assert (execution.state, execution.pages_generated) == ("succeeded", 3)
    assert workshop.at_rest() and not PagePayload.objects.exists()


def test_a_source_that_refuses_fails_the_run_with_its_words(workshop, system):
    system.routes["GET /orders"] = lambda call: Answer(403, {"error": "forbidden"})
    execution = workshop.run(workshop.flow())
    assert execution.state == "failed"
    assert "403" in execution.reason and "forbidden" in execution.reason
    assert workshop.at_rest()


def test_what_an_export_died_of_is_an_open_error_until_it_succeeds(workshop, system):
    good = Answer(200, {"data": [], "pages": 1})
    system.routes["GET /orders"] = lambda call: Answer(403, {"error": "no such account"})
    flow = workshop.flow()
    execution = workshop.run(flow)
    assert (execution.state, execution.error_count) == ("failed", 1)
    error = RecordError.objects.get()
    assert (error.code, error.retryable, error.execution) == ("source_403", False, execution)
    assert "no such account" in error.message
    system.routes["GET /orders"] = lambda call: good
    assert workshop.run(flow).state == "succeeded"
    error.refresh_from_db()
    assert error.resolved_at and error.resolved_by == "autopilot"


def test_pages_read_before_a_source_fails_still_arrive(workshop, system):
    system.serve_pages("/orders", orders(25))
    page = system.routes["GET /orders"]
    system.routes["GET /orders"] = lambda call: Answer(400, {"e": 1}) if call.query["page"] == "3" else page(call)
    system.take("/sink")
    execution = workshop.run(workshop.flow())
    assert execution.state == "failed" and execution.success_count == 20
    assert len(system.made("POST /sink")) == 20


def test_an_empty_source_is_a_success(workshop, system):
    system.serve_pages("/orders", [])
    execution = workshop.run(workshop.flow())
    assert (execution.state, execution.pages_generated) == ("succeeded", 0)


def test_a_mapping_error_names_the_field_and_stops_only_its_record(workshop, system):
    records = orders(3)
    records[1]["id"] = "not a number"
    system.serve_pages("/orders", records)
    system.take("/sink")
    execution = workshop.run(workshop.flow())
    assert (execution.success_count, execution.error_count) == (2, 1)
    error = RecordError.objects.get()
    assert error.source == "mapping" and "external_id" in error.message


def test_ended_pages_are_pruned(workshop, system):
    from apps.flows.pipeline.finish import prune_pages

    system.serve_pages("/orders", orders(15))
    system.take("/sink")
    workshop.run(workshop.flow())
    assert prune_pages() == 2
    assert not Page.objects.exists()
