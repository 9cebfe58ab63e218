"""Credentials as the Interactor documents have them: stored for a user, read masked, changed in part, deleted."""

import uuid

import pytest

from apps.audit.models import AuditEntry
from apps.connections.models import Connection
from apps.connections.tokens import WORK
from apps.connectors.library.install import install_library
from apps.connectors.resolve import find_connector
from apps.core.clock import now
from apps.core.ids import hex24
from apps.work.models import WorkItem
from tests.api import Api
from tests.conftest import make_person
from tests.connections.making import make_action, make_connector, make_end_user
from tests.connections.oauth_world import ADA, make_oauth_world, make_security

pytestmark = pytest.mark.django_db
HEADER = {"location": "header", "headerName": "X-Key"}


@pytest.fixture
def api(owner):
    return Api(owner, prefix="/v1")


@pytest.fixture
def crm(organization, system):
    connector = make_connector(organization, base_url=system.url)
    make_action(
        connector, "me", {"steps": [{"name": "me", "request": {"url": "/me"}}], "output": "{{ steps.me.status }}"}
    )
    system.routes["GET /me"] = lambda call: {"ok": True}
    return connector


@pytest.fixture
def ada(organization):
    return make_end_user(organization, ADA)


@pytest.fixture
def key_security(crm):
    return make_security(crm, HEADER, type="apiKey", name="key")


def store(api, security, path="token", user=ADA, **body):
    return api.post(f"/user/{user}/{path}", {"connectorSecurityId": str(security.id), **body})


def run(api, **query):
    sent = {"@type": "action", "connector": "crm", "connectorVersion": "1.0.0", "action": "me"}
    return api.post(f"/execute?userId={ADA}", {**sent, **query})


def test_a_key_is_stored_used_and_never_shown(api, crm, ada, key_security, system):
    made = store(api, key_security, name="MY_TOKEN", key={"key": "sk-1234567"})
    assert made.status_code == 200, made.content
    shown = made.json()
    assert (shown["name"], shown["key"], shown["basic"], shown["oauth"]) == ("MY_TOKEN", {"key": "******"}, None, None)
    assert (shown["userId"], shown["connectorId"]) == (str(ada.id), str(crm.id))
    assert uuid.UUID(shown["id"]) and uuid.UUID(shown["virtualId"])
    assert len(shown["insertedAt"]) == len("2024-07-22T03:16:22")
    assert run(api).status_code == 200
    assert system.calls[0].headers["X-Key"] == "sk-1234567"
    assert "sk-1234567" not in str(Connection.objects.get().document)


def test_a_basic_credential_signs_in(api, crm, ada, system):
    security = make_security(crm, {}, type="basic", name="login")
    assert store(api, security, basic={"username": "ada", "password": "pw"}).status_code == 200
    assert run(api).status_code == 200
    assert system.calls[0].headers["Authorization"] == "Basic YWRhOnB3"


def test_an_oauth_credential_is_stored_in_either_spelling(api, crm, ada, provider):
    security = make_security(crm, provider.config)
    body = {"access_token": "at", "refresh_token": "rt", "token_type": "Bearer", "expires_in": 3600, "team": "blue"}
    shown = store(api, security, path="credential", oauth=body).json()["oauth"]
    expires = shown.pop("expiresAt")
    assert expires.endswith("Z")
    assert shown == {"accessToken": "******", "refreshToken": "******", "tokenType": "Bearer", "team": "******"}
    assert WorkItem.objects.filter(kind=WORK).exists()


def test_a_credential_may_be_stored_before_it_is_authorized(api, crm, ada, provider):
    security = make_security(crm, provider.config)
    made = store(api, security, name="hello@interactor.com", oauth={})
    assert (made.status_code, made.json()["oauth"]) == (200, {})
    answer = run(api)
    assert (answer.status_code, "authorized first" in answer.json()["error"]) == (422, True)


@pytest.mark.usefixtures("ada")
def test_secrets_are_revealed_to_those_who_may_and_it_is_written_down(api, key_security, monitor, organization):
    store(api, key_security, key={"apiKey": "sk", "site": "eu"})
    for query in ("", "?redact=true", "?redact=1"):
        assert api.get(f"/user/{ADA}/credential{query}").json()[0]["key"] == {"apiKey": "******", "site": "******"}
    assert not AuditEntry.objects.filter(event="view").exists()
    answer = api.get(f"/user/{ADA}/credential?redact=false")
    assert answer.json()[0]["key"] == {"apiKey": "sk", "site": "eu"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert AuditEntry.objects.get(event="view").resource_id == Connection.objects.get().id
    manager = make_person(organization=organization, role="manage", email="m@acme.example")
    masked = Api(manager, prefix="/v1").get(f"/user/{ADA}/credential?redact=false")
    assert masked.json()[0]["key"]["apiKey"] == "******"
    assert Api(monitor, prefix="/v1").get(f"/user/{ADA}/credential").status_code == 403
    assert api.get(f"/user/{ADA}/credential?redact=perhaps").status_code == 400


def test_a_connectors_tokens_show_id_and_name_alone(api, crm, ada, key_security, monitor):
    ids = [store(api, key_security, name=name, key={"key": name}).json()["id"] for name in ("a", "b")]
    answer = api.get(f"/connector/crm/token?userId={ADA}")
    assert answer.json() == [{"id": ids[0], "name": "a"}, {"id": ids[1], "name": "b"}]
    for text in (ids[0], hex24(uuid.UUID(ids[0]))):
        one = Api(monitor, prefix="/v1").get(f"/connector/{crm.id}/token/{text}?userId={ada.id}")
        assert one.json() == {"id": ids[0], "name": "a"}


def test_several_credentials_are_told_apart_and_the_newest_is_taken(api, crm, ada, key_security, system):
    first = store(api, key_security, key={"key": "first"}).json()["id"]
    store(api, key_security, key={"key": "second"})
    assert run(api).status_code == 200
    assert run(api, userCredentialId=first).status_code == 200
    assert [call.headers["X-Key"] for call in system.calls] == ["second", "first"]


def test_no_credential_is_422_and_anothers_is_404(api, crm, ada, key_security, organization):
    assert run(api).status_code == 422
    make_end_user(organization, "bob")
    theirs = store(api, key_security, user="bob", key={"key": "k"}).json()["id"]
    assert run(api, userCredentialId=theirs).status_code == 404
    for method in ("get", "put", "delete"):
        body = {"name": "mine"} if method == "put" else None
        assert api.send(method, f"/connector/crm/token/{theirs}?userId={ADA}", body).status_code == 404


def test_an_update_changes_what_it_names(api, crm, ada, key_security, system):
    token = store(api, key_security, name="old", key={"key": "one", "site": "eu"}).json()["id"]
    address = f"/connector/crm/token/{token}?userId={ADA}"
    answer = api.put(address, {"name": "updated token", "id": "echo", "createdBy": 5})
    assert (answer.status_code, answer.content) == (200, b'""')
    assert api.get(address).json()["name"] == "updated token"
    assert api.patch(address, {"token": "two"}).content == b'""'
    assert api.get(f"/user/{ADA}/credential?redact=false").json()[0]["key"] == {"key": "two", "site": "eu"}
    assert api.put(address, {"token": "******"}).status_code == 200
    assert api.put(address, {"connectorUrl": system.url + "/eu"}).status_code == 200
    system.routes["GET /eu/me"] = lambda call: {"ok": True}
    assert run(api).status_code == 200
    assert (system.calls[0].path, system.calls[0].headers["X-Key"]) == ("/eu/me", "two")
    assert api.put(address, {"connectorUrl": ""}).status_code == 200
    assert "baseURI" not in Connection.objects.get().document["http"]


def test_a_new_token_ends_the_wait_for_a_new_consent(api, crm, ada, provider):
    token = store(api, make_security(crm, provider.config), oauth={"accessToken": "a"}).json()["id"]
    provider.system.routes["GET /me"] = lambda call: {"ok": True}
    Connection.objects.update(needs_reconnect=True, offline_since=now(), offline_reason="gone")
    assert run(api).status_code == 409
    api.put(f"/connector/crm/token/{token}?userId={ADA}", {"type": "oauth", "token": "b", "tokenType": "Bearer"})
    assert run(api).status_code == 200
    assert Connection.objects.get().offline_since is None


def test_a_code_is_exchanged_by_us(api, owner, organization, provider):
    world = make_oauth_world(organization, provider, pkce=False)
    token = store(api, world.security, oauth={}).json()["id"]
    provider.store.is_pkce_required = lambda client_id, request: False
    url = api.get(f"/connector/crm/oauth?userId={ADA}").json()
    code = provider.consent(url).split("code=")[1].split("&")[0]
    address = f"/connector/crm/token/{token}?userId={ADA}"
    assert api.put(address, {"code": code}).status_code == 200
    assert run(api).status_code == 200
    again = api.put(address, {"code": code})
    assert (again.status_code, "invalid_grant" in again.json()["error"]) == (502, True)


WRONG_UPDATES = [
    ({"type": "basic"}, 422, "type"),
    ({"type": "oauth"}, 400, "token"),
    ({"type": "oauth", "token": "x"}, 422, "takes key or basic"),
    ({"token": 5}, 422, "token"),
    ({"token": "a\r\nX-Evil: 1"}, 422, "line break"),
    ({"name": ""}, 422, "name"),
    ({"code": "c"}, 422, "code"),
    ({"connectorUrl": "ftp://x"}, 422, "connectorUrl"),
    ({"connectorUrl": "javascript:alert(1)"}, 422, "connectorUrl"),
    ([], 400, "object"),
]


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("body, status, words", WRONG_UPDATES, ids=str)
def test_a_bad_update_is_refused_by_the_members_name(api, key_security, body, status, words):
    token = store(api, key_security, key={"key": "one"}).json()["id"]
    answer = api.put(f"/connector/crm/token/{token}?userId={ADA}", body)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.content
    assert api.get(f"/user/{ADA}/credential?redact=false").json()[0]["key"] == {"key": "one"}


WRONG = [
    ({}, 422, "key, basic and oauth"),
    ({"key": {"key": "a"}, "oauth": {}}, 422, "key, basic and oauth"),
    ({"oauth": {}}, 422, "apiKey"),
    ({"key": {}}, 422, "key"),
    ({"key": 5}, 422, "key"),
    ({"key": {"key": 5}}, 422, "key"),
    ({"key": {"a": "1", "b": "2"}}, 422, "key"),
    ({"basic": {"username": "u"}}, 422, "basic.password"),
    ({"basic": "u:p"}, 422, "basic"),
    ({"key": {"key": "a"}, "name": 5}, 422, "name"),
    ({"key": {"key": "a"}, "connectorSecurityId": "nope"}, 404, "Security nope"),
    ({"key": {"key": "a"}, "connectorSecurityId": None}, 400, "connectorSecurityId"),
    ({"key": {"key": "a"}, "connectorSecurityId": 7}, 422, "connectorSecurityId"),
]


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("body, status, words", WRONG, ids=str)
def test_a_bad_credential_is_refused_by_the_members_name(api, key_security, body, status, words):
    answer = store(api, key_security, **body)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.content
    assert not Connection.objects.exists()


WRONG_OAUTH = [{"expiresAt": "soon"}, {"expires_in": -1}, {"expiresAt": 10**14}, {"scope": 5}, {"accessToken": ["a"]}]


@pytest.mark.parametrize("values", WRONG_OAUTH, ids=str)
def test_bad_oauth_values_are_refused(api, crm, ada, provider, values):
    answer = store(api, make_security(crm, provider.config), oauth=values)
    assert (answer.status_code, "oauth." in answer.json()["error"]) == (422, True)


def test_a_deleted_token_is_gone(api, crm, ada, key_security, monitor):
    token = store(api, key_security, key={"key": "one"}).json()["id"]
    address = f"/connector/crm/token/{token}?userId={ADA}"
    assert Api(monitor, prefix="/v1").delete(address).status_code == 403
    assert api.delete(f"/connector/crm/token/{token}").status_code == 400
    assert api.delete(address).content == b'""'
    assert api.get(address).status_code == 404
    assert AuditEntry.objects.filter(resource_type="connection", event="delete").count() == 1


def test_another_organization_finds_neither_token_nor_security(api, crm, ada, key_security, stranger):
    token = store(api, key_security, key={"key": "one"}).json()["id"]
    theirs = Api(stranger, prefix="/v1")
    theirs.post("/user", {"userId": ADA})
    assert store(theirs, key_security, key={"key": "x"}).status_code == 404
    assert theirs.get(f"/user/{ada.id}/credential").status_code == 404
    assert theirs.get(f"/connector/crm/token/{token}?userId={ADA}").status_code == 404
    assert theirs.get(f"/user/{ADA}/credential").json() == []


def test_a_connector_of_the_library_takes_credentials_of_any_organization(api, stranger, organization):
    install_library()
    for person in (api, Api(stranger, prefix="/v1")):
        person.post("/user", {"userId": ADA})
        github = find_connector("github", organization_id=organization.id)
        assert store(person, github.securities.get(), key={"token": "ghp"}).status_code == 200
        assert len(person.get(f"/connector/github/token?userId={ADA}").json()) == 1


def test_lists_cost_the_same_however_long_they_are(api, crm, ada, key_security, django_assert_num_queries):
    for number in range(12):
        store(api, key_security, name=f"t{number}", key={"key": "k"})
    with django_assert_num_queries(4):
        assert len(api.get(f"/connector/crm/token?userId={ADA}").json()) == 12
    with django_assert_num_queries(3):
        assert len(api.get(f"/user/{ADA}/token").json()) == 12
