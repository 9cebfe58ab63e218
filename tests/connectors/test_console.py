"""Connectors on the console: written as documents, published by a button, the library's only read."""

import json

import pytest

from apps.accounts.console.names import address_of
from apps.connectors.authoring import components, connectors, securities
from apps.connectors.authoring.author import Author
from apps.connectors.library.install import install_library
from apps.connectors.models import Component, ComponentVersion, Connector, ConnectorVersion, Security
from apps.connectors.securities import whole_config
from tests.console.conftest import signed_in

ADD = "/console/connectors/{}/add/"


@pytest.fixture
def console(owner):
    return signed_in(owner)


@pytest.fixture
def crm(owner):
    author = Author(owner.actor)
    row = connectors.create_connector(author=author, body={"name": "crm"})
    connectors.create_version(author=author, connector=row, body={"name": "1.0.0"})
    row.refresh_from_db()
    return row


def written(client, address, document, *, status=302):
    page = client.get(address)
    assert page.status_code == 200
    revision = page.content.decode().partition('name="revision" value="')[2].partition('"')[0]
    answer = client.post(address, {"document": json.dumps(document), "revision": revision})
    assert answer.status_code == status, answer.content.decode()
    return answer.content.decode()


def edit(row):
    return address_of(row).replace("/change/", "/edit/")


def do(client, row, name):
    return client.post(address_of(row).replace("/change/", f"/do/{name}/"), follow=True).content.decode()


def test_a_connector_is_made_and_changed_in_its_document(console):
    written(console, ADD.format("connector"), {"name": "shop", "displayOrder": 3})
    row = Connector.objects.get(name="shop")
    assert row.document == {"displayOrder": 3}
    written(console, edit(row), {"name": "shop", "enabled": False})
    row.refresh_from_db()
    assert not row.enabled
    page = written(console, edit(row), {"name": 5, "colour": "red"}, status=422)
    assert "colour is no member" in page


def test_a_connector_is_published_with_its_version(console, crm, owner):
    assert "is published with its version 1.0.0" in do(console, crm, "publish")
    crm.refresh_from_db()
    assert (crm.published_by, crm.default_version.published) == (owner.user.email, True)
    assert crm.hook_token in console.get(address_of(crm)).content.decode()


def test_a_refusal_is_told_in_the_services_words(console, owner):
    bare = connectors.create_connector(author=Author(owner.actor), body={"name": "bare"})
    assert "has no version to publish" in do(console, bare, "publish")


def test_the_editor_of_a_published_version_makes_the_next(console, crm):
    first = ConnectorVersion.objects.get()
    written(console, edit(first), {"name": "1.0.0", "setting": {"baseUrl": "https://crm.example"}})
    do(console, first, "publish")
    assert "New version" in console.get(address_of(first)).content.decode()
    written(console, edit(first), {"name": "minor", "setting": {"baseUrl": "https://two.example"}})
    first.refresh_from_db()
    second = ConnectorVersion.objects.get(name="1.1.0")
    assert (first.base_url, second.base_url, second.published) == ("https://crm.example", "https://two.example", False)


def test_a_component_is_made_as_a_draft_edited_published_and_followed_by_another(console, crm):
    start = console.get(f"{ADD.format('component')}?connector={crm.pk}").content.decode()
    assert "&quot;connector&quot;: &quot;crm&quot;" in start
    document = {"connector": "crm", "kind": "action", "name": "mail", "logic": {"execute": {"output": 1}}}
    written(console, ADD.format("component"), document)
    row = Component.objects.get()
    version = ComponentVersion.objects.get()
    assert not version.published
    written(console, edit(row), {"version": "1.0.0", "logic": {"execute": {"output": 2}}})
    assert "is published" in do(console, row, "publish")
    page = written(console, edit(version), {"version": "1.0.0", "logic": {}}, status=422)
    assert "create a new version" in page
    written(console, edit(row), {"version": "minor", "logic": {"execute": {"output": 3}}})
    found = list(ComponentVersion.objects.order_by("number").values_list("name", "published", "logic__execute__output"))
    assert found == [("1.0.0", True, 2), ("1.1.0", False, 3)]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"connector": "nope", "kind": "action", "name": "x"}, "connector: Connector nope was not found"),
        ({"connector": "crm", "kind": "verb", "name": "x"}, "kind must be one of"),
        ({"connector": "crm", "kind": "action"}, "name is required"),
        ({"connector": "crm", "kind": "action", "name": "x", "logic": {"run": {}}}, "logic.run is not a hook here"),
        ({"connector": "crm", "kind": "event", "name": "x", "type": "odd"}, "type: Must be one of"),
    ],
)
def test_a_faulty_component_is_refused_by_its_member(console, crm, document, words):
    assert words in written(console, ADD.format("component"), document, status=422)
    assert not Component.objects.exists()


def test_a_securitys_secret_is_never_shown_and_stays_when_left_masked(console, crm):
    document = {"connector": "crm", "name": "main", "type": "oauth2", "config": {"clientSecret": "open sesame"}}
    written(console, ADD.format("security"), document)
    row = Security.objects.get()
    pages = [console.get(address).content.decode() for address in (address_of(row), edit(row), address_of(crm))]
    assert "open sesame" not in "".join(pages) and "******" in pages[1]
    written(console, edit(row), {"type": "oauth2", "config": {"clientSecret": "******", "clientId": "a"}})
    row.refresh_from_db()
    assert whole_config(row) == {"clientSecret": "open sesame", "clientId": "a"}


def test_a_change_over_a_newer_one_is_refused(console, crm):
    answer = console.post(edit(crm), {"document": "{}", "revision": "before"})
    assert "Somebody has saved this meanwhile." in answer.content.decode()


def test_what_is_deleted_is_gone_and_leads_to_its_connector(console, crm, owner):
    author = Author(owner.actor)
    version = components.create_component(author=author, connector=crm, kind="action", body={"name": "mail"})
    security = securities.create_security(author=author, connector=crm, body={"type": "apiKey"}, text="main")
    for row in (version, security, ConnectorVersion.objects.get(), crm):
        assert "is deleted" in do(console, row, "delete")
    assert not Connector.objects.exists()


def test_ids_that_clients_chose_have_pages(console, owner):
    chosen = "339453cd-f297-4cda-ae2b-379f2026b3b5"
    row = connectors.create_connector(author=Author(owner.actor), body={"id": chosen, "name": "chosen"})
    assert "chosen" in console.get(address_of(row)).content.decode()
    written(console, edit(row), {"name": "renamed"})


def test_the_library_is_shown_and_not_edited(console):
    install_library()
    row = Connector.objects.get(name="github")
    page = console.get(address_of(row)).content.decode()
    assert "create_issue" in page and "/do/" not in page and row.hook_token not in page
    assert console.get(edit(row)).status_code == 404
    for each in (ConnectorVersion.objects.get(connector=row), Component.objects.filter(connector=row)[0]):
        assert console.get(edit(each)).status_code == 404
        assert "That cannot be done here" in do(console, each, "delete")
    assert Connector.objects.filter(pk=row.pk).exists()


def test_a_monitor_reads_and_does_not_write(crm, monitor):
    client = signed_in(monitor)
    page = client.get(address_of(crm)).content.decode()
    assert "/do/" not in page and crm.hook_token not in page
    assert client.get(edit(crm)).status_code == 404
    assert client.get(ADD.format("connector")).status_code == 404
    assert "That cannot be done here" in do(client, crm, "publish")
