"""Tokens are renewed by one process at a time, ahead of their end, at their end and after a 401, on a real server that
revokes everything when it sees a refresh token twice."""

import http.client
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine

from apps.connections import bundles, tokens
from apps.connections.access import open_row
from apps.connections.credentials import store_credential
from apps.connections.models import Connection, TokenLease
from apps.connections.oauth import settings_of
from apps.connections.oauth_requests import exchange_code
from apps.core.clock import now
from apps.core.errors import UnavailableError
from apps.executions.models import Execution
from apps.work import claims, drain
from apps.work.models import Lane, WorkItem
from tests.connections.making import make_end_user
from tests.connections.oauth_world import ADA, make_security
from tests.connections.test_limits import database_url
from tests.events.conftest import listen  # noqa: F401 - a fixture
from tests.systems import Answer

ROOT = Path(__file__).parents[2]


def grant(world, owner, *, verifier="v" * 43) -> Connection:
    """What a consent leaves behind, without the walk there."""
    from apps.connections.consents import consent_url

    settings = settings_of(world.security)
    address = "http://testserver/oauth/callback"
    url = consent_url(settings, state="s", redirect_uri=address, verifier=verifier)
    code = urlsplit(world.provider.consent(url)).query.split("code=")[1].split("&")[0]
    granted = exchange_code(settings, code=code, redirect_uri=address, verifier=verifier, organization="x")
    return store_credential(
        actor=owner.actor, end_user=world.ada, security=world.security, form="oauth", values=granted
    )


@pytest.fixture
def credential(world, owner) -> Connection:
    return grant(world, owner)


def ends_now(row: Connection) -> None:
    """The token's time is over, here and at its server."""
    row.document["http"]["auth"]["token"]["freshUntil"] = bundles.spell_expiry(now() - timedelta(seconds=1))
    row.revision += 1
    row.save()


def work_off() -> None:
    tokens.renew_ahead(claims.claim_next(Lane.HOUSEKEEPING))


def fresh(row: Connection):
    return tokens.fresh(open_row(Connection.objects.select_related("security").get(pk=row.pk)))


def execute(base, headers, action="me"):
    opened = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
    body = {"@type": "action", "connector": "crm", "connectorVersion": "1.0.0", "action": action}
    opened.request(
        "POST", f"/v1/execute?userId={ADA}", json.dumps(body), {"Content-Type": "application/json", **headers}
    )
    answer = opened.getresponse()
    found = answer.status, json.loads(answer.read())
    opened.close()
    return found


def test_fifty_calls_that_find_a_token_expired_renew_it_once(served, owner, world, credential):
    ends_now(credential)
    world.provider.expire()
    world.provider.delay = 0.3
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: execute(served, owner.headers), range(50)))
    assert answers == [(200, {"login": "ada"})] * 50
    assert (world.provider.refreshes(), world.provider.store.reuses) == (1, 0)


def test_fifty_calls_that_are_refused_by_401_renew_it_once(served, owner, world, credential):
    world.provider.expire()  # the server has ended it early: nobody here knows
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: execute(served, owner.headers), range(50)))
    assert answers == [(200, {"login": "ada"})] * 50
    assert (world.provider.refreshes(), world.provider.store.reuses) == (1, 0)


def test_a_write_that_was_not_let_in_is_sent_once_more_and_is_one_execution(served, owner, world, credential):
    world.provider.expire()
    assert execute(served, owner.headers, "note") == (200, "noted")
    assert [call.headers["Authorization"] != "" for call in world.provider.system.made("POST /notes")] == [True, True]
    assert Execution.objects.get().state == "succeeded"


def test_several_processes_renew_it_once(transactional_db, owner, world, credential):
    ends_now(credential)
    world.provider.expire()
    world.provider.delay = 0.5
    environment = {**os.environ, "DATABASE_URL": database_url(), "PYTHONPATH": str(ROOT)}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    command = [sys.executable, str(Path(__file__).with_name("refresher.py"))]
    command += [str(credential.id), str(credential.organization_id), "25"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]
    try:
        for process in started:
            assert process.stdout.readline() == "ready\n"
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        got = [token for process in started for token in process.communicate(timeout=120)[0].split()]
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert (len(got), len(set(got))) == (50, 1)
    assert (world.provider.refreshes(), world.provider.store.reuses) == (1, 0)


@pytest.mark.django_db
def test_each_renewal_uses_what_the_last_one_was_given(owner, world, credential):
    for _ in range(3):
        ends_now(Connection.objects.get(pk=credential.pk))
        fresh(credential)
    used = [body["refresh_token"] for body in world.provider.asked if body["grant_type"] == "refresh_token"]
    assert len(set(used)) == 3
    assert world.provider.store.reuses == 0


@pytest.mark.django_db
def test_a_token_is_renewed_some_minutes_ahead_by_due_work(owner, world, credential):
    item = WorkItem.objects.get(kind=tokens.WORK)
    assert timedelta(minutes=54) < item.due_at - now() < timedelta(minutes=56)
    with time_machine.travel(now() + timedelta(minutes=56), tick=True):
        WorkItem.objects.update(due_at=now() - timedelta(hours=1))
        work_off()
        assert world.provider.refreshes() == 1
        item = WorkItem.objects.get(kind=tokens.WORK)
        assert item.due_at - now() > timedelta(minutes=54)
    assert not Connection.objects.get().needs_reconnect


@pytest.mark.django_db
def test_due_work_that_comes_after_a_call_has_renewed_only_waits_on(owner, world, credential):
    ends_now(credential)
    fresh(credential)
    WorkItem.objects.update(due_at=now() - timedelta(hours=1))
    work_off()
    assert world.provider.refreshes() == 1
    assert WorkItem.objects.get(kind=tokens.WORK).due_at > now() + timedelta(minutes=50)


@pytest.mark.django_db
def test_a_refused_renewal_needs_a_person_and_tells_so(owner, world, credential, listen):  # noqa: F811
    heard = listen("ear")
    for grant_of in world.provider.store.refresh.values():
        grant_of.revoked = True
    ends_now(credential)
    with pytest.raises(tokens.NeedsReconnectError) as refused:
        fresh(credential)
    assert refused.value.status == 409
    row = Connection.objects.get()
    assert (row.needs_reconnect, row.offline_since is not None) == (True, True)
    assert "invalid_grant" in row.offline_reason
    assert not WorkItem.objects.filter(kind=tokens.WORK).exists()
    drain.drain(Lane.INTERACTIVE)
    assert heard.got == ["connection.needs_reconnect"]
    asked = len(world.provider.asked)
    with pytest.raises(tokens.NeedsReconnectError):
        fresh(credential)
    assert len(world.provider.asked) == asked, "a lost credential asks nobody any more"


@pytest.mark.django_db
def test_a_renewal_ahead_that_is_refused_needs_a_person_too(owner, world, credential):
    world.provider.fail = Answer(400, {"error": "invalid_grant"})
    TokenLease.objects.update(renew_at=now() - timedelta(seconds=1))
    WorkItem.objects.update(due_at=now() - timedelta(seconds=1))
    work_off()
    assert Connection.objects.get().needs_reconnect
    assert not WorkItem.objects.filter(kind=tokens.WORK).exists()


TROUBLE = [
    Answer(500, {"error": "server_error"}),
    Answer(429, {"error": "slow_down"}, headers={"Retry-After": "3600"}),
    Answer(400, {"error": "temporarily_unavailable"}),
    Answer(200, raw=b"<html>we are sorry</html>"),
    Answer(200, {"access_token": "x"}, hang_up=True),
]


@pytest.mark.django_db
@pytest.mark.parametrize("trouble", TROUBLE, ids=str)
def test_a_passing_failure_is_tried_again_and_loses_nothing(owner, world, credential, trouble):
    world.provider.fail = trouble
    ends_now(credential)
    with pytest.raises(UnavailableError):
        fresh(credential)
    TokenLease.objects.update(renew_at=now() - timedelta(seconds=1))
    WorkItem.objects.update(due_at=now() - timedelta(seconds=1))
    work_off()
    item = WorkItem.objects.get(kind=tokens.WORK)
    assert item.due_at > now() + timedelta(seconds=10)
    assert not Connection.objects.get().needs_reconnect
    world.provider.fail = None
    assert fresh(credential).revision > credential.revision


@pytest.mark.django_db
def test_a_client_that_is_refused_is_the_operators_fault_not_the_persons(owner, world, credential):
    world.provider.fail = Answer(401, {"error": "invalid_client"})
    ends_now(credential)
    with pytest.raises(tokens.TokenRefusedError, match="invalid_client"):
        fresh(credential)
    assert not Connection.objects.get().needs_reconnect


@pytest.mark.django_db
def test_a_lease_whose_holder_died_is_taken_over(owner, world, credential):
    TokenLease.objects.update(fence=7, lease_until=now() - timedelta(seconds=1))
    ends_now(credential)
    fresh(credential)
    assert world.provider.refreshes() == 1
    assert TokenLease.objects.get().fence == 8


@pytest.mark.django_db
def test_an_answer_to_a_token_that_was_replaced_meanwhile_is_dropped(owner, world, credential):
    before = Connection.objects.get()
    tokens.keep(credential.id, {"accessToken": "late"}, used="another one")
    assert Connection.objects.get().revision == before.revision


@pytest.mark.django_db
def test_a_token_without_a_way_to_renew_it_ends(owner, world):
    values = bundles.checked("oauth", {"access_token": "a", "expires_in": 3600})
    row = store_credential(actor=owner.actor, end_user=world.ada, security=world.security, form="oauth", values=values)
    assert not WorkItem.objects.exists()
    ends_now(row)
    with pytest.raises(tokens.NeedsReconnectError, match="nothing to renew it by"):
        fresh(row)


def test_client_credentials_need_no_person(served, owner, world):
    config = {**world.provider.config, "grantType": "clientCredentials"}
    world.security.delete()
    security = make_security(world.connector, config)
    store_credential(actor=owner.actor, end_user=world.ada, security=security, form="oauth", values={})
    assert execute(served, owner.headers) == (200, {"login": "ada"})
    world.provider.expire()
    assert execute(served, owner.headers) == (200, {"login": "ada"})
    assert [body["grant_type"] for body in world.provider.asked] == ["client_credentials"] * 2


@pytest.mark.django_db
def test_two_people_renew_apart(owner, world, credential):
    world.ada = make_end_user(owner.organization, "bob")
    other = grant(world, owner)
    ends_now(credential)
    fresh(credential)
    assert fresh(other).revision == other.revision
