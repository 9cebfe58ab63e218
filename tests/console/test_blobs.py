"""Blobs on the console: whose they are, what is downloaded, who may delete one."""

import pytest

from apps.accounts.console.names import address_of, list_url
from apps.accounts.models import Membership
from apps.audit.models import AuditEntry
from apps.executions.models import Execution
from apps.flows.models import Blob
from apps.flows.services.blobs import keep_blob, path_of
from apps.integrations.models import Integration, Share
from tests.conftest import make_person
from tests.console.conftest import signed_in
from tests.console.furniture import furnish

pytestmark = pytest.mark.django_db
CONTENT = b"<script>alert(1)</script>"


@pytest.fixture
def blob(organization, rows):
    run = rows[Execution].id
    return keep_blob([CONTENT], organization_id=organization.id, name="in/labels ä.html", execution_id=run)


def download(client, blob):
    """The answer, and the file in it."""
    answer = client.get(f"/console/flows/blob/{blob.hex_id}/download/")
    return answer, b"".join(answer.streaming_content) if answer.streaming else b""


def test_a_blob_is_downloaded_as_bytes_under_its_own_name(console, blob):
    answer, content = download(console, blob)
    assert content == CONTENT
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''labels%20%C3%A4.html"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_one_whose_content_is_gone_says_so(console, blob):
    path_of(blob).unlink()
    answer = console.get(f"/console/flows/blob/{blob.hex_id}/download/", follow=True)
    assert "not in the data directory any more" in answer.content.decode()


def test_strangers_and_who_is_not_signed_in_get_nothing(client, stranger, blob):
    assert download(client, blob)[0].status_code == 302
    assert download(signed_in(stranger), blob)[0].status_code == 404
    signed_in(stranger).post(f"/console/flows/blob/{blob.hex_id}/do/delete/")
    assert path_of(blob).read_bytes() == CONTENT


def test_a_monitor_looks_and_deletes_nothing(monitor, blob):
    watching = signed_in(monitor)
    assert "Download" in watching.get(address_of(blob)).content.decode()
    assert download(watching, blob)[1] == CONTENT
    watching.post(f"/console/flows/blob/{blob.hex_id}/do/delete/")
    assert Blob.objects.filter(pk=blob.pk).exists()


def test_a_guest_sees_those_of_the_folder_that_is_shared(organization, rows, blob):
    other = furnish(organization)[Blob]
    guest = make_person(organization=organization, role="", email="guest@acme.example")
    member = Membership.objects.get(user=guest.user)
    Share.objects.create(organization=organization, integration=rows[Integration], membership=member, role="monitor")
    client = signed_in(guest)
    listed = client.get(list_url(Blob)).content.decode()
    assert str(blob.pk) in listed and str(other.pk) not in listed
    assert download(client, blob)[1] == CONTENT and download(client, other)[0].status_code == 404


def test_deleting_takes_the_content_along_and_is_in_the_log(console, owner, blob, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        console.post(f"/console/flows/blob/{blob.hex_id}/do/delete/")
    assert not Blob.objects.filter(pk=blob.pk).exists() and not path_of(blob).exists()
    entry = AuditEntry.objects.get(resource_type="blob")
    assert (entry.event, entry.resource_name, entry.user_id) == ("delete", "in/labels ä.html", owner.user.id)
