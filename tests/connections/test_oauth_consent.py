"""The way to a real OAuth server's consent page and back: what is stored, and every way it can go wrong."""

from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from apps.connections.models import Connection, Consent
from apps.connections.tokens import WORK
from apps.core.clock import now
from apps.work.models import WorkItem
from tests.api import Api
from tests.connections.making import make_connector
from tests.connections.oauth_world import ADA, make_oauth_world
from tests.connections.provider import CLIENT_ID, CLIENT_SECRET
from tests.systems import Answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(owner):
    return Api(owner, prefix="/v1")


def consent_url(api, query=f"userId={ADA}") -> str:
    answer = api.get(f"/connector/crm/oauth?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def come_back(client, address: str):
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def connect(api, client, world, **options):
    return come_back(client, world.provider.consent(consent_url(api), **options))


def execute(api, action="me", **body):
    sent = {"@type": "action", "connector": "crm", "connectorVersion": "1.0.0", "action": action, **body}
    return api.post(f"/execute?userId={ADA}", sent)


def test_the_consent_url_is_the_providers_own(api, world):
    url = consent_url(api)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{world.provider.system.url}/authorize?")
    assert (query["response_type"], query["client_id"], query["scope"]) == ("code", CLIENT_ID, "read write")
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == "http://testserver/oauth/callback"
    assert CLIENT_SECRET not in url


def test_the_public_address_is_where_a_consent_leads_back_to(api, world, settings):
    settings.PUBLIC_URL = "https://junction.example"
    assert "redirect_uri=https%3A%2F%2Fjunction.example%2Foauth%2Fcallback" in consent_url(api)


def test_a_consent_makes_a_credential_that_works(api, client, world):
    page = connect(api, client, world)
    assert (page.status_code, "Connected" in page.content.decode()) == (200, True)
    credential = world.credential()
    assert (credential.end_user, credential.security, credential.connector) == (
        world.ada,
        world.security,
        world.connector,
    )
    assert execute(api).json() == {"login": "ada"}
    assert world.provider.asked[0]["grant_type"] == "authorization_code"
    assert WorkItem.objects.get(kind=WORK).target_id == credential.id
    shown = api.get(f"/user/{ADA}/credential").json()[0]
    assert shown["oauth"]["accessToken"] == shown["oauth"]["refreshToken"] == "******"
    assert (shown["key"], shown["basic"], shown["oauth"]["tokenType"]) == (None, None, "Bearer")


def test_a_page_for_end_users_is_bound_to_its_host_and_kept_by_nobody(client, world, api):
    page = connect(api, client, world)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert "<script" not in page.content.decode()


def test_a_state_is_good_once(api, client, world):
    back = world.provider.consent(consent_url(api))
    assert come_back(client, back).status_code == 200
    again = come_back(client, back)
    assert (again.status_code, "used already" in again.content.decode()) == (400, True)
    assert len(world.provider.asked) == 1
    assert Connection.objects.count() == 1


def test_a_state_is_good_for_ten_minutes(api, client, world):
    url = consent_url(api)
    back = world.provider.consent(url)
    with time_machine.travel(now().timestamp() + 601, tick=True):
        page = come_back(client, back)
    assert (page.status_code, "took too long" in page.content.decode()) == (400, True)
    assert not Connection.objects.exists()


@pytest.mark.parametrize("state", ["", "x", "0" * 24, "%00", "a.b", "0" * 24 + ".forged"])
def test_a_state_that_we_did_not_sign_leads_nowhere(client, db, state):
    assert client.get(f"/oauth/callback?code=c&state={state}").status_code == 400
    assert client.post("/oauth/callback").status_code == 405


def test_a_state_signed_for_something_else_leads_nowhere(api, client, world):
    back = world.provider.consent(consent_url(api))
    Consent.objects.all().delete()
    assert come_back(client, back).status_code == 400


def test_a_declined_consent_is_told_plainly(api, client, world):
    page = connect(api, client, world, answer="Deny")
    assert (page.status_code, "Access was declined" in page.content.decode()) == (400, True)
    assert not Connection.objects.exists()


def test_what_a_provider_says_is_shown_as_text(api, client, world):
    state = parse_qs(urlsplit(consent_url(api)).query)["state"][0]
    page = client.get("/oauth/callback", {"state": state, "error": "<script>alert(1)</script>"})
    assert page.status_code == 400
    assert "<script" not in page.content.decode()


def test_a_code_that_the_provider_refuses_is_a_failure_page(api, client, world):
    state = parse_qs(urlsplit(consent_url(api)).query)["state"][0]
    page = client.get("/oauth/callback", {"state": state, "code": "invented"})
    assert (page.status_code, "invalid_grant" in page.content.decode()) == (400, True)
    assert CLIENT_SECRET not in page.content.decode()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {"error": "server_error"}),
        Answer(200, raw=b"<html>"),
        Answer(200, {"access_token": ""}),
        Answer(200, {"access_token": 5}),
        Answer(200, []),
        Answer(200, {"access_token": "a\nb"}),
        Answer(302, raw=b"", headers={"Location": "/elsewhere"}),
    ],
    ids=str,
)
def test_a_token_endpoint_that_answers_nonsense_is_a_failure_page(api, client, world, answer):
    world.provider.fail = answer
    assert connect(api, client, world).status_code == 400
    assert not Connection.objects.exists()


def test_an_older_server_answers_with_a_form(api, client, world):
    world.provider.fail = Answer(raw=b"access_token=gho_1&scope=repo&token_type=bearer")
    assert connect(api, client, world).status_code == 200
    shown = api.get(f"/user/{ADA}/credential?redact=false").json()[0]["oauth"]
    assert shown == {"accessToken": "gho_1", "scope": "repo", "tokenType": "bearer"}


def test_a_second_consent_adds_a_credential_and_a_named_one_is_connected_anew(api, client, world):
    connect(api, client, world)
    first = world.credential()
    connect(api, client, world)
    assert Connection.objects.count() == 2
    url = consent_url(api, f"userId={ADA}&userCredentialId={first.id}")
    come_back(client, world.provider.consent(url))
    assert Connection.objects.count() == 2
    before, first_now = first.revision, Connection.objects.get(pk=first.pk)
    assert first_now.revision > before


def test_a_credential_that_waits_for_a_consent_is_mended_by_the_next_one(api, client, world):
    connect(api, client, world)
    credential = world.credential()
    Connection.objects.update(needs_reconnect=True, offline_since=now(), offline_reason="invalid_grant")
    assert execute(api).status_code == 409
    connect(api, client, world)
    mended = world.credential()
    assert (mended.id, mended.needs_reconnect, mended.offline_since) == (credential.id, False, None)
    assert execute(api).json() == {"login": "ada"}


def test_a_hook_lays_its_changes_over_the_settings(organization, owner, client, provider):
    logic = {
        "oauth": {"output": {"tokenUrl": f"{provider.system.url}/token", "authorizationUrl": None, "scopes": "read"}}
    }
    world = make_oauth_world(organization, provider, logic=logic, tokenUrl="http://127.0.0.1:1/no")
    api = Api(owner, prefix="/v1")
    assert parse_qs(urlsplit(consent_url(api)).query)["scope"] == ["read"]
    assert connect(api, client, world).status_code == 200
    provider.expire()
    assert execute(api).json() == {"login": "ada"}  # the refresh knows the hook's address too
    assert provider.refreshes() == 1


WRONG = [
    ("", 400, "userId"),
    ("userId=nobody", 404, "User nobody"),
    ("userId=%00", 400, "NUL"),
    (f"userId={ADA}&userCredentialId=nope", 404, "Token nope"),
    (f"userId={ADA}&connectorSecurityId=nope", 404, "Security nope"),
]


@pytest.mark.parametrize("query, status, words", WRONG)
def test_a_url_that_cannot_be_made_is_told_why(api, world, query, status, words):
    answer = api.get(f"/connector/crm/oauth?{query}")
    assert (answer.status_code, words in answer.json()["error"]) == (status, True)


def test_a_connector_without_oauth_or_with_half_of_it_is_told(api, world, organization):
    make_connector(organization, name="plain")
    answer = api.get(f"/connector/plain/oauth?userId={ADA}")
    assert (answer.status_code, "no security of type oauth2" in answer.json()["error"]) == (422, True)
    world.security.document = {"config": {"clientId": "x", "tokenUrl": "ftp://x"}}
    world.security.secret = b""
    world.security.save()
    answer = api.get(f"/connector/crm/oauth?userId={ADA}")
    assert (answer.status_code, "config.tokenUrl" in answer.json()["error"]) == (422, True)


def test_a_plus_in_an_address_that_became_a_space_finds_its_user(api, world):
    api.post("/user", {"userId": "ada+crm@acme.example"})
    assert consent_url(api, "userId=ada+crm@acme.example").startswith("http")


def test_strangers_and_monitors_begin_no_consent(world, monitor, stranger):
    assert Api(monitor).get(f"/v1/connector/crm/oauth?userId={ADA}").status_code == 403
    assert Api(stranger).get(f"/v1/connector/crm/oauth?userId={ADA}").status_code == 404
    assert Api().get(f"/v1/connector/crm/oauth?userId={ADA}").status_code == 401
