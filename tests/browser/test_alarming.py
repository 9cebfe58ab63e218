"""An operator makes an alarm, tests it, and sees it fire; all in a real browser."""

import json

import pytest
from playwright.sync_api import expect

from apps.alarms.models import Alarm
from tests.alarms.conftest import look, run, work_off

pytestmark = pytest.mark.browser


def test_an_alarm_is_made_tested_and_seen_firing(visit, owner, organization, mailbox):
    window = visit()
    page = window.sign_in(owner)
    window.menu("Alarms")
    page.locator("a[href$='/alarms/alarm/add/']").first.click()
    editor = page.locator("textarea[name=document]")
    document = json.loads(editor.input_value())
    editor.fill(json.dumps({**document, "name": "Night watch"}))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Alarm Night watch is saved.")).to_be_visible()
    expect(page.locator(".jn-title .jn-badge")).to_have_text("ok")
    page.locator("summary", has_text="Send a test").click()
    page.get_by_role("button", name="Yes, send a test").click()
    expect(page.get_by_text("The test was sent. email to on-call@example.com")).to_be_visible()
    assert mailbox.subjects == ["[Acme] Test of the alarm Night watch"]
    run(organization)
    work_off()
    look()
    page.reload()
    expect(page.locator(".jn-title .jn-badge")).to_have_text("firing")
    expect(page.locator(".jn-sentence")).to_contain_text("1 firing, the first for")
    expect(page.get_by_role("link", name="Orders: The shop answered 503.")).to_be_visible()
    window.picture("alarm")
    page.get_by_role("link", name="[Acme] Execution failed: flow Orders").click()
    expect(page.get_by_text("What to do   Open the execution")).to_be_visible()
    window.picture("alarm-message")
    window.menu("Alarm messages")
    expect(page.get_by_text("The mail server has taken it.").first).to_be_visible()
    window.picture("alarm-messages")
    assert Alarm.objects.get().name == "Night watch"
    assert window.strangers == []
    assert window.complaints == []
