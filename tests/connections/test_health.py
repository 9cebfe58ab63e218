"""Health: a failed connect takes a connection offline, work parks, a background ping brings all of it back at once."""

import socket
import sqlite3

import pytest
from django.conf import settings
from django.db import transaction

from apps.connections import health, marks
from apps.connections.access import open_row, open_unsaved, parked_on
from apps.connections.models import Connection
from apps.core.ids import new_id
from apps.work import claims, drain
from apps.work import services as work
from apps.work.models import Lane, WorkItem
from tests.connections.making import make_connection
from tests.connections.target import serving

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = {"baseURI": "", "ping": {"relativeURI": "/health"}}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ping_due() -> None:
    WorkItem.objects.filter(kind=marks.PING).update(due_at="2020-01-01T00:00:00Z")


def test_a_good_ping_says_so(organization):
    with serving() as target:
        row = make_connection(organization, http={"baseURI": target.url, "ping": {"relativeURI": "/health"}})
        result = health.ping(open_row(row))
        assert (result.ok, result.status) == (True, 200)
        assert target.seen[0].path == "/health"
        assert health.ping_answer(result) == {"code": 200}


@pytest.mark.parametrize(
    ("ping", "answer", "ok", "words"),
    [
        ({"relativeURI": "/h"}, (404, {}, {}), False, "answered 404"),
        ({}, (404, {}, {}), True, ""),
        ({}, (401, {}, {"m": "no"}), False, "answered 401"),
        ({}, (500, {}, {}), False, "answered 500"),
        ({"relativeURI": "/h", "failPath": "ok", "failValues": ["false"]}, (200, {}, {"ok": False}), False, "200"),
        ({"relativeURI": "/h", "successPath": "ok", "successValues": ["true"]}, (200, {}, {"ok": True}), True, ""),
        ({"relativeURI": "/h", "successPath": "ok"}, (200, {}, b"<html>"), False, "<html>"),
        ({"relativeURI": "/h", "errorPath": "e.m"}, (403, {}, {"e": {"m": "key expired"}}), False, "key expired"),
    ],
)
def test_a_ping_is_judged_by_its_document(organization, ping, answer, ok, words):
    with serving(lambda seen: answer) as target:
        result = health.ping(open_row(make_connection(organization, http={"baseURI": target.url, "ping": ping})))
    assert result.ok is ok
    assert words in result.message
    assert ok or health.ping_answer(result)["errors"][0]["message"]


def test_an_unsaved_connection_is_tried_without_a_trace(organization):
    document = {"http": {"baseURI": f"http://127.0.0.1:{free_port()}"}}
    found = open_unsaved(document=document, type="http", name="new", organization_id=organization.id)
    result = health.ping(found)
    assert (result.ok, result.code) == (False, "gateway.connect_failed")
    assert not Connection.objects.exists()
    assert not WorkItem.objects.exists()


def test_offline_work_parks_and_all_of_it_comes_back_with_the_target(organization):
    port = free_port()
    row = make_connection(organization, http={"baseURI": f"http://127.0.0.1:{port}"})
    assert not health.ping(open_row(row)).ok
    row.refresh_from_db()
    assert row.offline_since is not None
    assert "No connection" in row.offline_reason
    with transaction.atomic():
        work.add_many(
            kind="waits", lane=Lane.FLOWS, organization_id=organization.id, target_ids=[new_id() for _ in range(3)]
        )
    while found := claims.claim_next(Lane.FLOWS):
        assert marks.park(found, connection_id=row.id, organization_id=organization.id)
    assert WorkItem.objects.filter(parked_on=parked_on(row.id)).count() == 3

    ping_due()
    drain.drain(Lane.HOUSEKEEPING)  # still down
    row.refresh_from_db()
    assert row.offline_since is not None
    with serving(port=port):
        ping_due()
        drain.drain(Lane.HOUSEKEEPING)
    row.refresh_from_db()
    assert (row.offline_since, row.offline_reason) == (None, "")
    assert not WorkItem.objects.exclude(parked_on="").exists()
    assert WorkItem.objects.filter(kind="waits").count() == 3
    assert not WorkItem.objects.filter(kind=marks.PING).exists()


def test_work_is_not_parked_on_a_connection_that_is_back(organization):
    row = make_connection(organization)
    with transaction.atomic():
        work.add(kind="waits", lane=Lane.FLOWS, organization_id=organization.id, target_id=new_id())
    found = claims.claim_next(Lane.FLOWS)
    assert not marks.park(found, connection_id=row.id, organization_id=organization.id)
    item = WorkItem.objects.get(kind="waits")
    assert (item.parked_on, item.lease_until) == ("", None)


def test_a_connection_goes_offline_once_and_not_for_what_an_old_revision_met(organization):
    row = make_connection(organization)
    before = open_row(row)
    assert marks.mark_offline(before, reason="refused")
    assert not marks.mark_offline(before, reason="refused")
    assert WorkItem.objects.filter(kind=marks.PING).count() == 1
    marks.mark_online(connection_id=row.id, organization_id=organization.id)
    Connection.objects.filter(pk=row.pk).update(revision=2)
    assert not marks.mark_offline(before, reason="refused")


def test_a_deleted_connections_ping_ends(organization):
    row = make_connection(organization)
    marks.mark_offline(open_row(row), reason="refused")
    row.delete()
    ping_due()
    drain.drain(Lane.HOUSEKEEPING)
    assert not WorkItem.objects.exists()


def test_a_sqlite_connection_lies_in_the_organizations_folder(organization):
    folder = settings.JUNCTION_FILE_ROOT / organization.id.hex
    folder.mkdir(parents=True, exist_ok=True)
    sqlite3.connect(folder / "data.sqlite3").close()
    good = make_connection(
        organization, type="rdbms", document={"rdbms": {"type": "sqlite", "database": "data.sqlite3"}}
    )
    assert health.ping(open_row(good)).ok
    outside = {"rdbms": {"type": "sqlite", "database": "../../junction.sqlite3"}}
    assert not health.ping(open_row(make_connection(organization, type="rdbms", document=outside))).ok


def test_a_database_that_is_not_there_goes_offline(organization):
    document = {
        "rdbms": {
            "type": "postgresql",
            "host": "127.0.0.1",
            "port": free_port(),
            "database": "d",
            "user": "u",
            "password": "p",
        }
    }
    row = make_connection(organization, type="rdbms", document=document)
    assert not health.ping(open_row(row)).ok
    row.refresh_from_db()
    assert row.offline_since is not None
