"""How runs end before their time: canceled, out of time, beyond repair; and what is left of them."""

from datetime import timedelta

import pytest
from django.db import connection as db

from apps.core.clock import now
from apps.executions import queue
from apps.executions.models import Execution, ExecutionData, RecordError
from apps.executions.payloads import pack, unpack
from apps.executions.services import cancel_execution
from apps.flows.models import Page, PagePayload
from apps.flows.pipeline import finish, pages, plans
from apps.work import claims, doctor, leases, sql
from apps.work import services as work
from apps.work.models import WorkItem
from tests.flows.pipeline.test_failing_sources import arrived
from tests.flows.pipeline.test_runs import orders


@pytest.fixture(autouse=True)
def nothing_held():
    yield
    leases.let_go(leases.held())


def lapse():
    """Their holders are gone: a renewal that is just under way reaches nothing any more."""
    sql.execute(f"UPDATE work_workitem SET due_at = {sql.now_sql(-1)}, lease_until = {sql.now_sql(-1)},"
        f" updated_at = {sql.now_sql(-100)}, fence = fence + 1"
                " WHERE lease_until IS NOT NULL", [])  # fmt: skip


def hurry():
    sql.execute(f"UPDATE work_workitem SET due_at = {sql.now_sql(-1)} WHERE lease_until IS NULL", [])


def in_a_thread(do):
    """For what a test does while a worker waits for its target."""
    import threading

    def run():
        try:
            do()
        finally:
            db.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def with_pages(workshop, system, count=25):
    """A run whose pages are all made and not begun: its coordinator has gone away."""
    system.serve_pages("/orders", orders(count))
    system.take("/sink")
    execution = workshop.start(workshop.flow())
    real, pages.work_pages = pages.work_pages, lambda plan, batches: work.release([b.claim for b in batches])
    try:
        claim = claims.claim_next("flows")[0]
        claim.slice_ends = 0
        from apps.executions.kinds import Run
        from apps.executions.services import begin
        from apps.flows.pipeline.coordinator import Coordinator

        begin(execution, claim)
        coordinator = Coordinator(Run(execution=execution, claim=claim))
        coordinator.load_progress()
        while not coordinator.exported and (room := 10 - sum(one.number for one in coordinator.progress)) > 0:
            coordinator.make_pages(room)
        work.release([*(batch.claim for batch in coordinator.mine), claim], wake=False)
        coordinator.mine = []
    finally:
        pages.work_pages = real
    return execution


def db_transaction():
    from django.db import transaction

    return transaction.atomic()


def test_a_cancel_before_the_first_turn_ends_it_at_once(workshop, system):
    execution = workshop.start(workshop.flow())
    row = cancel_execution(actor=workshop.owner.actor, execution=execution)
    assert row.state == "canceled" and workshop.at_rest() and doctor.examine() == []


def test_a_cancel_between_turns_drops_the_pages_that_nobody_has_begun(workshop, system):
    execution = with_pages(workshop, system)
    assert Page.objects.filter(state="open").count() == 3
    row = cancel_execution(actor=workshop.owner.actor, execution=execution)
    assert (row.state, row.reason) == ("canceled", "canceled")
    assert workshop.at_rest() and not PagePayload.objects.exists() and doctor.examine() == []
    assert arrived(system) == []


def test_a_cancel_while_pages_are_worked_lets_no_further_step_write(workshop, system):
    system.serve_pages("/orders", orders(300), size=50)
    system.take("/second")
    execution = workshop.start(workshop.flow(None, workshop.import_(), workshop.import_("/second")))
    canceled = []

    def sink(call):
        if not canceled:
            canceled.append(True)
            in_a_thread(lambda: cancel_execution(actor=workshop.owner.actor, execution=execution))
        return {"id": 1}

    system.routes["POST /sink"] = sink
    execution = workshop.finish(execution)
    assert (execution.state, execution.reason) == ("canceled", "canceled")
    assert system.made("POST /second") == []
    sent = len(system.made("POST /sink"))
    assert execution.success_count == sent < 300
    assert workshop.at_rest() and not PagePayload.objects.exists() and doctor.examine() == []


def test_a_cancel_while_others_hold_pages_waits_for_them(workshop, system):
    execution = with_pages(workshop, system)
    (held,) = claims.claim_group(execution.id, kind="page", limit=1)
    row = cancel_execution(actor=workshop.owner.actor, execution=execution)
    assert row.state == "canceling"
    workshop.work()
    pages.handle([held])
    execution.refresh_from_db()
    assert (execution.state, execution.success_count) == ("canceled", 0)
    assert workshop.at_rest() and doctor.examine() == []


def test_a_run_out_of_time_fails_and_says_so(workshop, system):
    execution = with_pages(workshop, system)
    Execution.objects.update(deadline=now() - timedelta(seconds=1))
    queue.sweep()
    execution.refresh_from_db()
    assert (execution.state, execution.reason) == ("failed", "timed out")
    assert workshop.at_rest() and doctor.examine() == []


def test_a_run_out_of_time_whose_pages_are_held_fails_too_when_the_last_is_out(workshop, system):
    execution = with_pages(workshop, system)
    (held,) = claims.claim_group(execution.id, kind="page", limit=1)
    Execution.objects.update(deadline=now() - timedelta(seconds=1))
    queue.sweep()
    execution.refresh_from_db()
    assert (execution.state, execution.reason) == ("canceling", "timed out")
    pages.handle([held])
    execution.refresh_from_db()
    assert (execution.state, execution.reason) == ("failed", "timed out")
    assert workshop.at_rest() and doctor.examine() == []


def test_a_page_that_takes_five_workers_down_goes_to_the_error_desk_and_the_others_arrive(workshop, system):
    execution = with_pages(workshop, system)
    page = Page.objects.order_by("number").first()
    others = [item.id for item in WorkItem.objects.filter(kind="page").exclude(target_id=page.id)]
    WorkItem.objects.filter(pk__in=others).update(parked_on="test")
    for _ in range(5):
        (claim,) = claims.claim_group(execution.id, kind="page", limit=1)
        assert claim.target_id == page.id
        leases.let_go([claim])  # as a killed process: nobody renews it
        lapse()
    WorkItem.objects.filter(pk__in=others).update(parked_on="")
    execution = workshop.finish(execution)
    assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", 15, 10)
    messages = set(RecordError.objects.values_list("code", "message", "retryable"))
    assert messages == {("worker_lost", "This page was given up: worker lost 5 times.", True)}
    assert arrived(system) == list(range(11, 26))


def test_a_run_that_takes_five_workers_down_fails(workshop, system):
    execution = workshop.start(workshop.flow())
    for _ in range(5):
        (claim,) = claims.claim_next("flows")
        with db_transaction():
            work.confirm([claim])
        leases.let_go([claim])
        lapse()
    execution = workshop.finish(execution)
    assert (execution.state, execution.reason) == ("failed", "worker lost 5 times")


def broken(execution, change):
    data = ExecutionData.objects.get(execution=execution)
    snapshot = unpack(data.input)
    change(snapshot)
    data.input = pack(snapshot)
    data.save()
    plans.forget(execution.id)


def test_a_run_that_cannot_be_compiled_fails_with_the_reason(workshop, system):
    execution = workshop.start(workshop.flow())
    broken(execution, lambda s: s["exports"].popitem()[1].update() or s["exports"].update(
        {s["generators"][0]["_exportId"]: {"_id": "x", "name": "orders", "adaptorType": "FaxExport"}}))  # fmt: skip
    execution = workshop.finish(execution)
    assert execution.state == "failed" and "FaxExport" in execution.reason
    assert workshop.at_rest()


def test_a_run_that_meets_an_error_of_ours_is_tried_five_times_and_fails_with_it(workshop, system):
    execution = workshop.start(workshop.flow())
    broken(execution, lambda snapshot: snapshot.pop("routers"))
    for _ in range(7):
        workshop.work()
        hurry()
    execution.refresh_from_db()
    assert execution.state == "failed"
    assert execution.reason == "an internal error, 5 times: KeyError: 'routers'"
    assert workshop.at_rest() and doctor.examine() == []


def test_pages_of_a_run_that_cannot_be_compiled_any_more_end_with_it(workshop, system):
    execution = with_pages(workshop, system)
    broken(execution, lambda s: s["imports"][next(iter(s["imports"]))].update(adaptorType="FaxImport"))
    for _ in range(7):
        workshop.work()
        hurry()
    execution.refresh_from_db()
    assert execution.state == "failed" and "FaxImport" in execution.reason
    assert workshop.at_rest() and doctor.examine() == []


def test_a_lost_execution_is_found_by_the_sweeper(workshop, system):
    execution = with_pages(workshop, system, 125)
    WorkItem.objects.filter(kind="execution").delete()
    workshop.work()
    execution.refresh_from_db()
    assert not execution.is_terminal
    assert queue.sweep() == 1
    assert workshop.finish(execution).success_count == 125


def test_two_who_think_they_are_last_end_a_run_once(workshop, system):
    execution = with_pages(workshop, system)
    found = claims.claim_group(execution.id, kind="page", limit=3)
    Execution.objects.update(done_exporting=True)
    pages.handle(found)
    execution.refresh_from_db()
    assert execution.state == "succeeded" and finish.try_finish(execution.id)
    assert execution.success_count == 25 and workshop.at_rest()
