"""An automation found, looked at, run by hand with arguments, its run read, then switched off; in a real browser."""

import pytest
from playwright.sync_api import expect

from apps.automations.models import Automation
from apps.automations.services import create_automation
from apps.catalog.blueprints import save_blueprint
from apps.work import drain
from apps.work.models import Lane

pytestmark = pytest.mark.browser
SCHEMA = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}}}
DOCUMENT = {
    "id": "new-service", "title": "New service", "type": "selfServiceAction", "description": "Makes a service.",
    "triggers": [{"type": "manual", "inputSchema": SCHEMA}],
    "actions": [
        {"type": "fetchResource", "id": "twin", "args": {"conditions": [
            {"field": "title", "operator": "eq", "value": "{{ args.name }}"}]}},
        {"type": "upsertResource", "id": "made", "title": "Make it", "args": {"data": {
            "id": "{{ args.name | lower }}", "title": "{{ args.name }}", "blueprintId": "service"}}},
    ],
    "outputs": {"id": "{{ actions.made.output.id }}"},
}  # fmt: skip


def work_off():
    while any(drain.drain(lane) for lane in (Lane.INTERACTIVE, Lane.FLOWS)):
        pass


def test_an_automation_is_run_by_hand_and_switched_off(visit, owner):
    save_blueprint(actor=owner.actor, id="service", fields={"title": "Service"})
    create_automation(actor=owner.actor, document=DOCUMENT)
    window = visit()
    page = window.sign_in(owner)
    window.menu("Automations")
    expect(page.get_by_text("never")).to_be_visible()
    window.picture("automations")
    page.get_by_role("link", name="New service").click()
    expect(page.locator(".jn-sentence")).to_have_text("Makes a service.")
    expect(page.get_by_role("cell", name="Make it")).to_be_visible()
    window.picture("automation")
    page.get_by_role("link", name="Run", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("args.name")
    page.get_by_label("Arguments").fill('{"name": "Payments"}')
    window.picture("run-automation")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("New service is queued to run.")).to_be_visible()
    work_off()
    # The page looks again by itself.
    expect(page.locator(".jn-title .jn-badge")).to_have_text("succeeded")
    expect(page.get_by_role("cell", name="Created payments.")).to_be_visible()
    expect(page.get_by_role("cell", name="It found nothing.")).to_be_visible()
    window.picture("automation-run")
    window.menu("Automations")
    page.get_by_role("link", name="New service").click()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("is switched off: nothing starts it.")).to_be_visible()
    assert not Automation.objects.get().is_active
    assert page.get_by_role("link", name="Run", exact=True).count() == 0
    assert window.strangers == []
    assert [text for text in window.complaints if "422" not in text] == [], "but for the refused arguments"
