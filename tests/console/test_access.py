"""Who sees and does what: by organization, role and share."""

import pytest

from apps.accounts.console.names import address_of, list_url
from apps.accounts.models import ApiKey, Membership
from apps.connections.models import Connection
from apps.executions.models import Execution, RecordError
from apps.flows.models import Flow
from apps.integrations.models import Integration, Share
from apps.work.models import WorkItem
from tests.conftest import make_person
from tests.console.conftest import signed_in
from tests.console.furniture import furnish


@pytest.fixture
def watching(monitor):
    return signed_in(monitor)


@pytest.fixture
def guest(organization, rows):
    """A member of whom only one integration is known."""
    person = make_person(organization=organization, role="", email="guest@partner.example")
    membership = Membership.objects.get(user=person.user)
    Share.objects.create(
        organization=organization, integration=rows[Integration], membership=membership, role="monitor"
    )
    return signed_in(person)


@pytest.mark.parametrize("model", [Connection, ApiKey])
def test_a_monitor_sees_no_connections_and_no_keys(model, watching, rows):
    assert watching.get(list_url(model)).status_code == 403
    assert watching.get(address_of(rows[model])).status_code == 404
    assert list_url(model) not in watching.get("/console/").content.decode()


def test_a_monitor_runs_and_retries_and_edits_nothing(watching, rows):
    flow, error = rows[Flow], rows[RecordError]
    page = watching.get(address_of(flow)).content.decode()
    assert "Run now" in page and "Disable" not in page and "Edit" not in page and "Delete" not in page
    assert "Retry" in watching.get(address_of(error)).content.decode()
    assert watching.get(f"/console/flows/flow/{flow.hex_id}/edit/").status_code == 404
    assert watching.get("/console/flows/flow/add/").status_code == 404
    watching.post(f"/console/flows/flow/{flow.hex_id}/do/disable/")
    flow.refresh_from_db()
    assert flow.disabled is False


def test_a_monitor_is_not_told_the_names_of_connections(watching, rows):
    from apps.flows.models import Export

    page = watching.get(address_of(rows[Export])).content.decode()
    assert rows[Connection].name not in page


def test_a_guest_sees_the_integration_that_is_shared_and_no_other(guest, rows, organization):
    other = furnish(organization)
    for model in (Integration, Flow, Execution, RecordError):
        listed = guest.get(list_url(model)).content.decode()
        assert str(rows[model].pk) in listed and str(other[model].pk) not in listed
        assert guest.get(address_of(rows[model])).status_code == 200
        assert guest.get(address_of(other[model])).status_code == 404
    assert str(rows[WorkItem].pk) not in guest.get(list_url(WorkItem)).content.decode()
    board = guest.get("/console/").content.decode()
    assert rows[Flow].name in board and other[Flow].name not in board


def test_a_person_of_two_organizations_chooses_one(stranger, organization, rows):
    from apps.accounts.services import add_member

    client = signed_in(stranger)
    add_member(organization=organization, user=stranger.user, role="monitor")
    assert client.get(address_of(rows[Flow])).status_code == 404
    answer = client.post("/console/organization/", {"organization": organization.hex_id}, follow=True)
    assert "You are looking at Acme now." in answer.content.decode()
    assert client.get(address_of(rows[Flow])).status_code == 200


def test_nobody_chooses_an_organization_they_do_not_belong_to(stranger, organization, rows):
    client = signed_in(stranger)
    answer = client.post("/console/organization/", {"organization": organization.hex_id}, follow=True)
    assert "You belong to no organization" in answer.content.decode()
    assert client.get(address_of(rows[Flow])).status_code == 404


def test_a_removed_member_is_out_at_once(console, owner, rows):
    assert console.get(address_of(rows[Flow])).status_code == 200
    Membership.objects.filter(user=owner.user).delete()
    answer = console.get("/console/")
    assert answer.status_code == 403
    assert "You belong to no organization." in answer.content.decode()
    assert console.get(list_url(Flow)).status_code == 403


def test_names_of_machines_are_for_owners_and_administrators(console, watching):
    from apps.work import nodes

    nodes.beat(roles="worker")
    assert "Living nodes" in console.get("/console/").content.decode()
    assert "Living nodes" not in watching.get("/console/").content.decode()
