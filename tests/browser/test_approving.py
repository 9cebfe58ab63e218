"""Runs that wait for a person: one is found by the menu's count and rejected on the console, one approved by mail."""

import re

import pytest
from playwright.sync_api import expect

from apps.executions.models import Execution
from tests.automations.approvals.conftest import work_off
from tests.automations.conftest import Workshop
from tests.browser.conftest import NARROW
from tests.conftest import make_person

pytestmark = pytest.mark.browser
FETCH = {
    "type": "fetchResource", "id": "service", "title": "Look the service up",
    "args": {"conditions": [{"field": "id", "operator": "eq", "value": "{{ args.service }}"}]},
}  # fmt: skip
DOCUMENT = {
    "id": "resize", "title": "Resize a service", "type": "selfServiceAction", "needsApproval": True,
    "description": "Gives a service another size.",
    "triggers": [{"type": "manual", "inputSchema": {"type": "object"}}],
    "approval": {"message": "May {{ args.service }} grow?", "timeoutSeconds": 3600, "onTimeout": "reject"},
}  # fmt: skip


@pytest.fixture
def asking(transactional_db, owner, served, settings, mailbox):
    """Two runs that wait for an approval; the mails are out."""
    settings.PUBLIC_URL = served
    shop = Workshop(make_person(organization=owner.organization, role="manage", email="asker@acme.example"))
    automation = shop.automation(FETCH, **{name: value for name, value in DOCUMENT.items() if name != "title"})
    runs = [shop.run(automation, args={"service": name}) for name in ("checkout", "billing")]
    assert {run.state for run in runs} == {"waiting"}
    work_off("deliveries")
    return runs


def state_of(run):
    return Execution.objects.filter(pk=run.pk).values_list("state", "reason").get()


def test_one_is_rejected_on_the_console_and_one_approved_by_mail(visit, asking, owner, mailbox):
    window = visit()
    page = window.sign_in(owner)
    expect(page.locator("#nav-sidebar a", has_text="Approvals")).to_contain_text("2")
    window.menu("Approvals")
    window.picture("approvals")
    page.get_by_role("link", name="Resize: May billing grow?").click()
    expect(page.get_by_text("Look the service up")).to_be_visible()
    expect(page.get_by_text("Without an answer by")).to_be_visible()
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Say why it is rejected.")).to_be_visible()
    page.get_by_label("Reason, needed to reject").fill("It is large enough.")
    window.picture("approval")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Rejected: it will not go on.")).to_be_visible()
    expect(page.locator(".jn-title .jn-badge")).to_have_text("rejected")
    expect(page.locator("#nav-sidebar a", has_text="Approvals")).to_contain_text("1")
    assert window.strangers == [] and window.complaints == []

    plain = [letter.get_body(("plain",)).get_content() for letter in mailbox.letters]
    letter = next(text for text in plain if "May checkout grow?" in text)
    (address,) = re.findall(r"Approve: (\S+)", letter)
    mail = visit(size=NARROW)
    page = mail.page
    page.goto(address)
    expect(page.get_by_role("heading", name="Approve Resize?")).to_be_visible()
    expect(page.get_by_text("May checkout grow?")).to_be_visible()
    mail.picture("approval-by-mail")
    page.get_by_label("Comment").fill("Go on.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    page.goto(address)
    expect(page.get_by_role("heading", name="Already answered")).to_be_visible()
    assert mail.strangers == []
    assert [text for text in mail.complaints if "409" not in text] == []

    work_off("flows")
    assert [state_of(run) for run in asking] == [
        ("succeeded", ""),
        ("canceled", "Rejected by owner@acme.example: It is large enough."),
    ]
