"""What pages say of runs: states that do not contradict each other, numbers that can be understood, who began it."""

import pytest

from apps.accounts.console.names import address_of, list_url
from apps.accounts.services import actor_of_key
from apps.core.ids import hex24
from apps.executions.models import Exchange, Execution, RecordError, Step
from apps.executions.services import cancel_execution
from apps.flows.models import Flow, Page
from apps.flows.services.runs import retry_errors, run_flow
from apps.schedules.models import Schedule
from tests.console.furniture import furnish
from tests.console.test_verbs import do
from tests.systems import Answer

READ = "4 read, 4 written by 2 imports, "


@pytest.fixture
def shop(workshop, system):
    """Four orders that go to two sinks; the first refuses number 2 and 3, the second gets the rest."""
    system.serve_pages("/orders", [{"id": i, "name": f"Order {i}"} for i in range(1, 5)])
    system.routes["POST /sink"] = lambda call: (
        Answer(422, {"message": "No."}) if call.json["external_id"] in (2, 3) else {"id": 1}
    )
    system.routes["POST /store"] = lambda call: {"id": 1}
    return workshop


def two_sinks(shop):
    return shop.flow(shop.export(), shop.import_("/sink"), shop.import_("/store"))


def test_a_step_with_failed_records_is_no_plain_success(shop, visit):
    page = visit(address_of(shop.run(two_sinks(shop))))
    steps = page.split("Steps</h2>")[1].split("</table>")[0]
    assert steps.count(">succeeded<") == 2 and steps.count(">with errors<") == 1


def test_steps_after_a_failed_export_were_not_reached(shop, visit, system):
    system.routes["GET /orders"] = lambda call: Answer(404, {})
    page = visit(address_of(shop.run(two_sinks(shop))))
    steps = page.split("Steps</h2>")[1].split("</table>")[0]
    assert steps.count(">not reached<") == 2 and ">succeeded<" not in steps
    assert "No page was made." in page


def test_a_run_that_reads_nothing_has_no_records_for_its_steps(shop, visit, system):
    system.serve_pages("/orders", [])
    page = visit(address_of(shop.run(two_sinks(shop))))
    assert page.split("Steps</h2>")[1].count(">no records<") == 2 and ">not reached<" not in page


def test_a_runs_records_read_the_same_everywhere(shop, visit):
    flow = two_sinks(shop)
    run = shop.run(flow)
    for address in (address_of(run), address_of(flow), list_url(Execution), "/console/"):
        page = visit(address)
        assert READ in page and "2 failed" in page
        assert "It went through, but 2 records failed on the way." in page
    RecordError.objects.update(resolved_at=run.ended_at)
    for address in (address_of(run), address_of(flow), list_url(Execution), "/console/"):
        assert "on the way; none is open any more." in visit(address)


def test_pages_that_are_cleared_away_are_still_told_of(shop, visit):
    run = shop.run(two_sinks(shop))
    Page.objects.all().delete()
    assert "One page, cleared after the end." in visit(address_of(run))


def test_a_run_that_has_no_page_yet_says_what_it_waits_for(shop, visit):
    assert "None yet: no source has answered so far." in visit(address_of(shop.start(two_sinks(shop))))


def test_a_retry_is_told_from_a_run(shop, visit, owner):
    flow = two_sinks(shop)
    run = shop.run(flow)
    error = RecordError.objects.order_by("id").first()
    again = retry_errors(actor=owner.actor, flow=flow, step_id=error.step_id, error_ids=[error.hex_id])
    shop.work()
    for address in (list_url(Execution), address_of(flow), address_of(again), "/console/"):
        assert 'jn-info">retry<' in visit(address)
    assert 'jn-info">retry<' not in visit(address_of(run))
    page = visit(address_of(flow))
    assert "Counts of the newest run" in page and "4 ok" in page


def test_exchanges_name_their_step_and_their_connection(shop, visit):
    run = shop.run(two_sinks(shop))
    assert set(Exchange.objects.values_list("connection_id", flat=True)) == {shop.connection.id}
    for address in (address_of(run), list_url(Exchange), address_of(Exchange.objects.last())):
        assert "pageProcessors" not in visit(address)
    assert ">system</a>" in visit(address_of(Exchange.objects.last()))


def test_who_started_a_run_is_named_with_the_key(rows, owner, visit):
    flow = rows[Flow]
    by_hand = run_flow(actor=owner.actor, flow=flow)
    by_key = run_flow(actor=actor_of_key(owner.key), flow=flow)
    assert "owner@acme.example, with the key “test”" in visit(address_of(by_key))
    assert "with the key" not in visit(address_of(by_hand))
    listed = visit(list_url(Execution))
    assert listed.count("owner@acme.example, with the key “test”") == 1


def test_a_schedule_and_another_flow_are_named_too(rows, organization, visit):
    run, schedule = rows[Execution], rows[Schedule]
    Execution.objects.filter(pk=run.pk).update(
        triggered_by="schedule", cause=f"tick:{hex24(schedule.pk)}:2026-01-01T00:00:00Z"
    )
    page = visit(address_of(run))
    assert "the schedule" in page and address_of(schedule) in page
    other = furnish(organization)[Execution]
    Execution.objects.filter(pk=run.pk).update(triggered_by="chain", cause=f"chain:{other.hex_id}:{hex24(other.pk)}")
    page = visit(address_of(run))
    assert "the end of" in page and address_of(other) in page


def test_who_canceled_it_is_named(rows, owner, visit):
    run = run_flow(actor=owner.actor, flow=rows[Flow])
    cancel_execution(actor=owner.actor, execution=run)
    assert "Canceled by</dt><dd>owner@acme.example" in visit(address_of(run))


def test_a_person_of_another_organization_is_not_named(rows, stranger, visit):
    Execution.objects.filter(pk=rows[Execution].pk).update(triggered_by=stranger.user.hex_id)
    page = visit(address_of(rows[Execution]))
    assert stranger.user.email not in page and "a person who has left" in page


def test_a_canceled_export_is_cut_short(rows, visit):
    run = rows[Execution]
    Execution.objects.filter(pk=run.pk).update(state="canceled")
    Step.objects.filter(execution=run, kind="export").update(state="waiting")
    assert ">cut short<" in visit(address_of(run))


def test_what_an_export_died_of_is_no_record(shop, visit, system):
    system.routes["GET /orders"] = lambda call: Answer(404, {})
    shop.run(two_sinks(shop))
    page = visit(address_of(RecordError.objects.get()))
    assert "An export failed" in page and "no: run the flow again" in page and "Number in its page" not in page


def test_who_resolved_an_error_is_named(rows, owner, console, visit):
    error = rows[RecordError]
    do(console, error, "resolve")
    assert "Resolved by</dt><dd>owner@acme.example" in visit(address_of(error))
    RecordError.objects.update(resolved_by="autopilot")
    assert "Resolved by</dt><dd>a later run" in visit(address_of(error))
