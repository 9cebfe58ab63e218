"""A subscriber that said no: seen, switched on again, its dead letter replayed; all in a real browser."""

import pytest
from playwright.sync_api import expect

from apps.subscriptions.models import Delivery
from tests.api import Api
from tests.connections.making import make_connector, make_end_user
from tests.subscriptions.conftest import USER, fire, make_trigger, receivers, subscribe, work_off

pytestmark = pytest.mark.browser
__all__ = ["receivers"]


def test_a_dead_letter_is_found_and_sent_again(visit, owner, organization, receivers):
    connector = make_connector(organization)
    make_trigger(connector, "lead.created", {})
    make_end_user(organization, USER)
    one = receivers(410)
    subscribe(Api(owner), one.url)
    fire(connector, data={"name": "Ada"})
    work_off()
    window = visit()
    page = window.sign_in(owner)
    window.menu("Subscriptions")
    page.get_by_role("link", name="crm.lead.created").click()
    expect(page.locator(".jn-sentence")).to_have_text("Disabled: the subscriber answered 410, gone.")
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_text("It gets deliveries again.")).to_be_visible()
    window.picture("subscription")
    window.menu("Deliveries")
    page.get_by_role("link", name="lead.created").first.click()
    expect(page.get_by_text('"name": "Ada"')).to_be_visible()
    page.locator("summary", has_text="Replay").click()
    page.get_by_role("button", name="Yes, replay").click()
    expect(page.get_by_text("It is sent again, under the same message id.")).to_be_visible()
    work_off()
    # The page looks again by itself.
    expect(page.locator(".jn-title .jn-badge")).to_have_text("succeeded")
    window.picture("delivery")
    assert Delivery.objects.get().state == "succeeded"
    assert len(one.got) == 2
    assert window.strangers == []
    assert window.complaints == []
