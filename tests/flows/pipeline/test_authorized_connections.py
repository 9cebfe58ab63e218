"""Connections of the documents that are let in by OAuth, or refresh a token of the target's own kind, under flows."""

from urllib.parse import urlsplit

import pytest

from apps.connections import health
from apps.connections.access import open_row
from apps.connections.models import Connection
from apps.connections.tokens import WORK
from apps.core.ids import hex24
from apps.executions.models import RecordError
from apps.flows.models import Import
from apps.work.models import WorkItem
from tests.api import Api, fields_of
from tests.connections.provider import CLIENT_ID, CLIENT_SECRET, Provider
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer, System


@pytest.fixture
def provider():
    running = System()
    yield Provider(running)
    running.stop()


@pytest.fixture
def api(workshop):
    return Api(workshop.owner, prefix="/v1")


def oauth_document(provider, **oauth):
    url = provider.system.url
    auth = {
        "type": "oauth",
        "oauth": {
            "grantType": "authorizecode", "authURI": f"{url}/authorize", "tokenURI": f"{url}/token",
            "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "scope": ["read", "write"], **oauth,
        },
    }  # fmt: skip
    http = {"baseURI": url, "mediaType": "json", "auth": auth, "headers": [{"name": "X-Shop", "value": "1"}]}
    return {"name": "crm", "type": "http", "http": http | {"ping": {"relativeURI": "/me"}}}


def connection_of(api, document):
    answer = api.post("/connections", document)
    assert answer.status_code == 201, answer.content
    return Connection.objects.get(pk=Connection.objects.order_by("-id").first().pk)


def authorize(api, provider, row, **options):
    answer = api.post(f"/connections/{row.hex_id}/authorize")
    assert answer.status_code == 200, answer.content
    parts = urlsplit(provider.consent(answer.json()["url"], **options))
    return api.client.get(f"{parts.path}?{parts.query}")


def notes_flow(workshop, row, count=3):
    workshop.system.serve_pages("/orders", orders(count))
    document = {"http": {"method": ["POST"], "relativeURI": ["/notes"]}}
    sink = Import.objects.create(
        organization=workshop.owner.organization, name="notes", adaptor_type="HTTPImport", connection=row,
        document=document,
    )  # fmt: skip
    return workshop.flow(None, sink)


def test_a_run_waits_for_the_consent_and_goes_on_with_it(workshop, api, provider):
    row = connection_of(api, oauth_document(provider))
    execution = workshop.run(notes_flow(workshop, row))
    row.refresh_from_db()
    assert not execution.is_terminal and row.needs_reconnect
    assert "must authorize" in row.offline_reason

    page = authorize(api, provider, row)
    assert page.status_code == 200 and "connected" in page.content.decode()
    workshop.finish(execution)

    assert (execution.state, execution.success_count) == ("succeeded", 3)
    row.refresh_from_db()
    assert (row.offline_since, row.needs_reconnect) == (None, False)
    shown = api.get(f"/connections/{row.hex_id}").json()
    assert shown["http"]["auth"]["token"]["token"] == shown["http"]["auth"]["token"]["refreshToken"] == "******"
    assert shown["http"]["headers"] == [{"name": "X-Shop", "value": "1"}]
    assert WorkItem.objects.get(kind=WORK).target_id == row.id


def test_a_token_that_ends_in_the_middle_of_a_run_is_renewed_once_and_nothing_fails(workshop, api, provider):
    row = connection_of(api, oauth_document(provider))
    authorize(api, provider, row)
    provider.expire()
    execution = workshop.run(notes_flow(workshop, row, count=25))

    assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", 25, 0)
    assert provider.refreshes() == 1 and provider.store.reuses == 0


def test_a_grant_that_is_gone_parks_the_run_until_somebody_consents_anew(workshop, api, provider):
    row = connection_of(api, oauth_document(provider))
    authorize(api, provider, row)
    for grant in provider.store.refresh.values():
        grant.revoked = True
    execution = workshop.run(notes_flow(workshop, row))
    row.refresh_from_db()
    assert not execution.is_terminal and row.needs_reconnect and not RecordError.objects.exists()

    authorize(api, provider, row)
    workshop.finish(execution)
    assert (execution.state, execution.success_count) == ("succeeded", 3)


def test_client_credentials_need_nobody(workshop, api, provider):
    row = connection_of(api, oauth_document(provider, grantType="clientcredentials", authURI=""))
    refused = api.post(f"/connections/{row.hex_id}/authorize")
    assert (refused.status_code, fields_of(refused)) == (422, ["http.auth.oauth.grantType"])
    assert api.get(f"/connections/{row.hex_id}/ping").json() == {"code": 200}
    execution = workshop.run(notes_flow(workshop, row))
    assert (execution.state, execution.success_count) == ("succeeded", 3)
    assert {body["grant_type"] for body in provider.asked} == {"client_credentials"}


def test_a_password_grant_sends_the_password_and_finds_the_token_where_the_document_says(workshop, api, system):
    asked = []

    def token(call):
        asked.append(call.body.decode())
        return {"result": {"token": "t1"}, "expires_in": 3600}

    system.routes["POST /token"] = token
    system.routes["GET /me"] = lambda call: (
        {"ok": 1} if call.headers.get("Authorization") == "Bearer t1" else Answer(401, {})
    )

    class There:
        pass

    There.system = system
    oauth = {"grantType": "password", "username": "ann", "password": "p w", "accessTokenPath": "result.token"}
    row = connection_of(api, oauth_document(There, **oauth))
    assert api.get(f"/connections/{row.hex_id}/ping").json() == {"code": 200}
    assert "grant_type=password&username=ann&password=p+w" in asked[0]
    assert api.get(f"/connections/{row.hex_id}").json()["http"]["auth"]["oauth"]["password"] == "******"


def test_a_token_is_refreshed_by_the_targets_own_request(workshop, api, system):
    valid = ["t2"]
    system.routes["PUT /login"] = lambda call: {"session": {"key": valid[0], "asked": call.json}}

    def sink(call):
        return {"id": 1} if call.headers.get("X-Key") == valid[0] else Answer(419, {"e": "expired"})

    system.routes["POST /notes"] = sink
    token = {
        "token": "t1", "location": "header", "headerName": "X-Key", "refreshMethod": "PUT",
        "refreshRelativeURI": "/login", "refreshBody": '{"key": "{{connection.http.encrypted.apiKey}}"}',
        "refreshTokenPath": "session.key",
    }  # fmt: skip
    auth = {"type": "token", "token": token, "failStatusCode": 419}
    http = {"baseURI": system.url, "mediaType": "json", "auth": auth, "encrypted": {"apiKey": "k1"}}
    row = connection_of(api, {"name": "erp", "type": "http", "http": http})
    execution = workshop.run(notes_flow(workshop, row))

    assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", 3, 0)
    assert [call.json for call in system.made("PUT /login")] == [{"key": "k1"}]
    row.refresh_from_db()
    assert open_row(row).document.auth.token == "t2"


def test_a_provider_that_is_away_delays_the_run_and_loses_nobodys_consent(workshop, api, provider):
    row = connection_of(api, oauth_document(provider))
    authorize(api, provider, row)
    provider.expire()
    provider.fail = Answer(503, {"error": "temporarily_unavailable"})
    execution = workshop.run(notes_flow(workshop, row))
    row.refresh_from_db()
    assert not execution.is_terminal and not row.needs_reconnect and not RecordError.objects.exists()

    provider.fail = None
    WorkItem.objects.filter(target_id=execution.id).exists()
    health.ping(open_row(row))
    workshop.finish(execution, seconds=60)
    assert (execution.state, execution.success_count) == ("succeeded", 3)


def test_who_declines_is_told_and_the_connection_waits_on(workshop, api, provider):
    row = connection_of(api, oauth_document(provider))
    page = authorize(api, provider, row, answer="Deny")
    assert page.status_code == 400 and "declined" in page.content.decode()


def test_only_those_who_may_edit_a_connection_authorize_it(workshop, api, provider, monitor, stranger):
    row = connection_of(api, oauth_document(provider))
    path = f"/connections/{row.hex_id}/authorize"
    assert Api(monitor, prefix="/v1").post(path).status_code in (403, 404)
    assert Api(stranger, prefix="/v1").post(path).status_code == 404
    plain = workshop.connection
    assert api.post(f"/connections/{hex24(plain.id)}/authorize").status_code == 422


@pytest.mark.parametrize(
    ("oauth", "field"),
    [
        ({"tokenURI": ""}, "http.auth.oauth.tokenURI"),
        ({"clientId": ""}, "http.auth.oauth.clientId"),
        ({"authURI": "ftp://x"}, "http.auth.oauth.authURI"),
        ({"grantType": "password"}, "http.auth.oauth.username"),
        ({"useIClientFields": True}, "http.auth.oauth.useIClientFields"),
    ],
)
def test_a_grant_that_cannot_be_asked_for_is_refused_by_member(api, provider, oauth, field):
    answer = api.post("/connections", oauth_document(provider, **oauth))
    assert (answer.status_code, fields_of(answer)) == (422, [field])


def test_an_operator_authorizes_from_the_console(workshop, api, provider, client):
    row = connection_of(api, oauth_document(provider))
    client.force_login(workshop.owner.user)
    page = client.get(f"/console/connections/connection/{row.hex_id}/change/", follow=True)
    assert "authorize/" in page.content.decode()
    away = client.get(f"/console/connections/connection/{row.hex_id}/authorize/")
    assert away.status_code == 302 and away["Location"].startswith(f"{provider.system.url}/authorize?")
