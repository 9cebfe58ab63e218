"""The library stores itself once, stays as published, and belongs to everybody to read and to nobody to change."""

from dataclasses import replace

import pytest

from apps.connectors.library.declare import libraries
from apps.connectors.library.install import install_library
from apps.connectors.models import ComponentVersion, Connector
from apps.connectors.resolve import find_component, find_connector, find_version
from apps.core.errors import ConflictError
from apps.engine.schemas import check


@pytest.fixture
def installed(db):
    return install_library()


def test_everything_declared_is_stored_and_published(installed):
    assert installed.connectors == len(libraries()) >= 3
    assert installed.parts == sum(len(library.parts()) for library in libraries()) >= 8
    assert not ComponentVersion.objects.filter(published=False).exists()
    assert all(connector.default_version for connector in Connector.objects.select_related("default_version"))


def test_storing_it_again_adds_nothing(installed):
    again = install_library()
    assert (again.connectors, again.versions, again.parts) == (0, 0, 0)


def test_a_changed_declaration_needs_a_new_version(installed):
    github = next(library for library in libraries() if library.name == "github")
    with pytest.raises(ConflictError, match=r"github 1\.0\.0 was published with another base_url"):
        install_library([replace(github, base_url="https://elsewhere.example")])
    added = install_library([replace(github, base_url="https://elsewhere.example", version="1.1.0")])
    assert added.versions == 1
    connector = Connector.objects.get(name="github")
    assert connector.default_version.name == "1.1.0"
    assert find_version(connector, "1.0.0").base_url == "https://api.github.com"


def test_every_organization_reads_it(installed, owner, stranger):
    for person in (owner, stranger):
        connector = find_connector("github", organization_id=person.organization.id)
        action = find_component(connector, "create_issue", kind="action")
        assert action.name == "1.0.0"


def test_nobody_may_change_it(installed, owner):
    assert Connector.objects.for_actor(owner.actor).filter(name="github").exists()
    assert not Connector.objects.editable_by(owner.actor).exists()


@pytest.mark.parametrize("library", libraries(), ids=lambda library: library.name)
def test_inputs_are_checked_before_anything_is_sent(library):
    for part in library.parts():
        needed = [name for name, value in part.variables["properties"].items() if value.get("x-required")]
        assert sorted(path for path, _ in check(part.variables, {})) == sorted(needed), part.name
