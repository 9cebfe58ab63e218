"""What a target may do wrong: only what was not sent is sent later, and what cannot be told is never sent again."""

import threading

import pytest

from apps.connections import health, marks
from apps.connections.access import open_connection
from apps.connections.models import Connection
from apps.executions.models import RecordError
from apps.work import doctor
from apps.work.models import WorkItem
from tests import servers
from tests.connections.target import serving
from tests.flows.pipeline.test_failing_sources import arrived
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


def slow_down(system, *, wanted):
    """Says 429 to each of some records the first time it comes."""
    told, lock = set(), threading.Lock()

    def answer(call):
        number = call.json["external_id"]
        with lock:
            if number in wanted and number not in told:
                told.add(number)
                return Answer(429, {}, {"Retry-After": "3"})
        return {"id": number}

    system.routes["POST /sink"] = answer


@pytest.mark.parametrize("idempotent", [True, False])
def test_429_in_the_middle_of_a_page_sends_only_the_rest_later(workshop, system, idempotent):
    system.serve_pages("/orders", orders(25))
    slow_down(system, wanted={4, 5, 17})
    flow = workshop.flow(None, workshop.import_(http={"idempotent": idempotent}))
    execution = workshop.finish(workshop.start(flow))
    assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", 25, 0)
    assert not RecordError.objects.exists()
    calls = system.made("POST /sink")
    times = {n: sum(call.json["external_id"] == n for call in calls) for n in range(1, 26)}
    assert all(times[n] <= 2 if n in {4, 5, 17} else times[n] == 1 for n in times), times
    assert doctor.examine() == []


def test_500s_become_errors_with_their_records_and_the_others_go_on(workshop, system):
    system.serve_pages("/orders", orders(25))
    system.routes["POST /sink"] = lambda call: Answer(500, {}) if call.json["external_id"] % 10 == 0 else {"id": 1}
    execution = workshop.finish(workshop.start(workshop.flow()))
    assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", 23, 2)
    assert {error.classification for error in RecordError.objects.all()} == {"intermittent"}


def test_a_target_that_cannot_be_reached_parks_the_pages_and_a_ping_brings_them_back(workshop, system):
    system.serve_pages("/orders", orders(25))
    port = servers.free_port()
    away = workshop.connect(f"http://127.0.0.1:{port}")
    sink = workshop.import_()
    sink.connection = away
    sink.save()
    execution = workshop.start(workshop.flow(None, sink))
    parked = WorkItem.objects.filter(kind="page", parked_on=f"connection:{away.id}")
    while parked.count() < 3:
        workshop.work()
        execution.refresh_from_db()
        assert not execution.is_terminal
    assert not RecordError.objects.exists() and doctor.examine() == []
    with serving(lambda seen: (200, {}, {"id": 1}), port=port) as target:
        opened = open_connection(connection_id=away.id, organization_id=away.organization_id)
        assert health.ping(opened).ok
        execution = workshop.finish(execution)
        sent = [seen.json["external_id"] for seen in target.seen if seen.method == "POST"]
    assert (execution.state, execution.success_count) == ("succeeded", 25)
    assert sorted(sent) == list(range(1, 26))


def test_work_that_parks_while_its_connection_comes_back_is_not_left_behind(workshop, system, organization):
    """The recovery commits between the failed call and the parking: nobody would unpark it any more."""
    system.serve_pages("/orders", orders(5))
    system.take("/sink")
    execution = workshop.start(workshop.flow())
    from apps.flows.pipeline import pages as working
    from apps.flows.pipeline.runners import http_import

    real, connection = http_import.offline, workshop.connection
    Connection.objects.filter(pk=connection.id).update(offline_since="2026-01-01T00:00:00Z")

    def back_meanwhile(part, opened):
        outcome = real(part, opened)
        marks.mark_online(connection_id=connection.id, organization_id=organization.id)
        return outcome

    assert working.WORK == "page"
    Connection.objects.filter(pk=connection.id).update(offline_since=None)
    try:
        http_import.offline = back_meanwhile
        gone = lambda: Connection.objects.filter(pk=connection.id).update(offline_since="2026-01-01T00:00:00Z")  # noqa: E731
        page = system.routes["GET /orders"]
        system.routes["GET /orders"] = lambda call: (page(call), gone())[0]
        execution = workshop.finish(execution)
    finally:
        http_import.offline = real
    assert (execution.state, execution.success_count) == ("succeeded", 5)


@pytest.mark.parametrize("idempotent", [True, False])
def test_an_answer_that_never_comes_is_in_doubt_only_where_a_key_does_not_help(workshop, system, settings, idempotent):
    settings.CALL_TIMEOUT_SECONDS = 2
    held = threading.Event()
    system.serve_pages("/orders", orders(3))
    system.routes["POST /sink"] = lambda call: held.wait(20) if call.json["external_id"] == 2 else {"id": 1}
    try:
        flow = workshop.flow(None, workshop.import_(http={"idempotent": idempotent}))
        execution = workshop.finish(workshop.start(flow))
    finally:
        held.set()
    assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", 2, 1)
    assert RecordError.objects.get().code == ("gateway.timed_out" if idempotent else "in_doubt")
    assert [n for n in arrived(system) if n != 2] == [1, 3]
    if not idempotent:
        assert arrived(system).count(2) == 1


def test_a_retry_of_some_of_a_batch_is_another_write_to_its_target(workshop, system):
    """The same first and last record, without one between: a key of those two alone would be the first batch's."""
    from apps.flows.services.runs import retry_errors

    system.serve_pages("/orders", orders(4))
    system.routes["POST /sink"] = lambda call: Answer(422, {"message": "no"})
    sink = workshop.import_(http={"batchSize": 4})
    flow = workshop.flow(None, sink)
    workshop.finish(workshop.start(flow))
    errors = {error.trace_key: error.hex_id for error in RecordError.objects.all()}
    system.take("/sink")
    chosen = [errors[key] for key in ("1", "2", "4")]
    retry = retry_errors(actor=workshop.owner.actor, flow=flow, step_id=sink.id, error_ids=chosen)
    assert workshop.finish(retry).success_count == 3
    first, second = system.made("POST /sink")
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
