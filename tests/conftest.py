"""The cast every test shares: an owner, a monitor, a stranger; a data directory of their own; a real web server."""

import gc
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings as property_settings

from tests import servers

# A change must not fail by what chance finds in another's code: the same examples each time, or new ones when asked.
property_settings.register_profile("repeatable", deadline=None, derandomize=not os.environ.get("JUNCTION_TEST_RANDOM"))
property_settings.load_profile("repeatable")

# What starts processes of its own, longest first: several workers must not end up waiting for one of them.
FIRST = (
    "chaos/test_distributed", "chaos/test_embedded", "chaos/test_broker", "chaos/test_a", "stories/",
    "automations/test_killed", "ops/test_demo.py", "ops/test_migrating", "ops/test_processes", "ops/test_up",
    "ops/test_servers", "core/test_commands", "browser/",
)  # fmt: skip
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def pytest_configure() -> None:
    """A person's password takes a third of a second to hash as it should: the cast's may be cheap."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips, and says why, what needs a server that is not here."""
    for marker in ("postgres", "redis", "mysql", "browser"):
        if item.get_closest_marker(marker) and (reason := servers.missing(marker)):
            (pytest.fail if servers.REQUIRED else pytest.skip)(reason)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked `long` runs when asked for: by `-m long`, or by its name. What lasts begins first."""
    items.sort(key=lambda item: next((n for n, name in enumerate(FIRST) if f"tests/{name}" in item.nodeid), len(FIRST)))
    if config.option.markexpr or any("::" in argument for argument in config.args):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long: has a scaled twin; run it with -m long"))


def pytest_collection_finish() -> None:
    """All that is loaded by now lasts to the end: it need not be searched for garbage again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item):
    """The threads that renew permits and leases must rest before a test's database is taken away."""
    limits, leases = sys.modules.get("apps.connections.limits"), sys.modules.get("apps.work.leases")
    if limits is not None:
        limits.stop()
    if leases is not None:
        leases.let_go(leases.held())


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup) -> Iterator[None]:
    """As pytest-django makes the database; from then on it is emptied for little."""
    from tests.emptying import cheap_emptying

    with cheap_emptying():
        yield


@pytest.fixture(autouse=True, scope="session")
def static_files_found_once() -> Iterator[None]:
    """Each client of a test makes the middleware anew, which reads all folders: most of a request."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    find, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def add_files(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_files)
        yield


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """The real hasher takes a third of a second a person, by design."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def todays_ids():
    """Ids never go back: after a test that has moved the clock, those of the next would lie in the future."""
    from apps.core import ids

    ids._last = 0


@dataclass(frozen=True)
class Person:
    """A member of an organization and the API key they call with."""

    organization: object
    user: object
    key: str

    @property
    def actor(self):
        from apps.accounts.services import actor_of

        return actor_of(user=self.user, organization=self.organization)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def make_person(*, organization: object, role: str, email: str) -> Person:
    from apps.accounts import services

    user = services.create_user(email=email, password="correct horse battery")
    services.add_member(organization=organization, user=user, role=role)
    _, key = services.create_api_key(organization=organization, user=user, name="test", role=role or "monitor")
    return Person(organization=organization, user=user, key=key)


@pytest.fixture
def organization(db):
    from apps.accounts.services import create_organization

    return create_organization(name="Acme")


@pytest.fixture
def owner(organization) -> Person:
    return make_person(organization=organization, role="owner", email="owner@acme.example")


@pytest.fixture
def monitor(organization) -> Person:
    return make_person(organization=organization, role="monitor", email="monitor@acme.example")


@pytest.fixture
def stranger(db) -> Person:
    from apps.accounts.services import create_organization

    other = create_organization(name="Umbrella")
    return make_person(organization=other, role="owner", email="stranger@umbrella.example")


@pytest.fixture
def served(transactional_db) -> Iterator[str]:
    """The address of the shipped embedded web server, running over a real socket."""
    from django.db import connections

    from apps.ops.servers import embedded_server
    from config.wsgi import application

    def application_of_a_test(environ, start_response):
        """Its threads outlive the test: a connection that one keeps would hold the test's database."""
        try:
            return application(environ, start_response)
        finally:
            connections.close_all()

    server = embedded_server(application_of_a_test, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.stop()
    thread.join(timeout=10)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A PostgreSQL database of the test's own; mark the test `postgres`."""
    with servers.postgres_database() as url:
        yield url


@pytest.fixture
def mysql_options() -> Iterator[dict[str, object]]:
    """A MariaDB database of the test's own, as PyMySQL's options; mark the test `mysql`."""
    with servers.mysql_database() as options:
        yield options


@pytest.fixture
def system():
    """Somebody else's system on loopback."""
    from tests.systems import System

    running = System()
    yield running
    running.stop()


@pytest.fixture
def mailbox(settings):
    """The mail server of the deployment, on loopback."""
    from tests.mail import Mailbox

    running = Mailbox().start()
    running.use(settings)
    yield running
    running.stop()
