"""Documented members of connections: what is kept for its writer, what acts, and what is refused by its name."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from apps.connections.documents.http import UNSUPPORTED_AUTH
from apps.connections.models import Connection
from apps.core.clock import now
from apps.wire.stamps import stamp
from tests.api import Api, codes_of, fields_of
from tests.contracts.world import FTP, HTTP_CONNECTION

pytestmark = pytest.mark.django_db
UNKNOWN = "0" * 24


@pytest.fixture
def api(owner):
    return Api(owner, prefix="/v1")


def over_http(**members):
    return {**HTTP_CONNECTION, "http": {**HTTP_CONNECTION["http"], **members}}


@pytest.mark.parametrize("kind", UNSUPPORTED_AUTH)
def test_a_login_of_a_kind_that_is_not_known_here_is_refused_saved_or_tried(api, kind):
    for address in ("/connections", "/connections/ping"):
        refused = api.post(address, over_http(auth={"type": kind}))
        assert (refused.status_code, fields_of(refused)) == (422, ["http.auth.type"])
        assert kind in refused.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({**HTTP_CONNECTION, "_agentId": UNKNOWN}, "_agentId"),
        (over_http(_iClientId=UNKNOWN), "http._iClientId"),
        ({**HTTP_CONNECTION, "_borrowConcurrencyFromConnectionId": UNKNOWN}, "_borrowConcurrencyFromConnectionId"),
    ],
)
def test_ids_of_what_is_not_there_are_refused(api, document, field):
    refused = api.post("/connections", document)
    assert (refused.status_code, fields_of(refused), codes_of(refused)) == (422, [field], ["invalid_ref"])


def test_a_client_of_oauth_that_stands_elsewhere_is_refused(api):
    refused = api.post("/connections", over_http(auth={"type": "oauth", "oauth": {"useIClientFields": True}}))
    assert (refused.status_code, fields_of(refused)) == (422, ["http.auth.oauth.useIClientFields"])


def test_scopes_are_asked_for_as_the_provider_wants_them_written(api):
    oauth = {
        "grantType": "authorizecode", "authURI": "https://crm.example/authorize", "clientId": "junction",
        "tokenURI": "https://crm.example/token", "scope": ["read", "write"], "scopeDelimiter": ",",
    }  # fmt: skip
    made = api.post("/connections", over_http(auth={"type": "oauth", "oauth": oauth})).json()
    url = api.post(f"/connections/{made['_id']}/authorize").json()["url"]
    assert parse_qs(urlsplit(url).query)["scope"] == ["read,write"]


def test_what_is_sent_is_watched_for_a_day_at_most(api):
    until = stamp(now() + timedelta(hours=23))
    assert api.post("/connections", {**HTTP_CONNECTION, "debugDate": until}).json()["debugDate"] == until
    refused = api.post("/connections", {**HTTP_CONNECTION, "debugDate": stamp(now() + timedelta(days=2))})
    assert (refused.status_code, fields_of(refused)) == (422, ["debugDate"])


def test_a_key_of_sftp_comes_back_masked_and_is_for_sftp_only(api):
    document = {**FTP, "ftp": {**FTP["ftp"], "authKey": "-----BEGIN s3cr3t"}}
    made = api.post("/connections", document)
    assert made.json()["ftp"]["authKey"] == "******" and b"s3cr3t" not in made.content
    assert b"s3cr3t" not in bytes(Connection.objects.get().secret)
    refused = api.post("/connections", {**document, "ftp": {**document["ftp"], "type": "ftps"}})
    assert (refused.status_code, fields_of(refused)) == (422, ["ftp.authKey"])


@pytest.mark.parametrize("kind", ["rest", "mongodb", "netsuite", "salesforce", "wrapper", "jdbc", "dynamodb", "as2"])
def test_connections_of_closed_systems_are_kept_and_not_used(api, kind):
    document = {"name": kind, "type": kind, kind: {"host": "h.example", "password": "s3cr3t"}}
    made = api.post("/connections", document)
    assert made.status_code == 201 and b"s3cr3t" not in made.content
    for tried in (api.post(f"/connections/{made.json()['_id']}/ping"), api.post("/connections/ping", document)):
        assert tried.status_code == 422 and kind in tried.json()["errors"][0]["message"]
