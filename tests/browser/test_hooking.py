"""An operator gives a hook its secret, sees what calls have started, and says who must approve them; in a browser."""

import hashlib
import hmac
import re

import pytest
from django.test import Client
from playwright.sync_api import expect

from apps.automations.models import Automation
from apps.automations.services import create_automation
from apps.inbound.models import DirectHook
from apps.work import drain
from apps.work.models import Lane

pytestmark = pytest.mark.browser
DOCUMENT = {
    "id": "greet", "title": "Greet", "type": "automation", "outputs": {"hi": "Hello {{ data.name }}"},
    "triggers": [{"type": "onHook", "security": {"type": "hmac-sha256", "header": "X-Signature"}}],
}  # fmt: skip
BODY = b'{"name": "Ada"}'


def call(address, secret):
    headers = {"X-Signature": hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()}
    path = "/hooks/" + address.rpartition("/")[2]
    return Client().post(path, data=BODY, content_type="application/json", headers=headers).status_code


def test_a_hook_gets_its_secret_and_its_automation_an_approval(visit, owner, settings, served):
    settings.PUBLIC_URL = served
    create_automation(actor=owner.actor, document=DOCUMENT)
    window = visit()
    page = window.sign_in(owner)
    window.menu("Hooks")
    expect(page.get_by_text("none lately")).to_be_visible()
    window.picture("hooks")
    page.get_by_role("link", name="Greet").click()
    address = page.locator(".jn-copy").inner_text()
    assert address == f"{served}/hooks/{DirectHook.objects.get().token}"
    expect(page.get_by_text("none set: every call is refused")).to_be_visible()
    page.locator("summary", has_text="New secret").click()
    page.get_by_role("button", name="Yes, new secret").click()
    expect(page.get_by_role("heading", name="New secret: Hook of Greet")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("it is not shown again. The one before counts too")
    window.picture("new-secret")
    secret = re.fullmatch("[0-9a-f]{64}", page.locator("#jn-key").inner_text()).group()
    assert (call(address, secret), call(address, "other")) == (202, 401)
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page.get_by_text("1 set")).to_be_visible()
    expect(page.get_by_text(secret)).to_have_count(0)
    window.picture("hook")
    page.get_by_role("link", name="Set secret").click()
    page.get_by_label("Secret", exact=True).fill("chosen by the caller")
    window.picture("set-secret")
    page.get_by_role("button", name="Set secret").click()
    expect(page.get_by_text("It is not shown again.")).to_be_visible()
    assert call(address, "chosen by the caller") == 202
    page.locator("summary", has_text="New address").click()
    page.get_by_role("button", name="Yes, new address").click()
    expect(page.get_by_text("It has a new address.")).to_be_visible()
    assert call(address, secret) == 404

    page.locator("dd").get_by_role("link", name="Greet").click()
    page.get_by_role("link", name="Approval", exact=True).click()
    page.get_by_label("A person must approve each run").check()
    page.get_by_label("owner").check()
    page.get_by_label("It waits for at most").fill("soon")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("approval.timeoutSeconds: must be a whole number")
    page.get_by_label("It waits for at most").fill("2")
    page.get_by_label("Without an answer in that time").select_option("it is rejected")
    window.picture("approval-settings")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The approval of Greet is saved.")).to_be_visible()
    saved = Automation.objects.select_related("version").get().version.document
    assert saved["needsApproval"] is True
    assert saved["approval"] == {"roles": ["owner"], "timeoutSeconds": 7200, "onTimeout": "reject"}
    while any(drain.drain(lane) for lane in (Lane.INTERACTIVE, Lane.FLOWS)):
        pass
    window.menu("Hooks")
    expect(page.get_by_role("cell", name="2", exact=True)).to_be_visible()
    assert window.strangers == []
    assert [text for text in window.complaints if "422" not in text] == [], "but for the refused form"
