"""The look-up in one statement finds what the look-up step by step finds, or leaves it to that."""

import itertools

import pytest

from apps.accounts.models import EndUser
from apps.connectors import services
from apps.connectors.models import Component
from apps.core.errors import DomainError
from apps.executions.lookup import Sought, look_up
from apps.executions.resolution import look_step_by_step
from tests.connections.making import make_action, make_connector, make_credential, make_end_user

pytestmark = pytest.mark.django_db
CONNECTORS, VERSIONS = ["crm", "shop", "bare", "nope"], [None, "", "1.0.0", "1", "2", "2.0.0", "9", "beta"]
ACTIONS = [("get", None), ("get", "1"), ("get", "2.0.0"), ("get", "7"), ("put", None), ("lost", None)]
USERS = [None, "ada@example.com", "a+b", "a b", "nobody"]


@pytest.fixture
def world(organization, stranger):
    """Two securities and several credentials; versions, drafts, names that occur twice, here and elsewhere."""
    from apps.accounts.services import create_organization

    library = create_organization(name="Library", is_system=True)
    crm, shop, bare = (make_connector(organization, name=name) for name in ("crm", "shop", "bare"))
    for elsewhere in (library, stranger.organization):
        other = make_connector(elsewhere, name="crm")
        make_action(other, "lost", {"output": 1})
    version = services.create_version(connector=crm, name="2")
    services.create_version(connector=crm, name="beta")
    for connector in (crm, shop, bare):
        found = make_action(connector, "get", {"output": 1})
        services.create_component_version(component=found.component, version="2", published=connector is shop)
        make_action(connector, "put", {"output": 1}, kind="datatype")
    first, second = (services.create_security(connector=crm, name=name, type="apiKey") for name in ("one", "two"))
    services.create_security(connector=shop, name="none", type="none")
    version.default_security = first
    version.save()
    ada, plus = make_end_user(organization), make_end_user(organization, "a+b")
    make_credential(ada, crm, token="1", security=first)
    kept = make_credential(ada, crm, token="2", security=second)
    make_credential(plus, shop, token="3")
    make_end_user(stranger.organization)
    return {"organization": organization, "credential": kept}


def outcome(look, sought):
    try:
        found = look(sought)
    except DomainError as error:
        return error.message
    if found is None:
        return None
    return (
        found.enabled,
        found.version,
        found.version.connector,
        found.component,
        found.component.component.connector,
        found.end_user,
        found.connection,
        found.connection and found.connection.security,
    )


def test_both_ways_find_the_same(world):
    quick = 0
    for connector, version, (action, action_version), user, kind in itertools.product(
        CONNECTORS, VERSIONS, ACTIONS, USERS, (Component.Kind.ACTION, Component.Kind.DATATYPE)
    ):
        for credential in (None, str(world["credential"].id)) if user == "ada@example.com" else (None,):
            sought = Sought(
                organization_id=world["organization"].id,
                kind=kind,
                connector=connector,
                connector_version=version,
                component=action,
                component_version=action_version,
                user=user,
                credential=credential,
            )
            found = outcome(look_up, sought)
            if found is not None:
                quick += 1
                assert found == outcome(look_step_by_step, sought), sought
    assert quick > 100


@pytest.mark.parametrize("wrong", [5, ["crm"], {"a": 1}, "a\0b", "x" * 300, True])
def test_what_is_no_name_is_left_to_the_steps(world, wrong):
    for member in ("connector", "component", "connector_version", "component_version", "user", "credential"):
        names = {"connector": "crm", "component": "get", member: wrong}
        assert look_up(Sought(organization_id=world["organization"].id, kind="action", **names)) is None


def test_what_is_found_has_all_its_columns(world):
    sought = Sought(
        organization_id=world["organization"].id,
        kind="action",
        connector="crm",
        component="get",
        user="ada@example.com",
    )
    found = look_up(sought)
    assert found is not None
    assert found.connection is not None
    fresh = type(found.connection).objects.get(pk=found.connection.pk)
    for field in fresh._meta.concrete_fields:
        assert getattr(found.connection, field.attname) == getattr(fresh, field.attname), field.name
    assert found.end_user == EndUser.objects.get(external_id="ada@example.com", organization=world["organization"])


def test_a_change_is_seen_by_the_next_call(world):
    sought = Sought(organization_id=world["organization"].id, kind="action", connector="bare", component="get")
    before = look_up(sought)
    assert before is not None
    draft = before.component.component.versions.get(number=2)
    services.change_component_version(version=draft, logic={"execute": {"output": 2}}, published=True)
    after = look_up(sought)
    assert after is not None
    assert (before.component.number, after.component.number) == (1, 2)
    assert after.component.logic == {"execute": {"output": 2}}
