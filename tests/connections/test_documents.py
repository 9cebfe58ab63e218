"""Connection documents: what runs is parsed, what cannot run is refused by the member's name; secrets are masked."""

import pytest

from apps.connections.documents import (
    BasicAuth,
    HttpDocument,
    RdbmsDocument,
    TokenAuth,
    concurrency_of,
    parse_document,
)
from apps.connections.secrets import MASK, seal, unseal
from apps.core.errors import ValidationError
from apps.core.ids import new_id
from apps.core.vault import CannotOpenError

HTTP = {"baseURI": "https://api.example", "mediaType": "json", "auth": {"type": "custom"}}
SQL = {"type": "postgresql", "host": "db.example", "database": "d", "user": "u", "password": "p"}


def http(**members) -> HttpDocument:
    found = parse_document({"http": {**HTTP, **members}}, type="http")
    assert isinstance(found, HttpDocument)
    return found


def sql(**members) -> RdbmsDocument:
    found = parse_document({"rdbms": {**SQL, **members}}, type="rdbms")
    assert isinstance(found, RdbmsDocument)
    return found


def test_an_http_document_has_its_defaults():
    found = http()
    assert (found.success_media_type, found.error_media_type, found.retry_header) == ("json", "json", "Retry-After")
    assert (found.auth, found.rate_limit.fail_status, found.tls.verify) == (None, 429, True)


def test_ways_to_authenticate():
    basic = {"type": "basic", "basic": {"username": "u", "password": "p"}}
    assert http(auth=basic).auth == BasicAuth("u", "p")
    token = http(auth={"type": "token", "token": {"token": "t"}}).auth
    assert (token.location, token.header_name, token.scheme) == ("header", "Authorization", "Bearer")
    bare = http(auth={"type": "token", "token": {"token": "t", "headerName": "X-Api-Key"}}).auth
    assert (bare.header_name, bare.scheme) == ("X-Api-Key", "")
    oauth = http(auth={"type": "oauth", "oauth": {"grantType": "authorizecode"}, "token": {"token": "t"}}).auth
    assert isinstance(oauth, TokenAuth)
    assert oauth.token == "t"


@pytest.mark.parametrize(
    ("members", "field", "words"),
    [
        ({"baseURI": None}, "http.baseURI", "is required"),
        ({"baseURI": "ftp://x"}, "http.baseURI", "must start with http"),
        ({"baseURI": 5}, "http.baseURI", "must be a text"),
        ({"mediaType": "yaml"}, "http.mediaType", "one of json"),
        ({"auth": {"type": "digest"}}, "http.auth.type", "digest is not supported by this deployment"),
        ({"auth": {"type": "jwt"}}, "http.auth.type", "jwt is not supported by this deployment"),
        ({"auth": {"type": "magic"}}, "http.auth.type", "one of custom, basic"),
        ({"auth": {"type": "token"}}, "http.auth.token", "is required"),
        ({"auth": []}, "http.auth", "must be an object"),
        ({"auth": {"type": "token", "token": {"location": "cookie"}}}, "http.auth.token.location", "one of"),
        ({"auth": {"type": "token", "token": {"headerName": "a b"}}}, "http.auth.token.headerName", "header name"),
        ({"headers": [{"name": "a\nb", "value": ""}]}, "http.headers[0].name", "header name"),
        ({"headers": [{"name": "a", "value": "b\r\nc"}]}, "http.headers[0].value", "line breaks"),
        ({"headers": [{"value": "b"}]}, "http.headers[0].name", "is required"),
        ({"headers": {}}, "http.headers", "must be a list"),
        ({"concurrencyLevel": 51}, "http.concurrencyLevel", "between 1 and 50"),
        ({"concurrencyLevel": True}, "http.concurrencyLevel", "whole number"),
        ({"rateLimit": {"limit": 0}}, "http.rateLimit.limit", "at least 1"),
        ({"ping": {"method": "DELETE"}}, "http.ping.method", "one of GET"),
        ({"disableStrictSSL": "yes"}, "http.disableStrictSSL", "true or false"),
    ],
)
def test_what_is_wrong_in_an_http_document_is_named(members, field, words):
    with pytest.raises(ValidationError, match=words) as caught:
        http(**members)
    assert caught.value.field == field


def test_sql_documents_know_their_ports():
    assert (sql().port, sql(type="mariadb").port, sql(port=6543).port) == (5432, 3306, 6543)
    assert sql(type="sqlite").database == "d"


@pytest.mark.parametrize(
    ("members", "field", "words"),
    [
        ({"type": "oracle"}, "rdbms.type", "oracle is not supported by this deployment"),
        ({"type": "snowflake"}, "rdbms.type", "snowflake is not supported by this deployment"),
        ({"type": "db9"}, "rdbms.type", "one of mysql"),
        ({"host": ""}, "rdbms.host", "is required"),
        ({"password": None}, "rdbms.password", "is required"),
        ({"ssl": {"cert": "x"}}, "rdbms.ssl.key", "needs its key"),
        ({"port": 70000}, "rdbms.port", "between 1 and 65535"),
        ({"options": [{"value": "x"}]}, "rdbms.options[0].name", "is required"),
    ],
)
def test_what_is_wrong_in_a_sql_document_is_named(members, field, words):
    with pytest.raises(ValidationError, match=words) as caught:
        sql(**members)
    assert caught.value.field == field


def test_other_types_are_not_supported():
    with pytest.raises(ValidationError, match="type netsuite are not supported by this deployment"):
        parse_document({"netsuite": {}}, type="netsuite")


def test_concurrency_is_five_for_databases_and_twenty_five_for_the_rest():
    assert concurrency_of({"http": {}}, type="http") == 25
    assert concurrency_of({"rdbms": {}}, type="rdbms") == 5
    assert concurrency_of({"http": {"concurrencyLevel": 3}}, type="http") == 3


WHOLE = {
    "http": {
        "baseURI": "https://api.example",
        "auth": {"type": "token", "token": {"token": "t0p", "refreshToken": "", "scheme": "Bearer"}},
        "encrypted": {"key": {"deep": "k3y"}},
        "unencrypted": {"shown": "yes"},
    }
}


def test_secrets_are_masked_sealed_and_opened_again():
    row = new_id()
    masked, secret = seal(WHOLE, type="http", connection_id=row)
    assert masked["http"]["auth"]["token"] == {"token": MASK, "refreshToken": "", "scheme": "Bearer"}
    assert masked["http"]["encrypted"] == MASK
    assert masked["http"]["unencrypted"] == {"shown": "yes"}
    assert b"t0p" not in secret
    assert unseal(masked, secret, type="http", connection_id=row) == WHOLE
    with pytest.raises(CannotOpenError):
        unseal(masked, secret, type="http", connection_id=new_id())


def test_a_mask_written_back_means_unchanged():
    row = new_id()
    masked, secret = seal(WHOLE, type="http", connection_id=row)
    masked["http"]["encrypted"] = {"key": "new"}
    again, resealed = seal(masked, type="http", connection_id=row, previous=secret)
    whole = unseal(again, resealed, type="http", connection_id=row)
    assert whole["http"]["auth"]["token"]["token"] == "t0p"
    assert whole["http"]["encrypted"] == {"key": "new"}


def test_a_mask_without_a_stored_secret_is_refused():
    document = {"rdbms": {**SQL, "password": MASK}}
    with pytest.raises(ValidationError, match=r"rdbms\.password: is masked, but no value is stored yet"):
        seal(document, type="rdbms", connection_id=new_id())


def test_what_is_not_encrypted_by_its_name_is_no_secret():
    document = {"type": "wrapper", "wrapper": {"encrypted": {"a": "s3cr3t"}, "unencrypted": {"b": 1}}}
    masked, _ = seal(document, type="wrapper", connection_id=new_id())
    assert masked["wrapper"] == {"encrypted": MASK, "unencrypted": {"b": 1}}


def test_connections_of_the_old_rest_type_hide_their_own_secrets():
    basic = {"username": "ann", "password": "s3cr3t"}
    rest = {"bearerToken": "s3cr3t", "refreshToken": "s3cr3t", "basicAuth": basic, "refreshTokenPath": "a.b"}
    masked, _ = seal({"type": "rest", "rest": rest}, type="rest", connection_id=new_id())
    assert "s3cr3t" not in str(masked)
    assert (masked["rest"]["basicAuth"]["username"], masked["rest"]["refreshTokenPath"]) == ("ann", "a.b")


def test_types_that_are_only_kept_hide_what_is_secret_by_name():
    document = {"van": {"apiToken": "x", "nested": [{"privateKey": "y", "host": "h"}], "passwordless": True}}
    masked, secret = seal(document, type="van", connection_id=(row := new_id()))
    assert masked["van"] == {"apiToken": MASK, "nested": [{"privateKey": MASK, "host": "h"}], "passwordless": True}
    assert unseal(masked, secret, type="van", connection_id=row) == document
