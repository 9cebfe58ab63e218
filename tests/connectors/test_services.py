"""Versions of connectors and components: counting, publishing, immutability, finding them by what names them."""

import pytest

from apps.connectors import services
from apps.connectors.models import Component
from apps.connectors.resolve import find_component, find_connector, find_version, pinned_version
from apps.core.errors import ConflictError, NotFoundError, ValidationError
from apps.core.ids import hex24

PROGRAM = {"execute": {"output": "{{ input.data }}"}}


@pytest.fixture
def connector(organization):
    return services.create_connector(organization_id=organization.id, name="crm")


@pytest.fixture
def first(connector):
    return services.create_component(
        connector=connector, kind=Component.Kind.ACTION, name="lead.create", logic=PROGRAM, published=True
    )


def test_a_name_is_taken_once(connector, organization, stranger):
    with pytest.raises(ConflictError, match="crm exists already"):
        services.create_connector(organization_id=organization.id, name="crm")
    assert services.create_connector(organization_id=stranger.organization.id, name="crm").pk


def test_a_published_version_never_changes(first, connector):
    with pytest.raises(ConflictError, match=r"crm\.lead\.create 1\.0\.0 is published"):
        services.change_component_version(version=first, logic={"execute": {"output": 1}})
    version = services.publish_version(version=services.create_version(connector=connector))
    with pytest.raises(ConflictError, match="is published"):
        services.change_version(version=version, base_url="https://elsewhere.example")
    version.refresh_from_db()
    assert version.base_url == ""


def test_a_draft_changes_until_it_is_published(first):
    draft = services.create_component_version(component=first.component, version="minor")
    changed = services.change_component_version(version=draft, label={"en": "New"})
    assert changed.label == {"en": "New"}
    services.publish_component_version(version=changed)
    with pytest.raises(ConflictError):
        services.change_component_version(version=changed, label={})


@pytest.mark.parametrize(
    ("wish", "name"), [("minor", "1.1.0"), ("major", "2.0.0"), ("3", "3.0.0"), ("2.5", "2.5.0"), ("beta", "beta")]
)
def test_the_next_version_is_counted_or_named(first, wish, name):
    made = services.create_component_version(component=first.component, version=wish)
    assert (made.name, made.number, made.logic) == (name, 2, PROGRAM)


def test_a_blank_version_is_refused(first):
    with pytest.raises(ValidationError, match="must not be blank"):
        services.create_component_version(component=first.component, version=" ")


def test_a_version_name_is_taken_once(first):
    with pytest.raises(ConflictError, match=r"has a version 1\.0\.0 already"):
        services.create_component_version(component=first.component, version="1")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"schema": {"variables": {"type": "nope"}}}, "schema.variables.type"),
        ({"schema": {"output": {"$ref": "http://example.com/x"}}}, "schema.output.$ref"),
        ({"schema": {"variables": {"properties": {"a": {"$ref": "#/properties/a"}}}}}, "schema.variables.properties.a"),
        ({"logic": {"route": {"output": 1}}}, "logic.route"),
        ({"logic": {"execute": {"steps": [{"request": {"url": "/x", "method": "BREW"}}]}}}, None),
        ({"logic": {"execute": {"steps": [{"reqest": {}}]}}}, "logic.execute.steps[0]"),
        ({"logic": {"execute": {"output": "{{ input."}}}, "logic.execute.output"),
    ],
)
def test_what_cannot_run_is_refused_by_its_path(connector, fields, field):
    with pytest.raises(ValidationError) as caught:
        services.create_component(connector=connector, kind="action", name="bad", **fields)
    assert caught.value.field == (field or "logic.execute.steps[0].request.method")
    assert not Component.objects.filter(name="bad").exists()


def test_components_are_found_by_row_id_virtual_id_and_name(connector, first):
    second = services.create_component_version(component=first.component, published=True)
    draft = services.create_component_version(component=first.component)
    find = {"kind": "action"}
    assert find_component(connector, str(first.id), **find) == first
    assert find_component(connector, hex24(first.id), **find) == first
    assert find_component(connector, str(first.component_id), **find) == second
    assert find_component(connector, "lead.create", **find) == second
    assert find_component(connector, "lead.create", version="1", **find) == first
    assert find_component(connector, "lead.create", version=str(draft.id), **find) == draft
    with pytest.raises(NotFoundError, match=r"has no version 9\.9"):
        find_component(connector, "lead.create", version="9.9", **find)
    with pytest.raises(NotFoundError, match=r"Trigger lead\.create was not found in crm"):
        find_component(connector, "lead.create", kind="trigger")


def test_versions_are_found_by_id_by_name_and_by_a_shorter_name(connector):
    with pytest.raises(NotFoundError, match="has no version"):
        find_version(connector)
    draft = services.create_version(connector=connector, name="1.0.0")
    assert find_version(connector) == draft
    second = services.publish_version(version=services.create_version(connector=connector, name="2"))
    connector.refresh_from_db()
    assert find_version(connector) == second
    assert find_version(connector, "1") == draft
    assert find_version(connector, str(draft.id)) == draft
    with pytest.raises(NotFoundError, match="crm has no version 7"):
        find_version(connector, "7")


def test_an_own_connector_comes_before_the_librarys(connector, organization, stranger):
    from apps.accounts.services import create_organization

    system = create_organization(name="Library", is_system=True)
    shared = services.create_connector(organization_id=system.id, name="crm")
    assert find_connector("crm", organization_id=organization.id) == connector
    assert find_connector("crm", organization_id=stranger.organization.id) == shared
    assert find_connector(str(shared.id), organization_id=organization.id) == shared


def test_another_organizations_connector_is_unknown(connector, stranger):
    for text in ("crm", str(connector.id), hex24(connector.id), "crm' OR 1=1", "", None, 7):
        with pytest.raises(NotFoundError):
            find_connector(text, organization_id=stranger.organization.id)


def test_what_is_pinned_to_a_missing_version_fails_by_its_name(first, organization):
    pin = {"organization_id": organization.id, "name": "crm.lead.create", "version": "1.0.0"}
    assert pinned_version(first.id, **pin) == first
    version_id = first.id
    services.delete_component_version(version=first)
    with pytest.raises(NotFoundError, match=r"Version 1\.0\.0 of the action crm\.lead\.create no longer exists"):
        pinned_version(version_id, **pin)
    assert not Component.objects.exists()


def test_the_name_of_an_action_is_frozen_once_its_connector_is_published(first, connector):
    services.rename_component(component=first.component, name="lead.make")
    services.publish_version(version=services.create_version(connector=connector))
    with pytest.raises(ConflictError, match=r"freezes the name of its action lead\.make"):
        services.rename_component(component=first.component, name="lead.create")
    services.rename_component(component=first.component, name="lead.make")  # no change
