"""Errors and diagnostics of jobs as files, behind signed links that die on time."""

import csv
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core import signing

from apps.core.clock import now
from apps.executions.models import Exchange, RecordError
from apps.executions.payloads import pack
from apps.wire import links
from tests.api import Api
from tests.contracts.world import build_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(owner):
    return build_world(owner)


@pytest.fixture
def api(owner):
    return Api(owner, prefix="/v1")


def fetch(client, answer):
    assert answer.status_code == 200, answer.content
    found = client.get(answer.json()["signedURL"].removeprefix("http://testserver"))
    return found, b"".join(found.streaming_content) if found.streaming else found.content


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_errors_of_a_job_are_listed_in_the_old_form_and_given_as_a_file(api, world, client):
    job = f"/jobs/{world.ids['job']}"
    listed = api.get(f"{job}/joberrors").json()
    assert [(error["code"], error["resolve"]) for error in listed] == [("400", True), ("400", False)]
    answer, content = fetch(client, api.get(f"{job}/errorFile/signedURL"))
    assert answer["Content-Type"].startswith("text/csv") and answer["Cache-Control"] == "no-store"
    rows = rows_of(content)
    assert [row["traceKey"] for row in rows] == ["order-2", "order-1"]
    assert json.loads(rows[1]["retryData"]) == {"id": "order-1"}


def test_the_open_errors_of_a_step_are_a_file_that_the_query_narrows(api, world, client):
    step = f"/flows/{world.ids['flow']}/{world.ids['import']}/errors/signedURL"
    _, content = fetch(client, api.get(step))
    assert [row["traceKey"] for row in rows_of(content)] == ["order-1"]
    _, content = fetch(client, api.get(f"{step}?source=mapping"))
    assert rows_of(content) == []
    later = (now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    _, content = fetch(client, api.get(f"{step}?occurredAt_gte={later}"))
    assert rows_of(content) == []
    assert api.get(f"{step}?occurredAt_gte=soon").status_code == 400


def test_a_spreadsheet_finds_no_formulas_in_it(api, world, client):
    RecordError.objects.update(message='=HYPERLINK("http://evil.example")')
    _, content = fetch(client, api.get(f"/jobs/{world.ids['job']}/errorFile/signedURL"))
    assert {row["message"] for row in rows_of(content)} == {'\'=HYPERLINK("http://evil.example")'}


def test_diagnostics_hold_what_ran_and_what_was_sent_and_no_secret(api, world, client, owner):
    Exchange.objects.create(
        organization=owner.organization, execution_id=RecordError.objects.first().execution_id, method="POST",
        url="https://shop.example/api/orders", status=400, detail=pack({"request": {"body": "{}"}}),
    )  # fmt: skip
    _, content = fetch(client, api.get(f"/jobs/{world.ids['job']}/diagnostics"))
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert set(archive.namelist()) == {"job.json", "documents.json", "exchanges.json", "errors.csv"}
    assert json.loads(archive.read("job.json"))["_id"] == world.ids["job"]
    assert world.ids["export"] in json.loads(archive.read("documents.json"))["exports"]
    assert json.loads(archive.read("exchanges.json"))[0]["request"] == {"body": "{}"}
    assert all(b"s3cr3t" not in archive.read(name) for name in archive.namelist())


def test_a_link_dies_on_time_and_cannot_be_altered(api, world, client, monkeypatch):
    address = api.get(f"/jobs/{world.ids['job']}/diagnostics").json()["signedURL"].removeprefix("http://testserver")
    _, _, token, name = address.split("/")
    assert client.get(f"/downloads/{token[:-1]}/{name}").status_code == 404
    assert client.get(f"/downloads/{signing.dumps({'kind': 'errors'})}/{name}").status_code == 404  # of another use
    assert client.post(address).status_code == 405
    monkeypatch.setattr(links, "LIFE_SECONDS", -1)
    dead = client.get(address)
    assert (dead.status_code, dead.json()["errors"][0]["code"]) == (410, "gone")


def test_strangers_get_no_link(world, stranger, monitor):
    for path in ("joberrors", "errorFile/signedURL", "diagnostics"):
        assert Api(stranger, prefix="/v1").get(f"/jobs/{world.ids['job']}/{path}").status_code == 404
        assert Api(monitor, prefix="/v1").get(f"/jobs/{world.ids['job']}/{path}").status_code == 200
