"""The page where an end user connects an account: asked for by a product, good once, for ten minutes, for one user."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client

from apps.connections import pages
from apps.connections.models import Connection, ConnectSession
from apps.core.clock import now
from apps.wire.limits import Buckets
from tests.api import Api
from tests.connections.making import make_action, make_connector, make_end_user
from tests.connections.oauth_world import ADA, make_security
from tests.connections.provider import CLIENT_ID, CLIENT_SECRET

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(owner):
    return Api(owner, prefix="/v1")


def session(api, **body):
    answer = api.post("/connectsessions", {"userId": ADA, "connectorId": "crm", **body})
    assert answer.status_code == 201, answer.content
    return answer.json()


def path_of(made) -> str:
    return urlsplit(made["url"]).path


def choose(client, made, security, **typed):
    return client.post(path_of(made), {"security": str(security.id), **typed})


def led_to(page) -> str:
    """Where a page that leads on by itself leads."""
    return html.unescape(re.search(r'content="0; url=([^"]+)"', page.content.decode()).group(1))


@pytest.fixture
def shop(organization, system):
    connector = make_connector(organization, base_url=system.url)
    make_action(
        connector, "me", {"steps": [{"name": "me", "request": {"url": "/me"}}], "output": "{{ steps.me.status }}"}
    )
    make_end_user(organization, ADA)
    return connector


def test_a_person_goes_to_the_consent_page_and_comes_back_connected(api, client, world):
    made = session(api)
    page = client.get(path_of(made))
    assert (page.status_code, "Continue to Provider" in page.content.decode()) == (200, True)
    back = world.provider.consent(led_to(choose(client, made, world.security)))
    assert "Connected" in client.get(back.removeprefix("http://testserver")).content.decode()
    shown = api.get(f"/connectsessions/{made['_id']}").json()
    assert (shown["status"], shown["_connectionId"]) == ("success", world.credential().hex_id)
    assert "is connected" in client.get(path_of(made)).content.decode()
    assert choose(client, made, world.security).status_code == 200
    assert Connection.objects.count() == 1


def test_a_product_is_told_how_it_went(api, client, world):
    made = session(api, redirectUrl="https://app.example/done?tab=2")
    back = world.provider.consent(led_to(choose(client, made, world.security)), answer="Deny")
    denied = client.get(back.removeprefix("http://testserver"))
    assert (denied.status_code, denied["Location"]) == (302, "https://app.example/done?tab=2&status=denied")
    back = world.provider.consent(led_to(choose(client, made, world.security)))
    arrived = client.get(back.removeprefix("http://testserver"))
    query = parse_qs(urlsplit(arrived["Location"]).query)
    assert (query["status"], query["userCredentialId"]) == (["success"], [str(world.credential().id)])


def test_a_person_types_a_key(api, client, shop, system):
    security = make_security(shop, {"headerName": "X-Key"}, type="apiKey", name="Your key")
    system.routes["GET /me"] = lambda call: {}
    made = session(api)
    assert 'type="password" name="key"' in client.get(path_of(made)).content.decode()
    empty = choose(client, made, security)
    assert (empty.status_code, "The key is missing" in empty.content.decode()) == (422, True)
    assert "is connected" in choose(client, made, security, key=" sk-1 ").content.decode()
    sent = {"@type": "action", "connector": "crm", "connectorVersion": "1.0.0", "action": "me"}
    assert api.post(f"/execute?userId={ADA}", sent).json() == 200
    assert system.calls[0].headers["X-Key"] == "sk-1"


def test_a_person_chooses_among_several_ways(api, client, shop):
    make_security(shop, {}, type="apiKey", name="Key")
    login = make_security(shop, {}, type="basic", name="Login")
    made = session(api)
    page = client.get(path_of(made)).content.decode()
    assert page.count("<form") == 2
    assert "<script" not in page
    choose(client, made, login, username="ada", password="pw")
    assert Connection.objects.get().security == login


def test_a_connector_without_an_address_of_its_own_asks_for_one(api, client, shop):
    shop.versions.update(base_url="")
    security = make_security(shop, {}, type="apiKey", name="Key")
    made = session(api)
    assert choose(client, made, security, key="k").status_code == 422
    assert choose(client, made, security, key="k", connectorUrl="javascript:x").status_code == 422
    assert choose(client, made, security, key="k", connectorUrl="https://ada.example").status_code == 200
    assert Connection.objects.get().document["http"]["baseURI"] == "https://ada.example"


def test_client_credentials_are_tried_before_they_are_kept(api, client, world):
    world.security.delete()
    config = {name: value for name, value in world.provider.config.items() if not name.startswith("client")}
    security = make_security(world.connector, {**config, "grantType": "client_credentials"})
    made = session(api)
    wrong = choose(client, made, security, clientId=CLIENT_ID, clientSecret="guess")
    assert (wrong.status_code, "invalid_client" in wrong.content.decode()) == (422, True)
    assert not Connection.objects.exists()
    assert choose(client, made, security, clientId=CLIENT_ID, clientSecret=CLIENT_SECRET).status_code == 200


def test_a_credential_is_connected_anew(api, client, shop):
    security = make_security(shop, {}, type="apiKey", name="Key")
    first = session(api)
    choose(client, first, security, key="old")
    credential = Connection.objects.get()
    again = session(api, userCredentialId=str(credential.id))
    choose(client, again, security, key="new")
    assert Connection.objects.get().revision > credential.revision
    shown = api.get(f"/user/{ADA}/credential?redact=false").json()
    assert [row["key"] for row in shown] == [{"key": "new"}]


def test_a_session_ends_after_ten_minutes(api, client, world):
    made = session(api)
    with time_machine.travel(now().timestamp() + 601, tick=True):
        assert client.get(path_of(made)).status_code == 404
        assert choose(client, made, world.security).status_code == 404
    assert client.get("/connect/guessed").status_code == 404
    assert client.get("/connect/%00").status_code == 404


def test_a_session_reaches_its_own_connector_alone(api, client, shop, organization):
    make_security(shop, {}, type="apiKey", name="Key")
    other = make_security(make_connector(organization, name="other"), {}, type="apiKey", name="Key")
    refused = choose(client, session(api), other, key="k")
    assert (refused.status_code, Connection.objects.exists()) == (422, False)


def test_a_form_from_a_frame_needs_no_cookie(api, shop):
    security = make_security(shop, {}, type="apiKey", name="Key")
    strict = Client(enforce_csrf_checks=True)
    assert choose(strict, session(api), security, key="k").status_code == 200


def test_products_that_the_deployment_names_may_frame_the_page(api, client, world, settings):
    made = session(api)
    page = client.get(path_of(made))
    assert "frame-ancestors 'self'" in page["Content-Security-Policy"]
    assert "X-Frame-Options" not in page
    settings.EMBED_ORIGINS = "'self' https://app.example"
    framed = client.get(path_of(made), headers={"Sec-Fetch-Dest": "iframe"})
    assert "frame-ancestors 'self' https://app.example" in framed["Content-Security-Policy"]
    assert 'target="_blank"' in framed.content.decode()
    assert (framed["Referrer-Policy"], framed["Cache-Control"]) == ("no-referrer", "no-store")


def test_what_tenants_write_is_text_on_the_page(api, client, shop):
    shop.label = {"en": "<script>alert(1)</script>"}
    shop.save()
    make_security(shop, {}, type="apiKey", name="<b>")
    page = client.get(path_of(session(api))).content.decode()
    assert "<script" not in page
    assert "<b>" not in page


def test_a_page_is_not_asked_too_often(api, client, world, monkeypatch):
    monkeypatch.setattr(pages, "per_session", Buckets(size=2, refill=0.001))
    made = session(api)
    answers = [client.get(path_of(made)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0


WRONG = [
    ({"userId": "nobody"}, 404, "userId"),
    ({"connectorId": "nope"}, 404, "connector"),
    ({"connectorId": 5}, 422, "connectorId"),
    ({"userId": None}, 422, "userId"),
    ({"redirectUrl": "javascript:alert(1)"}, 422, "redirectUrl"),
    ({"redirectUrl": "//app.example"}, 422, "redirectUrl"),
    ({"redirectUrl": "https://app.example\n"}, 422, "redirectUrl"),
    ({"redirectUrl": "https://[x"}, 422, "redirectUrl"),
    ({"userCredentialId": "nope"}, 404, "tokenId"),
]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("body, status, field", WRONG, ids=str)
def test_a_session_that_cannot_be_is_refused_by_the_members_name(api, body, status, field):
    answer = api.post("/connectsessions", {"userId": ADA, "connectorId": "crm", **body})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field), answer.content


def test_a_connector_that_asks_for_nothing_has_no_page(api, shop):
    assert api.post("/connectsessions", {"userId": ADA, "connectorId": "crm"}).status_code == 422


def test_sessions_are_their_organizations_own(api, world, stranger, monitor):
    made = session(api)
    assert Api(stranger, prefix="/v1").get(f"/connectsessions/{made['_id']}").status_code == 404
    body = {"userId": ADA, "connectorId": "crm"}
    assert Api(stranger, prefix="/v1").post("/connectsessions", body).status_code == 404
    assert Api(monitor, prefix="/v1").post("/connectsessions", body).status_code == 403
    assert path_of(made).rsplit("/", 1)[1] not in str(list(ConnectSession.objects.values()))
