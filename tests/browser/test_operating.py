"""An operator's night: see what failed and why, send it again, stop a run, all in a real browser."""

import pytest
from playwright.sync_api import expect

from apps.core.clock import now
from apps.executions.models import Execution, RecordError
from apps.work import nodes
from apps.work.models import Node
from tests.browser.conftest import NARROW
from tests.systems import Answer

pytestmark = pytest.mark.browser


def orders(count):
    return [{"id": i, "name": f"Order {i}"} for i in range(1, count + 1)]


@pytest.fixture
def shop(workshop, system):
    """25 orders, two of which the sink refuses."""
    system.serve_pages("/orders", orders(25))
    refuse = {7, 19}
    system.routes["POST /sink"] = lambda call: (
        Answer(422, {"message": "The warehouse does not know this article."})
        if call.json["external_id"] in refuse
        else {"id": 1}
    )
    system.refuse = refuse
    return workshop


def test_a_flow_is_run_and_its_failed_records_are_sent_again(visit, shop, owner, system):
    flow = shop.flow()
    window = visit()
    page = window.sign_in(owner)
    expect(page.get_by_text("No worker lives")).to_be_visible()
    window.menu("Flows")
    page.get_by_role("link", name="flow", exact=True).click()
    expect(page.get_by_text("It never ran.").first).to_be_visible()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("flow is queued to run.")).to_be_visible()
    shop.work()
    # The page looks again by itself.
    expect(page.get_by_role("button", name="Retry failed records")).to_be_visible()
    expect(page.locator(".jn-sentence")).to_have_text("It went through, but 2 records failed on the way.")
    expect(page.locator("svg .jn-counts", has_text="23 ok2 failed")).to_be_visible()
    expect(page.locator(".jn-facts", has_text="25 read, 23 written, 2 failed")).to_be_visible()
    expect(page.get_by_role("link", name="The warehouse does not know this article.").first).to_be_visible()
    window.picture("run-with-errors")
    system.refuse.clear()
    page.get_by_role("button", name="Retry failed records").click()
    expect(page.get_by_text("2 failed records are queued to be sent again.")).to_be_visible()
    shop.work()
    expect(page.locator(".jn-title .jn-badge")).to_have_text(["retry", "succeeded"])
    assert not RecordError.objects.open().exists()
    page.goto(f"{window.base}/console/flows/flow/{flow.hex_id}/change/")
    expect(page.get_by_text("No record error is open.")).to_be_visible()
    window.picture("flow")
    assert window.strangers == []
    assert window.complaints == []


def test_the_failed_run_its_reason_and_its_retry_are_three_clicks_away(visit, shop, owner, system):
    shop.run(shop.flow())
    system.routes["GET /orders"] = lambda call: Answer(403, {"error": "The key of the shop has expired."})
    failed = shop.run(shop.flow())
    nodes.beat(roles="worker scheduler", lanes="flows interactive")
    window = visit()
    page = window.sign_in(owner)
    row = page.get_by_role("row").filter(has_text="The key of the shop has expired.")
    expect(row.get_by_text("failed", exact=True)).to_be_visible()
    expect(page.locator(".jn-card", has_text="open record errors")).to_contain_text("3")
    window.picture("dashboard")
    row.get_by_role("link").first.click()
    expect(page.locator(".jn-sentence.jn-alarming")).to_contain_text("The key of the shop has expired.")
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    assert failed.hex_id in page.url
    window.picture("run-failed")
    page.locator("section", has_text="Exchanges").get_by_role("link", name="GET").first.click()
    expect(page.get_by_text("The key of the shop has expired.").first).to_be_visible()
    window.picture("exchange")
    assert window.complaints == []


def test_a_run_is_canceled_after_a_question(visit, shop, owner):
    shop.start(shop.flow())
    execution = Execution.objects.get()
    window = visit()
    page = window.sign_in(owner)
    window.menu("Executions")
    expect(page.locator("#result_list").get_by_text("queued")).to_be_visible()
    page.locator("#result_list").get_by_role("link", name="flow").click()
    page.locator("summary", has_text="Cancel run").click()
    expect(page.locator(".jn-sentence")).to_contain_text("no living process drains the lane flows")
    window.picture("cancel")
    page.get_by_role("button", name="Yes, cancel run").click()
    expect(page.get_by_text("The run is canceled.")).to_be_visible()
    expect(page.locator(".jn-title .jn-badge")).to_have_text("canceled")
    execution.refresh_from_db()
    assert execution.state == "canceled"


def test_errors_are_resolved_many_at_once_and_one_by_one(visit, shop, owner, system):
    shop.run(shop.flow())
    system.refuse.update({3, 4})
    shop.run(shop.flow())
    window = visit()
    page = window.sign_in(owner)
    window.menu("Record errors")
    expect(page.locator("#result_list tbody")).to_have_count(6)
    window.picture("errors")
    boxes = page.locator("#result_list tbody input[name=_selected_action]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.select_option("select[name=action]", "resolve_chosen")
    window.picture("errors-chosen")
    page.locator("button[name=index]").first.click()
    expect(page.get_by_text("2 records are resolved.")).to_be_visible()
    expect(page.locator("#result_list tbody")).to_have_count(4)
    page.locator("#result_list tbody a").first.click()
    expect(page.locator(".jn-document").first).to_contain_text('"name": "Order')
    window.picture("error")
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_text("The error is resolved")).to_be_visible()
    assert RecordError.objects.open().count() == 3
    assert RecordError.objects.filter(resolved_by=owner.user.hex_id).count() == 3


def test_a_kept_record_is_mended_and_sent_again(visit, shop, owner, system):
    shop.run(shop.flow())
    error = RecordError.objects.open().order_by("id").first()
    window = visit()
    page = window.sign_in(owner)
    page.goto(f"{window.base}/console/executions/recorderror/{error.hex_id}/change/")
    page.get_by_role("link", name="Edit record").click()
    page.fill("textarea", page.input_value("textarea").replace('"id": 7', '"id": 700'))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Retry sends it as it stands now.")).to_be_visible()
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_text("The record is queued to be sent again.")).to_be_visible()
    shop.work()
    assert [c for c in system.made("POST /sink") if c.json["external_id"] == 700]


def test_a_connection_is_pinged(visit, shop, owner, system):
    system.routes["GET /"] = lambda call: {"ok": True}
    window = visit()
    page = window.sign_in(owner)
    window.menu("Connections")
    page.locator("#result_list").get_by_role("link", name="system").click()
    page.get_by_role("button", name="Ping").click()
    expect(page.get_by_text("The connection works.")).to_be_visible()
    window.picture("connection")
    system.routes["GET /"] = lambda call: Answer(401, {"error": "no"})
    page.get_by_role("button", name="Ping").click()
    expect(page.get_by_text("The connection does not work: The target answered 401")).to_be_visible()


def test_everything_can_be_read_on_a_telephone(visit, shop, owner):
    shop.run(shop.flow())
    Node.objects.create(name="node-1", roles="worker", lanes="flows", started_at=now(), seen_at=now())
    window = visit(size=NARROW)
    page = window.sign_in(owner)
    expect(page.get_by_text("with errors").first).to_be_visible()
    window.picture("dashboard-narrow")
    page.locator("section", has_text="Failed in the last 24 hours").get_by_role("link", name="flow").click()
    expect(page.get_by_role("button", name="Retry failed records")).to_be_visible()
    window.picture("run-narrow")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW["width"]
    page.goto(f"{window.base}/console/executions/recorderror/")
    window.picture("errors-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
