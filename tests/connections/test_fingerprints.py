"""A connection's fingerprint: another secret or address is another connection, a renewed token is not."""

import pytest

from apps.connections.fingerprints import connection_fingerprint
from apps.connections.secrets import seal
from tests.connections.making import make_connection

pytestmark = pytest.mark.django_db
OAUTH = {
    "auth": {"type": "oauth", "token": {"token": "t1", "freshUntil": "2026-01-01T00:00:00Z"}},
    "encrypted": {"accessToken": "t1", "refreshToken": "r1", "clientSecret": "s1"},
}


def changed(row, http):
    row.document, row.secret = seal({"http": http}, type="http", connection_id=row.id)
    return connection_fingerprint(row)


@pytest.mark.parametrize(
    ("http", "same"),
    [
        (OAUTH, True),
        ({**OAUTH, "auth": {"type": "oauth", "token": {"token": "t2"}}}, True),
        ({**OAUTH, "encrypted": {"accessToken": "t2", "refreshToken": "r2", "clientSecret": "s1"}}, True),
        ({**OAUTH, "encrypted": {**OAUTH["encrypted"], "clientSecret": "s2"}}, False),
        ({**OAUTH, "baseURI": "https://elsewhere.example"}, False),
        ({**OAUTH, "auth": {"type": "token", "token": {"token": "t1"}}}, False),
    ],
)
def test_a_renewed_token_leaves_it_as_it_was(organization, http, same):
    row = make_connection(organization, document={"http": OAUTH})
    before = connection_fingerprint(row)
    assert (changed(row, http) == before) is same


def test_a_password_counts_and_a_name_does_not(organization):
    http = {"auth": {"type": "basic", "basic": {"username": "ada", "password": "one"}}}
    row = make_connection(organization, document={"http": http})
    before = connection_fingerprint(row)
    row.name, row.concurrency = "another name", 3
    assert connection_fingerprint(row) == before
    other = {"auth": {"type": "basic", "basic": {"username": "ada", "password": "two"}}}
    assert changed(row, other) != before
