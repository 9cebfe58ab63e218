"""While the database is away, full, busy or read-only: 503 in the dialect's shape and soon, never a page of HTML."""

import logging
import sqlite3
from contextlib import closing, contextmanager

import pytest
from django.db import OperationalError, connection

from apps.core import outage
from tests.api import Api

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def settings_of_connection(**changes):
    known = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(changes)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(known)


@pytest.fixture
def away(owner):
    gone = {"HOST": "127.0.0.1", "PORT": "1"} if connection.vendor == "postgresql" else {"NAME": "/nowhere/at/all"}
    with settings_of_connection(**gone):
        yield Api(owner)


@pytest.fixture
def on_sqlite():
    if connection.vendor != "sqlite":
        pytest.skip("a full disk and a lock can be had of SQLite alone")


@pytest.mark.parametrize(
    ("method", "path", "member"),
    [
        ("get", "/v1/flows", "errors"),
        ("post", "/v1/flows", "errors"),
        ("get", "/v1/user", "error"),
        ("get", "/api/v1/entities", "detail"),
        ("get", "/api/v2/orgs", "code"),
        ("post", "/hooks/abc", "error"),
    ],
)
def test_each_dialect_says_so_in_its_own_shape(away, caplog, method, path, member):
    with caplog.at_level(logging.WARNING):
        answer = away.post(path, {}) if method == "post" else away.get(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5"), answer.content
    assert member in answer.json() and "database" in answer.content.decode()


@pytest.mark.parametrize("path", ["/console/", "/connect/abc"])
def test_people_see_a_page_with_a_sentence(away, path):
    away.client.cookies["sessionid"] = "a" * 32
    answer = away.client.get(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "database" in answer.content.decode() and "Not now" in answer.content.decode()


def test_the_metrics_say_so_whoever_asks(away):
    assert away.get("/metrics").status_code == 503


@pytest.mark.parametrize(
    ("pragma", "told"),
    [("max_page_count = 1", outage.FULL), ("query_only = ON", outage.READ_ONLY)],
)
def test_what_cannot_be_stored_says_why(owner, on_sqlite, pragma, told):
    api = Api(owner)
    assert api.get("/v1/flows").status_code == 200  # the key's use is noted
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # no free page is left inside the file
        cursor.execute(f"PRAGMA {pragma}")
    try:
        answer = api.post("/v1/scripts", {"name": "long", "content": "x" * 500_000})
    finally:
        connection.close()
    assert answer.status_code == 503
    assert answer.json()["errors"] == [{"code": "unavailable", "message": told}]
    assert api.post("/v1/scripts", {"name": "long", "content": "x"}).status_code == 201


def test_a_database_that_another_process_holds_is_busy(owner, on_sqlite):
    api = Api(owner)
    api.get("/v1/flows")
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 50")
        answer = api.post("/v1/scripts", {"name": "a", "content": "x"})
    connection.close()
    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (503, outage.BUSY)


def test_a_statement_of_ours_that_is_wrong_is_no_outage(db):
    with pytest.raises(Exception, match="nothing_of_ours") as caught, connection.cursor() as cursor:
        cursor.execute("SELECT nothing_of_ours FROM work_node")
    assert outage.why_unavailable(caught.value) == ""


def test_an_error_without_a_code_is_taken_for_a_lost_connection():
    assert outage.why_unavailable(OperationalError("server closed the connection")) == outage.AWAY
    assert outage.why_unavailable(ValueError("x")) == outage.why_unavailable(None) == ""
