"""The cast and its world are made once a module; each test runs in a transaction that is taken back."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.core.management import call_command

from apps.accounts.services import create_organization
from tests.conftest import Person, make_person
from tests.contracts import parts, rely_parts
from tests.contracts.world import World, build_world


@dataclass(frozen=True)
class Cast:
    owner: Person
    monitor: Person
    stranger: Person
    world: World
    interactor: parts.World


def make_cast() -> Cast:
    here, elsewhere = create_organization(name="Acme"), create_organization(name="Umbrella")
    owner = make_person(organization=here, role="owner", email="owner@acme.example")
    monitor = make_person(organization=here, role="monitor", email="monitor@acme.example")
    stranger = make_person(organization=elsewhere, role="owner", email="stranger@umbrella.example")
    return Cast(owner, monitor, stranger, build_world(owner), parts.build_world(owner))


@pytest.fixture(scope="module")
def cast(django_db_setup, django_db_blocker) -> Iterator[Cast]:
    with django_db_blocker.unblock():
        yield make_cast()
        call_command("flush", interactive=False, verbosity=0)


@dataclass(frozen=True)
class RelyCast:
    owner: Person
    monitor: Person
    stranger: Person
    world: rely_parts.World


@pytest.fixture(scope="module")
def rely_cast(django_db_setup, django_db_blocker) -> Iterator[RelyCast]:
    with django_db_blocker.unblock():
        here, elsewhere = create_organization(name="Acme"), create_organization(name="Umbrella")
        owner = make_person(organization=here, role="owner", email="owner@acme.example")
        monitor = make_person(organization=here, role="monitor", email="monitor@acme.example")
        stranger = make_person(organization=elsewhere, role="owner", email="stranger@umbrella.example")
        yield RelyCast(owner, monitor, stranger, rely_parts.build_world(owner))
        call_command("flush", interactive=False, verbosity=0)
