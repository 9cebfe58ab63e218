"""Delta marks, retries of kept records, serial keys, and who comes first."""

import pytest
from django.db import transaction

from apps.accounts.services import create_organization
from apps.core.ids import new_id
from apps.executions.models import Execution, RecordError
from apps.executions.services import cancel_execution
from apps.flows.models import DeltaMark
from apps.flows.services.record_errors import replace_retry_data
from apps.flows.services.runs import retry_errors, run_input
from apps.work import claims, doctor, leases
from apps.work import services as work
from tests.flows.pipeline.test_ending import nothing_held  # noqa: F401
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


def delta(workshop, **members):
    return workshop.export("/orders?since={{lastExportDateTime}}", type="delta", **members)


def mark():
    found = DeltaMark.objects.first()
    return found.last_export_at if found else None


def test_the_mark_moves_with_a_successful_run_even_an_empty_one(workshop, system):
    system.take("/sink")
    flow = workshop.flow(delta(workshop))
    system.routes["GET /orders"] = lambda call: {"data": orders(3)}
    execution = workshop.run(flow)
    first = mark()
    assert execution.started_at <= first <= execution.ended_at
    system.routes["GET /orders"] = lambda call: {"data": []}
    workshop.run(flow)
    assert mark() > first
    asked = [call.query["since"] for call in system.made("GET /orders")]
    assert asked == [
        "1970-01-01T00:00:00.000Z",
        first.strftime("%Y-%m-%dT%H:%M:%S.") + f"{first.microsecond // 1000:03d}Z",
    ]


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_the_mark_stays_when_a_run_fails_or_is_canceled(workshop, system, end):
    system.take("/sink")
    flow = workshop.flow(delta(workshop))
    system.routes["GET /orders"] = lambda call: {"data": orders(3)}
    workshop.run(flow)
    before = mark()
    system.routes["GET /orders"] = lambda call: Answer(400, {"e": 1})
    execution = workshop.start(flow)
    if end == "canceled":
        cancel_execution(actor=workshop.owner.actor, execution=execution)
    assert workshop.finish(execution).state == end
    assert mark() == before


def test_records_that_fail_do_not_hold_the_mark_back(workshop, system):
    system.routes["GET /orders"] = lambda call: {"data": orders(3)}
    system.routes["POST /sink"] = lambda call: Answer(422, {})
    assert workshop.run(workshop.flow(delta(workshop))).error_count == 3
    assert mark() is not None


def test_a_test_run_moves_no_mark(workshop, system):
    system.take("/sink")
    system.routes["GET /orders"] = lambda call: {"data": orders(3)}
    export = workshop.export("/orders", type="test", test={"limit": 2})
    execution = workshop.run(workshop.flow(export))
    assert execution.success_count == 2 and mark() is None


def failed_at_the_second_step(workshop, system):
    system.serve_pages("/orders", orders(4))
    system.take("/sink")
    system.take("/third")
    system.routes["POST /second"] = lambda call: Answer(500, {"message": "no"})
    second = workshop.import_("/second")
    flow = workshop.flow(None, workshop.import_(), second, workshop.import_("/third"))
    workshop.run(flow)
    system.take("/second")
    return flow, second, {e.trace_key: e for e in RecordError.objects.all()}


def keys(system, path, number):
    return [c.headers["Idempotency-Key"] for c in system.made(f"POST {path}") if c.json["external_id"] == number]


def test_a_retry_resumes_at_the_failing_step_and_goes_on_and_only_edited_data_has_a_new_key(workshop, system):
    flow, second, errors = failed_at_the_second_step(workshop, system)
    actor = workshop.owner.actor
    edited = {"id": 2, "name": "Mended"}
    replace_retry_data(actor=actor, flow=flow, step_id=second.id, key=errors["2"].hex_id, data=edited)
    chosen = [errors[key].hex_id for key in ("1", "2")]
    retry = workshop.finish(retry_errors(actor=actor, flow=flow, step_id=second.id, error_ids=chosen))
    assert (retry.state, retry.success_count, retry.error_count) == ("succeeded", 4, 0)
    assert len(system.made("POST /sink")) == 4  # the step before was not done again
    assert len(set(keys(system, "/second", 1))) == 1 and len(keys(system, "/second", 1)) >= 2
    assert len(set(keys(system, "/second", 2))) == 2
    assert {c.json["name"] for c in system.made("POST /third")} == {"Order 1", "Mended"}
    still_open = RecordError.objects.filter(resolved_at__isnull=True).values_list("trace_key", flat=True)
    assert set(still_open) == {"3", "4"} and doctor.examine() == []


def test_what_a_canceled_retry_did_not_get_to_may_be_retried_again(workshop, system):
    flow, second, errors = failed_at_the_second_step(workshop, system)
    actor, chosen = workshop.owner.actor, [error.hex_id for error in errors.values()]
    first = retry_errors(actor=actor, flow=flow, step_id=second.id, error_ids=chosen)
    cancel_execution(actor=actor, execution=first)
    assert not RecordError.objects.filter(retrying_in__isnull=False).exists() and doctor.examine() == []
    again = retry_errors(actor=actor, flow=flow, step_id=second.id, error_ids=chosen)
    assert workshop.finish(again).success_count == 8


def test_a_retry_that_fails_again_leaves_one_open_error_a_record(workshop, system):
    flow, second, errors = failed_at_the_second_step(workshop, system)
    system.routes["POST /second"] = lambda call: Answer(500, {"message": "still no"})
    chosen = [error.hex_id for error in errors.values()]
    workshop.finish(retry_errors(actor=workshop.owner.actor, flow=flow, step_id=second.id, error_ids=chosen))
    assert RecordError.objects.count() == 8
    assert RecordError.objects.filter(resolved_at__isnull=True).count() == 4


def test_one_organizations_run_does_not_stand_behind_anothers_5000_items(workshop, system, organization):
    big = create_organization(name="Big")
    with transaction.atomic():
        work.add_many(
            kind="execution", lane="flows", organization_id=big.id, target_ids=[new_id() for _ in range(5000)]
        )
    execution = workshop.start(workshop.flow())
    first = [claims.claim_next("flows")[0] for _ in range(2)]
    assert execution.id in {claim.target_id for claim in first}
    leases.let_go(first)


def test_of_a_serial_key_the_second_waits_even_while_the_first_sleeps(workshop, system):
    system.serve_pages("/orders", orders(3))
    told = []

    def sink(call):
        if not told:
            told.append(1)
            return Answer(429, {}, {"Retry-After": "3"})
        return {"id": 1}

    system.routes["POST /sink"] = sink
    flow = workshop.flow()
    first, second = (serial(flow) for _ in range(2))
    workshop.work()
    assert {e.id: e.state for e in Execution.objects.all()} == {first.id: "running", second.id: "queued"}
    workshop.finish(second)
    first.refresh_from_db()
    assert first.state == "succeeded" and first.ended_at <= Execution.objects.get(pk=second.id).started_at


def serial(flow):
    from dataclasses import replace

    from apps.executions.services import start_new

    return start_new(replace(run_input(flow=flow, triggered_by="test"), serial_key="one at a time"))
