"""Limits hold across threads and processes, cost no query a call, and outlive a killed process by one lease only."""

import os
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.connections import limit_store
from apps.connections.limits import DatabaseLimiter
from apps.connections.models import Connection, Limit, PermitBlock
from apps.core import clock
from apps.core.gateway import Grant, RetryLater
from tests.connections.target import serving


def a_connection(organization, *, concurrency: int = 25, http: dict | None = None, **fields) -> Connection:
    document = {"http": {"baseURI": "https://api.example", **(http or {})}, **fields.pop("document", {})}
    return Connection.objects.create(
        organization=organization, name="API", type="http", concurrency=concurrency, document=document, **fields
    )


@pytest.fixture
def make_limiter(transactional_db):
    made = []

    def make(**options) -> DatabaseLimiter:
        made.append(DatabaseLimiter(**options))
        return made[-1]

    yield make
    for limiter in made:
        limiter.stop()


@pytest.fixture
def limiter(make_limiter) -> DatabaseLimiter:
    return make_limiter()


def key(row: Connection) -> str:
    return str(row.limit_owner_id)


def test_a_steady_stream_of_calls_costs_no_query_a_call(organization, limiter):
    row = a_connection(organization)
    limiter.release(limiter.acquire(key(row), 1))
    with CaptureQueriesContext(connection) as queries:
        for _ in range(500):
            limiter.release(limiter.acquire(key(row), 1))
    assert len(queries) == 0


def test_no_more_than_the_limit_is_granted(organization, limiter):
    row = a_connection(organization, concurrency=3)
    grants = [limiter.acquire(key(row), 1) for _ in range(3)]
    assert all(isinstance(grant, Grant) for grant in grants)
    refused = limiter.acquire(key(row), 1)
    assert isinstance(refused, RetryLater)
    assert "taken" in refused.reason
    limiter.release(grants[0])
    assert isinstance(limiter.acquire(key(row), 1), Grant)


def test_a_batch_is_granted_as_many_permits_as_are_free(organization, limiter):
    row = a_connection(organization, concurrency=4)
    first = limiter.acquire(key(row), 1)
    second = limiter.acquire(key(row), 100, concurrency=10)
    assert (first.permits, second.permits, second.requests) == (1, 3, 100)


def test_two_processes_limiters_share_the_limit(organization, limiter, make_limiter):
    row = a_connection(organization, concurrency=2)
    other = make_limiter()
    one, two = limiter.acquire(key(row), 1), other.acquire(key(row), 1)
    assert isinstance(one, Grant)
    assert isinstance(two, Grant)
    assert isinstance(limiter.acquire(key(row), 1), RetryLater)
    other.release(two)
    other.return_idle()
    time.sleep(0.6)  # how often a process asks again for permits it did not get
    assert isinstance(limiter.acquire(key(row), 1), Grant)


def test_a_borrower_spends_the_lenders_permits(organization, limiter):
    lender = a_connection(organization, concurrency=1)
    borrower = a_connection(organization, concurrency=50, borrows_from=lender)
    assert isinstance(limiter.acquire(key(borrower), 1), Grant)
    assert isinstance(limiter.acquire(key(lender), 1), RetryLater)


def test_a_pause_holds_every_process_and_sits_on_the_owner(organization, limiter, make_limiter):
    lender = a_connection(organization)
    borrower = a_connection(organization, borrows_from=lender)
    limiter.pause(key(borrower), until=clock.now() + timedelta(seconds=30), reason="429")
    refused = make_limiter().acquire(key(lender), 1)
    assert isinstance(refused, RetryLater)
    assert 25 < (refused.until - clock.now()).total_seconds() < 31
    assert Limit.objects.get(connection=lender).paused_reason == "429"
    assert not Limit.objects.filter(connection=borrower).exists()


def test_a_429_halves_the_cap_which_grows_again_in_quiet_times(transactional_db, organization):
    row = a_connection(organization, concurrency=8)
    limit_store.pause(row.id, seconds=0.01, reason="429")
    assert Limit.objects.get(connection=row).permits == 4
    long_ago = clock.now() - timedelta(seconds=65)
    Limit.objects.filter(connection=row).update(permits_changed_at=long_ago, paused_until=long_ago)
    assert limit_store.lease(row.id, permits=50, block="a", seconds=5).permits == 6
    Limit.objects.filter(connection=row).update(permits_changed_at=clock.now() - timedelta(seconds=300))
    assert limit_store.lease(row.id, permits=50, block="a", seconds=5).permits == 8
    assert Limit.objects.get(connection=row).permits is None


def test_a_cap_that_may_not_float_stays(transactional_db, organization):
    row = a_connection(organization, concurrency=8, document={"autoRecoverRateLimitErrors": False})
    limit_store.pause(row.id, seconds=0.01, reason="429")
    assert Limit.objects.get(connection=row).permits is None


@pytest.mark.parametrize(("floats", "most"), [(True, 12), (False, 4)])
def test_a_cap_that_floats_may_grow_to_its_target(transactional_db, organization, floats, most):
    row = a_connection(
        organization, concurrency=4, http={"targetConcurrencyLevel": 12},
        document={"autoRecoverRateLimitErrors": floats},
    )  # fmt: skip
    assert limit_store.lease(row.id, permits=50, block="a", seconds=5).permits == most


def test_a_pause_between_calls_is_kept(organization, limiter):
    row = a_connection(organization, http={"rateLimit": {"limit": 200}})
    first = limiter.acquire(key(row), 10, concurrency=10)
    assert (first.permits, first.requests) == (1, 1)
    limiter.release(first)
    refused = limiter.acquire(key(row), 1)
    assert isinstance(refused, RetryLater)
    assert 0 < (refused.until - clock.now()).total_seconds() <= 0.2


def test_permits_of_a_long_call_are_renewed_and_idle_ones_return(organization, make_limiter):
    row = a_connection(organization, concurrency=1)
    limiter = make_limiter(block_seconds=2.4, idle_seconds=0.2)
    grant = limiter.acquire(key(row), 1)
    deadline = time.monotonic() + 3.2
    while time.monotonic() < deadline:  # longer than a lease
        assert isinstance(limit_store.lease(row.id, permits=1, block="other", seconds=1), limit_store.Wait)
        time.sleep(0.1)
    limiter.release(grant)
    deadline = time.monotonic() + 5
    while PermitBlock.objects.filter(limit_id=row.id, permits__gt=0).exists():
        assert time.monotonic() < deadline, "an idle block was not given back"
        time.sleep(0.05)


def test_a_deleted_connection_waits_instead_of_failing(limiter):
    assert isinstance(limiter.acquire(str(uuid.uuid4()), 1), RetryLater)


def database_url() -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    where = f"{settings['HOST'] or '127.0.0.1'}:{settings['PORT'] or 5432}"
    return f"postgresql://{settings['USER']}:{settings['PASSWORD']}@{where}/{settings['NAME']}"


@contextmanager
def start_caller(*, url: str, row: Connection, threads: int, calls: int, block_seconds: float = 15.0):
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, str(Path(__file__).with_name("caller.py"))]
    arguments = [url, key(row), str(threads), str(calls), str(block_seconds)]
    process = subprocess.Popen([*command, *arguments], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_two_processes_never_have_more_in_flight_than_the_limit(transactional_db, organization):
    row = a_connection(organization, concurrency=3)
    with serving(seconds=0.02) as target:
        options = {"url": target.url, "row": row, "threads": 6, "calls": 12}
        with start_caller(**options) as one, start_caller(**options) as other:
            assert [one.wait(timeout=240), other.wait(timeout=240)] == [0, 0]
    assert len(target.seen) == 2 * 6 * 12
    assert 1 <= target.most_in_flight <= 3


def test_the_permits_of_a_killed_process_come_back_after_the_lease(organization, make_limiter):
    row = a_connection(organization, concurrency=2)
    hold = threading.Event()

    def answer(seen):
        hold.wait(60)
        return 200, {}, {}

    options = {"row": row, "threads": 2, "calls": 1, "block_seconds": 4.0}
    with serving(answer) as target, start_caller(url=target.url, **options) as caller:
        deadline = time.monotonic() + 180  # starting a process is slow on a busy machine
        while target.in_flight < 2:
            assert time.monotonic() < deadline, "the process never called"
            time.sleep(0.02)
        caller.kill()
        caller.wait(timeout=10)
        killed = time.monotonic()
        limiter = make_limiter()
        assert isinstance(limiter.acquire(key(row), 1), RetryLater)
        while isinstance(limiter.acquire(key(row), 1), RetryLater):
            assert time.monotonic() < killed + 4.0 + 5.0, "the permits never came back"
            time.sleep(0.05)
        hold.set()
