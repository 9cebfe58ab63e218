"""Opening connections: own ones only, the newest revision, secrets in place and never in a representation."""

from dataclasses import FrozenInstanceError, replace
from datetime import timedelta

import pytest

from apps.connections.access import open_connection, open_row
from apps.connections.http import make_request
from apps.connections.models import Connection
from apps.connections.secrets import seal
from apps.connections.sending import send, send_context
from apps.core import clock
from apps.core.errors import NotFoundError, ValidationError
from apps.core.gateway import InvalidRequest, MemoryRecorder
from apps.core.ids import new_id
from tests.connections.making import make_connection
from tests.connections.target import serving

TOKEN = {"type": "token", "token": {"token": "t0p-secret"}}


def opened(row):
    return open_connection(connection_id=row.id, organization_id=row.organization_id)


def test_a_connection_opens_with_its_secrets(organization):
    found = opened(make_connection(organization, http={"auth": TOKEN}))
    assert found.document.auth.token == "t0p-secret"
    assert found.secrets == ("t0p-secret",)
    assert "t0p-secret" not in repr(found)
    with pytest.raises(FrozenInstanceError):
        found.name = "other"


def test_nobody_elses_connection_opens(organization, stranger):
    row = make_connection(organization)
    for connection_id in (row.id, new_id()):
        with pytest.raises(NotFoundError):
            open_connection(connection_id=connection_id, organization_id=stranger.organization.id)


def test_a_changed_connection_is_seen_at_once(organization):
    row = make_connection(organization, http={"auth": TOKEN})
    assert opened(row).document.auth.token == "t0p-secret"
    auth = {"type": "token", "token": {"token": "renewed"}}
    row.document, row.secret = seal(
        {"http": {"baseURI": "https://b.example", "auth": auth}}, type="http", connection_id=row.id
    )
    row.revision += 1
    row.save()
    assert opened(row).document.auth.token == "renewed"
    Connection.objects.filter(pk=row.pk).update(offline_since=clock.now(), offline_reason="refused")
    assert opened(row).offline_reason == "refused"


def test_what_is_kept_but_cannot_run_says_so(organization):
    row = make_connection(organization, type="mongodb", document={"mongodb": {"hostURI": "h", "password": "p"}})
    with pytest.raises(ValidationError, match="type mongodb are not supported by this deployment"):
        opened(row)


def request(row, **options):
    return make_request(opened(row), **{"method": "get", "relative_uri": "/x", **options})


def test_a_token_travels_where_its_document_says(organization):
    def auth(**token):
        row = make_connection(organization, http={"auth": {"type": "token", "token": {"token": "t&t", **token}}})
        return request(row, method="post", body=b'{"a":1}')

    assert auth().headers["Authorization"] == "Bearer t&t"
    assert auth(scheme="GenieKey").headers["Authorization"] == "GenieKey t&t"
    assert auth(headerName="X-Key").headers["X-Key"] == "t&t"
    assert auth(location="url", paramName="key").url == "https://api.example/x?key=t%26t"
    assert auth(location="body", paramName="key").body == b'{"a":1,"key":"t&t"}'


def test_a_connection_that_was_never_authorized_says_so(organization):
    row = make_connection(organization, http={"auth": {"type": "oauth", "oauth": {}}})
    with pytest.raises(InvalidRequest, match="must be authorized first"):
        request(row)


def test_a_steps_headers_win_over_the_connections(organization):
    headers = [{"name": "X-A", "value": "{{connection.settings.a}}"}, {"name": "accept", "value": "text/csv"}]
    document = {"http": {"baseURI": "https://api.example", "headers": headers}, "settings": {"a": "from settings"}}
    row = make_connection(organization, document=document)
    sent = request(row, headers={"Accept": "application/json"})
    assert sent.headers == {"X-A": "from settings", "Accept": "application/json"}


def test_the_base_address_is_a_template_over_the_connection(organization):
    http = {"baseURI": "https://{{connection.http.unencrypted.shop}}.example", "unencrypted": {"shop": "acme"}}
    assert request(make_connection(organization, http=http)).url == "https://acme.example/x"


@pytest.mark.django_db(transaction=True)
def test_debugging_captures_everything_for_a_while(organization):
    with serving() as target:
        row = make_connection(organization, http={"baseURI": target.url})
        quiet = MemoryRecorder(everything=0, sample=0)
        send(opened(row), request(row), context=send_context(opened(row), recorder=quiet))
        assert quiet.exchanges == []
        row.debug_until = clock.now() + timedelta(minutes=5)
        debugged = open_row(row)
        send(debugged, request(row), context=send_context(debugged, recorder=quiet))
        assert len(quiet.exchanges) == 1
        over = replace(debugged, debug_until=clock.now() - timedelta(seconds=1))
        send(over, request(row), context=send_context(over, recorder=quiet))
        assert len(quiet.exchanges) == 1
