"""An operator lets a connection of type oauth in: from its page over the provider's consent and back, in a browser."""

import pytest
from playwright.sync_api import expect

from apps.connections.models import Consent
from apps.connections.resource import CONNECTIONS
from tests.connections.provider import CLIENT_ID, CLIENT_SECRET, Provider

pytestmark = pytest.mark.browser


@pytest.fixture
def provider(system):
    return Provider(system)


@pytest.fixture
def crm(transactional_db, owner, provider):
    url = provider.system.url
    oauth = {
        "grantType": "authorizecode", "authURI": f"{url}/authorize", "tokenURI": f"{url}/token",
        "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "scope": ["read", "write"],
    }  # fmt: skip
    http = {"baseURI": url, "mediaType": "json", "ping": {"relativeURI": "/me"}}
    document = {"name": "crm", "type": "http", "http": {**http, "auth": {"type": "oauth", "oauth": oauth}}}
    return CONNECTIONS.create(actor=owner.actor, document=document)


def begin(window, person):
    page = window.sign_in(person)
    window.menu("Connections")
    page.locator("#result_list").get_by_role("link", name="crm").click()
    page.get_by_role("link", name="Authorize").click()
    expect(page.get_by_role("heading", name="Let Junction in?")).to_be_visible()
    return page


def test_a_connection_is_authorized_and_works_from_then_on(visit, crm, owner, provider):
    window = visit()
    page = begin(window, owner)
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_role("heading", name="Connected")).to_be_visible()
    window.picture("authorized")
    page.goto(f"{window.base}/console/connections/connection/{crm.hex_id}/change/")
    page.get_by_role("button", name="Ping").click()
    expect(page.get_by_text("The connection works.")).to_be_visible()
    shown = page.content()
    token = next(iter(provider.store.access))
    assert token not in shown and CLIENT_SECRET not in shown
    assert window.complaints == []


def test_a_person_who_declines_may_authorize_it_later(visit, crm, owner, provider):
    window = visit()
    page = begin(window, owner)
    page.get_by_role("link", name="Deny").click()
    expect(page.get_by_role("heading", name="Not connected")).to_be_visible()
    window.picture("not-authorized")
    assert not provider.store.access
    page.goto(f"{window.base}/console/connections/connection/{crm.hex_id}/change/")
    page.get_by_role("link", name="Authorize").click()
    page.get_by_role("link", name="Allow").click()
    expect(page.get_by_role("heading", name="Connected")).to_be_visible()
    assert len(provider.store.access) == 1


def test_who_may_not_see_secrets_authorizes_nothing(visit, crm, monitor):
    window = visit()
    page = window.sign_in(monitor)
    assert page.locator("#nav-sidebar a", has_text="Connections").count() == 0
    answer = page.goto(f"{window.base}/console/connections/connection/{crm.hex_id}/authorize/")
    assert answer.status == 404 and not Consent.objects.exists()
