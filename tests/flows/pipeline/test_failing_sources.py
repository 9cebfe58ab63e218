"""What a source may do wrong: it is asked again, or the job says precisely why not; no page is lost, nothing hangs."""

import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from apps.connections import health
from apps.connections.access import open_connection
from apps.connections.models import Connection
from apps.executions.models import RecordError
from apps.work import doctor
from apps.work.models import WorkItem
from tests import servers
from tests.connections.target import serving
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


@pytest.fixture(autouse=True)
def soon(settings):
    settings.FLOW_SOURCE_RETRY_SECONDS = (0.02, 0.02)


def faulty(system, fault, *, page="2", times=1, count=25):
    """The source answers `fault` the first `times` it is asked for a page."""
    system.serve_pages("/orders", orders(count))
    system.take("/sink")
    good, left, lock = system.routes["GET /orders"], [times], threading.Lock()

    def answer(call):
        with lock:
            bad = call.query["page"] == page and left[0] > 0
            left[0] -= bad
        return fault(call) if bad else good(call)

    system.routes["GET /orders"] = answer


def arrived(system):
    return sorted(call.json["external_id"] for call in system.made("POST /sink"))


def later(seconds):
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


PASSING = {
    "500": (lambda call: Answer(500, {"e": 1}), 2),
    "503 without a time": (lambda call: Answer(503, {"e": 1}), 4),
    "429 in seconds": (lambda call: Answer(429, {}, {"Retry-After": "3"}), 1),
    "429 with a date": (lambda call: Answer(429, {}, {"Retry-After": later(4)}), 1),
    "closed in the middle of a body": (lambda call: Answer(200, {"data": orders(9)}, hang_up=True), 1),
}


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize("page", ["1", "2"])
def test_a_fault_that_passes_costs_nothing_but_time(workshop, system, name, page):
    fault, times = PASSING[name]
    faulty(system, fault, page=page, times=times)
    execution = workshop.finish(workshop.start(workshop.flow()))
    assert (execution.state, execution.reason, execution.success_count) == ("succeeded", "", 25)
    assert arrived(system) == list(range(1, 26))
    assert workshop.at_rest() and doctor.examine() == []


def test_a_source_that_hangs_is_asked_again(workshop, system, settings):
    settings.CALL_TIMEOUT_SECONDS = 2
    held = threading.Event()
    faulty(system, lambda call: held.wait(20) and {})
    try:
        execution = workshop.finish(workshop.start(workshop.flow()))
        assert (execution.state, execution.success_count) == ("succeeded", 25)
    finally:
        held.set()


LASTING = {
    "500": (lambda call: Answer(500, {"e": 1}), "answered 500"),
    "no JSON": (lambda call: Answer(200, raw=b'{"data": [{"id": 1'), "not JSON"),
    "a page that is text": (lambda call: Answer(200, raw=b"<html>maintenance</html>"), "not JSON"),
    "nesting without end": (
        lambda call: Answer(200, raw=b'{"data": [{"id": ' + b"[" * 900 + b"]" * 900 + b"}]}"),
        "nested more than 200 deep",
    ),
    "a refusal": (lambda call: Answer(410, {"message": "gone for good"}), "gone for good"),
}


@pytest.mark.parametrize("name", LASTING)
def test_a_fault_that_stays_fails_the_run_with_its_words_and_what_was_read_arrives(workshop, system, name):
    fault, words = LASTING[name]
    faulty(system, fault, page="3", times=10_000)
    execution = workshop.finish(workshop.start(workshop.flow()))
    assert execution.state == "failed" and words in execution.reason and "'orders'" in execution.reason
    assert arrived(system) == list(range(1, 21)) and execution.success_count == 20
    assert workshop.at_rest() and doctor.examine() == []


def test_a_carry_is_sent_too_when_its_source_fails(workshop, system):
    faulty(system, lambda call: Answer(400, {"e": 1}), page="3", times=10_000)
    execution = workshop.finish(workshop.start(workshop.flow(workshop.export(pageSize=15))))
    assert execution.state == "failed" and arrived(system) == list(range(1, 21))


def test_a_source_that_leads_in_circles_is_stopped(workshop, system):
    system.take("/sink")
    system.routes["GET /orders"] = lambda call: {"data": orders(10), "next": f"{system.url}/orders?at=1"}
    paging = {"method": "url", "path": "next"}
    export = workshop.export("/orders", http={"relativeURI": "/orders", "paging": paging})
    execution = workshop.finish(workshop.start(workshop.flow(export)))
    assert execution.state == "failed" and "led back" in execution.reason
    assert len(system.made("GET /orders")) <= 4


def test_a_source_that_grows_while_it_is_read_is_read_to_its_end(workshop, system):
    system.take("/sink")
    grown = []

    def page(call):
        number = int(call.query["page"])
        grown.append(number)
        total = 30 if number < 3 else 50
        return {"data": orders(total)[(number - 1) * 10 : number * 10], "pages": total // 10}

    system.routes["GET /orders"] = page
    execution = workshop.finish(workshop.start(workshop.flow()))
    assert execution.state == "succeeded" and arrived(system) == list(range(1, 51))


def test_pages_asked_for_ahead_are_asked_for_once_and_a_failed_one_again(workshop, system):
    """The source waits until two requests of its are under way at once: alone, the second would never be answered."""
    faulty(system, lambda call: Answer(503, {"e": 1}), page="5", count=60)
    together, ordinary, asked = threading.Barrier(2, timeout=20), system.routes["GET /orders"], []

    def answer(call):
        asked.append(call.query["page"])
        if asked.count(call.query["page"]) == 1 and call.query["page"] in ("2", "3"):
            together.wait()
        return ordinary(call)

    system.routes["GET /orders"] = answer
    execution = workshop.finish(workshop.start(workshop.flow()))
    assert execution.state == "succeeded" and arrived(system) == list(range(1, 61))
    assert sorted(asked) == ["1", "2", "3", "4", "5", "5", "6"]


def test_parallel_sources_are_all_read_and_one_that_fails_loses_nothing_of_the_others(workshop, system):
    """Each holds a carry when the second fails."""
    system.serve_pages("/orders", orders(25))
    system.take("/sink")
    system.routes["GET /broken"] = lambda call: Answer(400, {"e": 1})
    good, broken = workshop.export(pageSize=7), workshop.export("/broken?page={{export.http.paging.page}}")
    generators = [{"_exportId": export.hex_id} for export in (good, broken)]
    flow = workshop.flow(good, pageGenerators=generators, runPageGeneratorsInParallel=True)
    execution = workshop.finish(workshop.start(flow))
    assert execution.state == "failed" and "400" in execution.reason
    read = execution.steps.get(target_id=good.id).success_count
    assert read in (10, 20, 25)  # whole answers, with what of them had made no page yet
    assert arrived(system) == list(range(1, read + 1))
    assert workshop.at_rest() and doctor.examine() == []


def test_parallel_sources_are_read_to_their_ends(workshop, system):
    for path in ("/orders", "/others"):
        system.serve_pages(path, orders(35))
    system.take("/sink")
    exports = [workshop.export(), workshop.export("/others?page={{export.http.paging.page}}")]
    generators = [{"_exportId": export.hex_id} for export in exports]
    flow = workshop.flow(exports[0], pageGenerators=generators, runPageGeneratorsInParallel=True)
    execution = workshop.finish(workshop.start(flow))
    assert (execution.state, execution.success_count) == ("succeeded", 70)
    assert arrived(system) == sorted([*range(1, 36)] * 2)


def test_a_source_that_cannot_be_reached_parks_its_run_and_a_ping_brings_it_back(workshop, system):
    port = servers.free_port()
    away = workshop.connect(f"http://127.0.0.1:{port}")
    system.take("/sink")
    execution = workshop.start(workshop.flow(workshop.export("/orders", connection=away)))
    parked = WorkItem.objects.filter(target_id=execution.id, parked_on=f"connection:{away.id}")
    while not parked.exists():
        workshop.work()
        execution.refresh_from_db()
        assert not execution.is_terminal, execution.reason
    assert Connection.objects.get(pk=away.id).offline_since is not None
    with serving(lambda seen: (200, {}, {"data": orders(3)}), port=port):
        opened = open_connection(connection_id=away.id, organization_id=away.organization_id)
        assert health.ping(opened).ok
        execution = workshop.finish(execution)
    assert execution.state == "succeeded" and arrived(system) == [1, 2, 3]
    assert workshop.at_rest() and doctor.examine() == []


def test_an_answer_whose_thousands_of_records_all_fail_loses_none_of_their_errors(workshop, system):
    """More values than a database takes in one statement."""
    system.routes["GET /orders"] = lambda call: Answer(200, {"data": [{"id": f"x{i}"} for i in range(3_000)]})
    number = {"generate": "id", "dataType": "number", "extract": "$.id", "status": "Active"}
    rules = {"mode": "create", "mappings": [number]}
    export = workshop.export(
        transform={"type": "expression", "expression": {"version": "2", "rulesTwoDotZero": rules}},
        http={"paging": {}, "response": {"resourcePath": "data"}},
    )
    execution = workshop.run(workshop.flow(export))
    assert (execution.state, execution.error_count, execution.success_count) == ("succeeded", 3_000, 0)
    assert RecordError.objects.filter(execution=execution).count() == 3_000
    assert workshop.at_rest()
