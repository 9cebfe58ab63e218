"""A flow is planned, looked through, applied and replayed, in a real browser."""

import pytest
from playwright.sync_api import expect

from apps.flows.models import Import

pytestmark = pytest.mark.browser


def test_a_flow_is_planned_applied_and_replayed(visit, workshop, owner, system):
    system.serve_pages("/orders", [{"id": i, "name": f"Order {i}"} for i in range(1, 4)])
    system.take("/sink")
    flow = workshop.flow()
    window = visit()
    page = window.sign_in(owner)
    window.menu("Flows")
    page.get_by_role("link", name="flow", exact=True).click()
    page.get_by_role("button", name="Plan", exact=True).click()
    expect(page.get_by_text("flow is being planned. Nothing is sent.")).to_be_visible()
    workshop.work()
    # The page looks again by itself.
    requests = page.get_by_role("link", name=f"POST {system.url}/sink")
    expect(requests.first).to_be_visible()
    expect(page.get_by_text('"name":"Order 3"').first).to_be_visible()
    expect(page.locator(".jn-facts", has_text="3 read, 3 to be written")).to_be_visible()
    assert system.made("POST") == []
    window.picture("plan")

    page.locator("summary", has_text="Apply").click()
    page.get_by_role("button", name="Yes, apply").click()
    expect(page.get_by_text("The planned requests are queued to be sent.")).to_be_visible()
    workshop.work()
    expect(page.locator(".jn-title .jn-badge")).to_have_text("succeeded")
    assert len(system.made("POST /sink")) == 3

    execution = workshop.run(flow)
    page.goto(f"{window.base}/console/executions/execution/{execution.hex_id}/change/")
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.get_by_text("Nothing differs.").first).to_be_visible()
    sink = Import.objects.get()
    sink.document["http"]["relativeURI"] = ["/other"]
    sink.save()
    page.goto(f"{window.base}/console/executions/execution/{execution.hex_id}/change/")
    page.get_by_role("button", name="Replay on the flow as it is").click()
    expect(page.get_by_text("It differs: see below.")).to_be_visible()
    expect(page.get_by_role("row", name=f"{system.url}/other").first).to_be_visible()
    assert len(system.made("POST")) == 6
    window.picture("replay")
    assert window.complaints == []
