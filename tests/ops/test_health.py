"""Probes: a process that lives is not always one that can serve."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from apps.ops import health, migrating


@pytest.fixture(autouse=True)
def just_started():
    health._migrated.clear()


def test_alive_needs_no_database(client):
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_with_a_database_that_is_up_to_date(client):
    assert client.get("/readyz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_not_ready_while_migrations_are_to_be_applied(client):
    [(app, newest)] = MigrationLoader(connection).graph.leaf_nodes("work")
    MigrationRecorder(connection).record_unapplied(app, newest)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reason"].startswith(f"1 migration(s) are to be applied, the first is work.{newest}")
    assert migrating.pending() == [f"work.{newest}"]


@pytest.mark.django_db(transaction=True)
def test_not_ready_without_a_database(client):
    port = {"PORT": "1", "HOST": "127.0.0.1"} if connection.vendor == "postgresql" else {"NAME": "/nowhere/at/all"}
    settings = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(port)
    try:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "the database cannot be reached")
        assert client.get("/healthz").status_code == 200
    finally:
        connection.close()
        connection.settings_dict.update(settings)
