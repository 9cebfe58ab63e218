"""Workers that vanish, stall and come back: what they had begun is done once, counted once, reported once."""

import pytest

from apps.executions.kinds import Run
from apps.executions.models import Execution, RecordError
from apps.executions.services import begin
from apps.flows.models import Page
from apps.flows.pipeline import coordinator, pages, plans
from apps.flows.pipeline.coordinator import Coordinator
from apps.work import claims, doctor, leases
from apps.work.kinds import LeaseLostError
from apps.work.models import WorkItem
from tests.flows.pipeline.test_ending import db_transaction, in_a_thread, lapse, nothing_held, with_pages  # noqa: F401
from tests.flows.pipeline.test_failing_sources import arrived
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


def refuse_some(call):
    return Answer(422, {"message": "no"}) if call.json["external_id"] % 5 == 0 else {"id": 1}


def test_a_page_that_two_workers_finish_is_counted_and_reported_once(workshop, system):
    """The first stalls with the answers in its hands; the second does it all, with the same keys."""
    execution = with_pages(workshop, system)
    system.routes["POST /sink"] = refuse_some
    (stalled,) = claims.claim_group(execution.id, kind="page", limit=1)
    plan, (batch,) = plans.of(execution), pages.load_batches(execution, [stalled])
    settlement = pages.Settlement(plan, pages.ExecutionRecorder(execution.id, execution.organization_id))
    pages.take_step(plan.steps[0], [pages.part_at(batch, 0)], settlement)
    first = system.made("POST /sink")[0]
    lapse()
    execution = workshop.finish(execution)
    with pytest.raises(LeaseLostError):
        settlement.commit_end([batch])
    assert (execution.success_count, execution.error_count) == (20, 5)
    assert RecordError.objects.count() == 5
    twice = [call for call in system.made("POST /sink") if call.json == first.json]
    assert len(twice) == 2 and len({call.headers["Idempotency-Key"] for call in twice}) == 1
    assert doctor.examine() == []


def test_a_lease_lost_between_two_steps_repeats_no_error(workshop, system):
    """Errors of a page are committed with that page alone: another's commit must not take them along."""
    system.serve_pages("/orders", orders(20))
    system.routes["POST /sink"] = refuse_some
    system.take("/second")
    execution = workshop.start(workshop.flow(None, workshop.import_(), workshop.import_("/second")))
    lost = []

    def second(call):
        if not lost:
            lost.append(Page.objects.order_by("number").first().id)
            in_a_thread(lambda: WorkItem.objects.filter(target_id=lost[0]).update(fence=99))
        return {"id": 1}

    system.routes["POST /second"] = second
    with pytest.raises(LeaseLostError):
        run_here(execution)
    leases.let_go(leases.held())
    lapse()
    execution = workshop.finish(execution)
    assert RecordError.objects.count() == 4
    assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", 32, 4)
    assert doctor.examine() == []


def run_here(execution):
    (claim,) = claims.claim_next("flows")
    begin(execution, claim)
    coordinator.run(Run(execution=execution, claim=claim))


def test_of_two_coordinators_the_one_that_was_taken_over_writes_nothing(workshop, system):
    system.serve_pages("/orders", orders(25))
    system.take("/sink")
    execution = workshop.start(workshop.flow())
    (claim,) = claims.claim_next("flows")
    begin(execution, claim)
    first = Coordinator(Run(execution=execution, claim=claim))
    first.load_progress()
    lapse()
    execution = workshop.finish(execution)
    with pytest.raises(LeaseLostError):
        first.make_pages(10)
    assert (execution.state, execution.success_count) == ("succeeded", 25)
    assert arrived(system) == list(range(1, 26))
    assert Execution.objects.get().pages_generated == 3 and Page.objects.count() == 3


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_coordinator_that_vanishes_after_some_pages_is_followed_where_it_stood(workshop, system, after):
    system.serve_pages("/orders", orders(95), size=20)
    system.take("/sink")
    execution = workshop.start(workshop.flow(workshop.export(pageSize=15)))
    (claim,) = claims.claim_next("flows")
    begin(execution, claim)
    first = Coordinator(Run(execution=execution, claim=claim))
    first.load_progress()
    for _ in range(after):
        first.make_pages(1)
    leases.let_go(leases.held())
    lapse()
    execution = workshop.finish(execution)
    assert (execution.state, execution.success_count, execution.pages_generated) == ("succeeded", 95, 7)
    assert arrived(system) == list(range(1, 96))
    assert doctor.examine() == []


def test_a_write_begun_by_a_vanished_worker_is_repeated_with_its_key_or_in_doubt(workshop, system):
    for idempotent in (True, False):
        system.calls.clear()
        RecordError.objects.all().delete()
        system.serve_pages("/orders", orders(10))
        system.take("/sink")
        sink = workshop.import_(http={"idempotent": idempotent})
        execution = workshop.start(workshop.flow(None, sink))
        (claim,) = claims.claim_next("flows")
        begin(execution, claim)
        first = Coordinator(Run(execution=execution, claim=claim))
        first.load_progress()
        first.make_pages(10)
        plan, (batch,) = first.plan, first.mine
        settlement = pages.Settlement(plan, first.recorder)
        pages.take_step(plan.steps[0], [pages.part_at(batch, 0)], settlement)  # sent, and never committed
        leases.let_go(leases.held())
        lapse()
        execution = workshop.finish(execution)
        times = 2 if idempotent else 1
        assert len(system.made("POST /sink")) == 10 * times
        keys = {call.headers.get("Idempotency-Key") for call in system.made("POST /sink")}
        assert len(keys) == 10 if idempotent else keys == {None}
        assert execution.error_count == (0 if idempotent else 10)
        assert set(RecordError.objects.values_list("code", flat=True)) == (set() if idempotent else {"in_doubt"})


def test_a_turn_that_breaks_off_holds_nothing_on(workshop, system, monkeypatch):
    """A page that its coordinator held from birth would be renewed for ever, and never worked."""
    system.serve_pages("/orders", orders(25))
    system.take("/sink")
    execution = workshop.start(workshop.flow())
    real, times = pages.work_pages, []

    def break_off(plan, batches):
        times.append(1)
        if len(times) == 1:
            raise ZeroDivisionError("a fault of ours")
        real(plan, batches)

    monkeypatch.setattr(pages, "work_pages", break_off)
    workshop.work()
    assert leases.held() == []
    from tests.flows.pipeline.test_ending import hurry

    hurry()
    assert workshop.finish(execution).success_count == 25


def test_a_database_that_fails_in_a_handler_lets_its_work_lapse(workshop, system, monkeypatch):
    from django.db import OperationalError

    system.serve_pages("/orders", orders(5))
    system.take("/sink")
    execution = workshop.start(workshop.flow())
    real, times = Coordinator.load_progress, []

    def fail_once(self):
        times.append(1)
        if len(times) == 1:
            raise OperationalError("the database went away")
        real(self)

    monkeypatch.setattr(Coordinator, "load_progress", fail_once)
    workshop.work()
    assert leases.held() == []  # else its lease would be renewed by a process that has forgotten it
    lapse()
    assert workshop.finish(execution).success_count == 5
