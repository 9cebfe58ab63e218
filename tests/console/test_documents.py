"""Documents are edited as JSON, through the checks of the API, and never over somebody else's change."""

import json

import pytest

from apps.accounts.console.names import address_of
from apps.connections.models import Connection
from apps.connections.resource import CONNECTIONS
from apps.flows.models import Flow
from tests.conftest import make_person
from tests.console.conftest import signed_in
from tests.console.furniture import furnish


def edit(row):
    return address_of(row).replace("/change/", "/edit/")


def test_a_flow_is_renamed_in_its_document(console, rows):
    flow = rows[Flow]
    assert "&quot;pageGenerators&quot;" in console.get(edit(flow)).content.decode()
    document = {**flow.document, "name": "Ship at night", "schedule": "? 0 2 ? * *"}
    answer = console.post(edit(flow), {"document": json.dumps(document), "revision": flow.revision}, follow=True)
    assert "Flow Ship at night is saved." in answer.content.decode()
    flow.refresh_from_db()
    assert (flow.name, flow.revision) == ("Ship at night", 2)


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "This is no JSON"),
        ("[]", "A document is an object"),
        ('{"name": 5}', "name: "),
        ('{"name": "x", "schedule": "often"}', "schedule"),
        ('{"name": "x", "pageGenerators": [{"_exportId": "0123456789abcdef01234567"}]}', "pageGenerators[0]._exportId"),
    ],
)
def test_a_fault_is_named_and_the_text_is_kept(console, rows, text, words):
    flow = rows[Flow]
    answer = console.post(edit(flow), {"document": text, "revision": flow.revision})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert text.replace('"', "&quot;") in page
    flow.refresh_from_db()
    assert flow.revision == 1


def test_a_change_over_a_newer_one_is_refused(console, rows):
    flow = rows[Flow]
    answer = console.post(edit(flow), {"document": json.dumps({"name": "mine"}), "revision": 0})
    assert "Somebody has saved this meanwhile." in answer.content.decode()
    flow.refresh_from_db()
    assert flow.name != "mine"


def test_a_connections_secret_is_never_shown_and_stays_when_left_masked(console, owner):
    document = {
        "name": "shop",
        "type": "http",
        "http": {
            "baseURI": "https://shop.example",
            "mediaType": "json",
            "auth": {"type": "basic", "basic": {"username": "u", "password": "open sesame"}},
        },
    }
    console.post("/console/connections/connection/add/", {"document": json.dumps(document)})
    row = Connection.objects.get(name="shop")
    page = console.get(edit(row)).content.decode() + console.get(address_of(row)).content.decode()
    assert "open sesame" not in page and "******" in page
    masked = {**CONNECTIONS.show(row), "name": "renamed"}
    console.post(edit(row), {"document": json.dumps(masked), "revision": row.revision})
    row.refresh_from_db()
    from apps.connections.access import open_connection

    opened = open_connection(connection_id=row.id, organization_id=row.organization_id)
    assert row.name == "renamed"
    assert "open sesame" in opened.secrets


def test_text_of_tenants_is_escaped(console, rows):
    flow = rows[Flow]
    Flow.objects.filter(pk=flow.pk).update(name="<img src=x onerror=alert(1)>")
    for address in (address_of(flow), edit(flow), "/console/flows/flow/", "/console/"):
        page = console.get(address).content.decode()
        assert "<img src=x" not in page


STARTERS = [("connections", "connection"), ("flows", "export"), ("flows", "import"), ("flows", "flow")]


@pytest.mark.parametrize("app, model", STARTERS)
def test_a_new_document_begins_with_one_that_can_be_saved(console, rows, app, model):
    address = f"/console/{app}/{model}/add/"
    page = console.get(address)
    answer = console.post(address, {"document": page.context["text"]})
    assert answer.status_code == 302, answer.content.decode()


def test_the_ids_that_a_flow_may_name_stand_beside_the_editor(console, rows, stranger):
    from apps.flows.models import Export, Import

    theirs = furnish(stranger.organization)
    page = console.get("/console/flows/flow/add/").content.decode()
    for model in (Export, Import):
        assert rows[model].hex_id in page and rows[model].name in page
        assert theirs[model].hex_id not in page
    assert "/api/schema/celigo/browse/" in page
    assert "******" not in page


def test_a_monitor_who_edits_one_shared_folder_is_shown_no_connections(rows, organization):
    from apps.accounts.models import Membership
    from apps.integrations.models import Integration, Share

    person = make_person(organization=organization, role="", email="guest@partner.example")
    membership = Membership.objects.get(user=person.user)
    folder = rows[Integration]
    Share.objects.create(organization=organization, integration=folder, membership=membership, role="manage")
    page = signed_in(person).get("/console/flows/export/add/").content.decode()
    assert rows[Connection].name not in page and rows[Connection].hex_id not in page


def test_the_editor_of_a_record_says_what_was_wrong_with_it(console, rows):
    from apps.executions.models import RecordError

    page = console.get(edit(rows[RecordError])).content.decode()
    assert "Edit record order-1" in page and "The warehouse is closed." in page and "Number 0 in its page" in page
    assert "******" not in page
