"""A person connects an account in a real browser: from the operator's link over a real consent page, and in a frame."""

import pytest
from playwright.sync_api import expect

from apps.connections.models import Connection
from tests.connections.oauth_world import ADA, make_oauth_world, make_security
from tests.connections.provider import Provider
from tests.systems import Answer, System

pytestmark = pytest.mark.browser


@pytest.fixture
def world(transactional_db, organization, system):
    return make_oauth_world(organization, Provider(system))


def make_link(window, person) -> str:
    page = window.sign_in(person)
    window.menu("Credentials")
    page.goto(f"{window.base}/console/connections/credential/add/")
    page.fill("#id_user", ADA)
    page.select_option("#id_connector", label="crm")
    page.get_by_role("button", name="Make link").click()
    return page.locator("#jn-link").inner_text()


def test_an_account_is_connected_renewed_and_disconnected(visit, world, owner):
    window, guest = visit(), visit()
    link = make_link(window, owner)
    assert link.startswith(f"{window.base}/connect/")
    page = guest.page
    page.goto(link)
    expect(page.get_by_role("heading", name="Connect crm")).to_be_visible()
    guest.picture("connect")
    page.get_by_role("button", name="Continue to Provider").click()
    expect(page.get_by_role("heading", name="Let Junction in?")).to_be_visible()
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_role("heading", name="Connected")).to_be_visible()
    guest.picture("connected")
    assert guest.complaints == []

    operator = window.page
    window.menu("Credentials")
    operator.locator("#result_list").get_by_role("link", name=ADA).first.click()
    operator.get_by_role("button", name="Renew token").click()
    expect(operator.get_by_text("The token is renewed.")).to_be_visible()
    assert world.provider.refreshes() == 1
    window.picture("credential")
    operator.locator("summary", has_text="Disconnect").click()
    operator.get_by_role("button", name="Yes, disconnect").click()
    expect(operator.get_by_text("is disconnected")).to_be_visible()
    assert not Connection.objects.exists()
    assert window.complaints == []


def test_a_person_who_declines_is_told_so_and_may_try_again(visit, world, owner):
    window, guest = visit(), visit()
    link = make_link(window, owner)
    page = guest.page
    page.goto(link)
    page.get_by_role("button", name="Continue to Provider").click()
    page.get_by_role("link", name="Deny").click()
    expect(page.get_by_role("heading", name="Not connected")).to_be_visible()
    guest.picture("declined")
    page.goto(link)
    page.get_by_role("button", name="Continue to Provider").click()
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_role("heading", name="Connected")).to_be_visible()


@pytest.mark.parametrize("allowed", [True, False])
def test_a_product_embeds_the_page_if_the_deployment_names_it(visit, world, owner, settings, allowed):
    make_security(world.connector, {"headerName": "X-Key"}, type="apiKey", name="Your key")
    window, guest = visit(), visit()
    link = make_link(window, owner)
    product = System()
    product.routes["GET /"] = lambda call: Answer(
        raw=f'<h1>Product</h1><iframe src="{link}" width="600" height="600"></iframe>'.encode(),
        headers={"Content-Type": "text/html"},
    )
    settings.EMBED_ORIGINS = f"'self' {product.url}" if allowed else "'self'"
    page = guest.page
    try:
        page.goto(product.url)
        frame = page.frame_locator("iframe")
        if not allowed:
            expect(page.get_by_role("heading", name="Product")).to_be_visible()
            assert any("frame-ancestors" in words for words in guest.complaints)
            return
        frame.locator("input[name=key]").fill("sk-1")
        guest.picture("framed")
        frame.get_by_role("button", name="Connect", exact=True).click()
        expect(frame.get_by_role("heading", name="Connected")).to_be_visible()
        assert Connection.objects.get().end_user.external_id == ADA
    finally:
        product.stop()
