"""An action is tested in a real browser: planned first, then sent."""

import pytest
from playwright.sync_api import expect

from apps.accounts.console.names import address_of
from tests.connections.making import make_action, make_connector
from tests.connections.target import serving

pytestmark = pytest.mark.browser


def test_an_action_is_planned_and_then_sent(visit, owner, organization):
    request = {"method": "POST", "url": "{{ input.data.url }}/leads", "body": {"name": "{{ input.data.name }}"}}
    program = {"steps": [{"name": "made", "request": request}], "output": "{{ steps.made.body }}"}
    row = make_action(make_connector(organization), "lead.create", program)
    window = visit()
    page = window.sign_in(owner)
    with serving(lambda seen: (201, {}, {"id": "lead-7"})) as target:
        for mode, count in (("Plan", 0), ("Live", 1)):
            page.goto(window.base + address_of(row))
            page.get_by_role("link", name="Test action").click()
            page.get_by_label("Input").fill(f'{{"url": "{target.url}", "name": "Ada"}}')
            page.get_by_label(mode).check()
            page.get_by_role("button", name="Run", exact=True).click()
            expect(page.get_by_text("It ran.")).to_be_visible()
            expect(page.get_by_role("link", name=f"POST {target.url}/leads")).to_be_visible()
            assert len(target.seen) == count
            window.picture(f"action-{mode.lower()}")
        expect(page.get_by_text("lead-7").first).to_be_visible()
    assert window.complaints == []
