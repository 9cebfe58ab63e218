"""Every page in a real browser: nothing is refused by the policy, nothing is asked of other hosts."""

import pytest
from playwright.sync_api import expect

from apps.accounts.console.names import address_of, list_url
from apps.console.navigation import GROUPS
from apps.console.throttle import FAILURES_PER_PERSON
from apps.flows.models import Flow
from tests.console.furniture import furnish

pytestmark = pytest.mark.browser


def test_every_page_keeps_to_its_own_host_and_to_the_policy(visit, owner, organization):
    rows = furnish(organization, user=owner.user)
    window = visit()
    page = window.sign_in(owner)
    assert page.locator("#nav-sidebar-apps a").count() == 1 + sum(len(entries) for _, entries in GROUPS)
    for model, row in rows.items():
        window.open(list_url(model))
        expect(page.locator("#result_list tbody").first).to_be_visible()
        window.open(address_of(row))
        expect(page.locator(".jn-title")).to_be_visible()
    window.open(f"/console/flows/flow/{rows[Flow].hex_id}/edit/")
    window.picture("editor")
    assert window.strangers == []
    assert window.complaints == []


def test_the_theme_works_under_the_policy(visit, owner, organization):
    """Its menus are Alpine's: a policy that it cannot live with would leave them dead."""
    furnish(organization, user=owner.user)
    window = visit()
    page = window.sign_in(owner)
    window.open("/console/executions/execution/")
    page.get_by_text("Filters").first.click()
    expect(page.get_by_role("link", name="failed", exact=True)).to_be_visible()
    window.picture("filters")
    page.get_by_role("link", name="succeeded", exact=True).click()
    expect(page.get_by_text("Nothing matches.").first).to_be_visible()
    window.picture("filtered")
    page.locator("#nav-sidebar").get_by_text("owner@acme.example").first.click()
    expect(page.get_by_role("link", name="Preferences")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("logged out", exact=False).first).to_be_visible()
    assert window.complaints == []


def test_the_dark_theme_is_readable(visit, owner, organization):
    rows = furnish(organization, user=owner.user)
    window = visit(scheme="dark")
    page = window.sign_in(owner)
    expect(page.locator("html.dark")).to_be_attached()
    window.picture("dashboard-dark")
    window.open(address_of(rows[Flow]))
    window.picture("flow-dark")


def test_guessing_a_password_is_slowed_down(visit, owner):
    window = visit()
    for _ in range(FAILURES_PER_PERSON):
        window.sign_in(owner, password="guess")
        expect(window.page.get_by_text("do not belong together", exact=False)).to_be_visible()
    window.sign_in(owner)
    expect(window.page.get_by_text("Too many failed sign-ins.", exact=False)).to_be_visible()
    window.picture("sign-in")
