"""Hooks on the console: found, their secrets made, set and dropped, their addresses changed; no secret is shown."""

import hashlib
import hmac
import re
import threading

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.console.names import address_of, list_url
from apps.audit.models import AuditEntry
from apps.automations import addressing
from apps.inbound import receiving
from apps.inbound.models import DirectHook
from apps.inbound.secrets import hook_secrets
from tests.console.conftest import signed_in
from tests.stories.conftest import until

pytestmark = pytest.mark.django_db(transaction=True)
PROOF = {"type": "hmac-sha256", "header": "X-Signature"}
BODY = b'{"name": "Ada"}'


@pytest.fixture(autouse=True)
def reached(settings):
    settings.PUBLIC_URL = "https://junction.example"
    receiving.forget_addresses()


@pytest.fixture
def console(owner):
    return signed_in(owner)


@pytest.fixture
def hook(shop):
    return make(shop)


def make(shop, id="greet", **trigger):
    automation = shop.automation(id=id, triggers=[{"type": "onHook", **({"security": PROOF} | trigger)}])
    return DirectHook.objects.get(target_id=automation.id)


def do(console, hook, name):
    return console.post(f"{address_of(hook)[:-7]}do/{name}/", follow=True).content.decode()


def call(hook, secret=""):
    signature = hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()
    headers = {"X-Signature": signature}
    answer = Client().post(f"/hooks/{hook.token}", data=BODY, content_type="application/json", headers=headers)
    return answer.status_code


def test_an_operator_sees_which_hooks_there_are_and_what_came_of_them(console, shop, hook):
    page = console.get(address_of(hook)).content.decode()
    assert f"https://junction.example/hooks/{hook.token}" in page
    assert "hmac-sha256 in X-Signature" in page and "none set: every call is refused" in page
    assert "202 at once" in page
    page = do(console, hook, "secret")
    [secret] = hook_secrets(DirectHook.objects.get())
    assert call(hook, secret) == 202 and call(hook, "other") == 401
    shop.work()
    listed = console.get(list_url(DirectHook)).content.decode()
    assert "Greet" in listed and hook.token not in listed, "a list shows no more than how addresses begin"
    page = console.get(address_of(hook)).content.decode()
    [run] = shop.runs
    assert run.hex_id in page and "succeeded" in page and "1 set" in page
    assert secret not in page


def test_a_new_secret_is_shown_once_and_the_one_before_counts_until_it_is_dropped(console, hook):
    told = [re.search(r"[0-9a-f]{64}", do(console, hook, "secret")).group() for _ in range(3)]
    assert hook_secrets(DirectHook.objects.get()) == [told[2], told[1]]
    assert [call(hook, secret) for secret in told] == [401, 202, 202]
    assert "The newest secret alone counts now." in do(console, hook, "drop")
    assert [call(hook, secret) for secret in told] == [401, 401, 202]
    assert not any(secret in console.get(address_of(hook)).content.decode() for secret in told)
    log = AuditEntry.objects.filter(resource_type="hook", resource_name="Greet")
    assert log.count() == 4
    assert not any(secret in str(entry.changes) for entry in log for secret in told)


def test_a_new_secret_is_kept_nowhere_on_its_way(console, hook):
    answer = console.post(f"{address_of(hook)[:-7]}do/secret/")
    [secret] = hook_secrets(DirectHook.objects.get())
    assert f'<code id="jn-key">{secret}</code>' in answer.content.decode()
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    assert not any(secret in cookie.OutputString() for cookie in answer.cookies.values())
    assert not any(secret in str(row.get_decoded()) for row in Session.objects.all())


def test_who_looked_before_a_rotation_does_not_undo_it(console, owner, hook):
    """Pages and calls find the row before they lock it; what they keep is what counts by then."""

    def stored():
        return hook_secrets(DirectHook.objects.get())

    do(console, hook, "secret")
    earlier = DirectHook.objects.get()
    [old] = stored()
    do(console, hook, "secret")
    new = stored()[0]
    addressing.drop_old_secrets(actor=owner.actor, hook=earlier, name="Greet")
    assert stored() == [new] and (call(hook, new), call(hook, old)) == (202, 401)
    do(console, hook, "secret")
    newest = stored()[0]
    addressing.rotate_secret(actor=owner.actor, hook=earlier, name="Greet")
    assert stored()[1:] == [newest] and call(hook, newest) == 202


@pytest.mark.skipif(connection.vendor == "sqlite", reason="locks no rows")
def test_a_secret_set_while_another_is_made_keeps_the_one_just_made(console, api, owner, hook):
    """Both wait for whoever holds the row, and see what was written meanwhile."""
    do(console, hook, "secret")
    address = f"{address_of(hook)[:-7]}set/"
    ways = [
        lambda: console.post(address, {"secret": "chosen", "keep": "1"}),
        lambda: console.post(f"{address_of(hook)[:-7]}do/drop/"),
        lambda: api.put("/v1/automations/greet/hook", {"secrets": ["******"]}),
    ]
    for way in ways:
        answers = []

        def work(way=way, answers=answers):
            answers.append(way().status_code)
            connections.close_all()

        other = threading.Thread(target=work)
        with transaction.atomic():
            made = addressing.rotate_secret(actor=owner.actor, hook=hook, name="Greet")
            other.start()
            until(waiting_for_locks, what="the other waits for the row")
        other.join(30)
        assert answers in ([200], [302])
        assert made in hook_secrets(DirectHook.objects.get()) and call(hook, made) == 202


def waiting_for_locks():
    """How many wait for what this connection holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0]


def test_the_secret_that_the_caller_has_chosen_is_set(console, hook):
    address = f"{address_of(hook)[:-7]}set/"
    assert console.post(address, {"secret": " "}).status_code == 422
    assert console.post(address, {"secret": "first"}).status_code == 302
    page = console.post(address, {"secret": "second", "keep": "1"}, follow=True).content.decode()
    assert "It is not shown again." in page and "second" not in page and "2 set" in page
    assert (call(hook, "first"), call(hook, "second")) == (202, 202)
    console.post(address, {"secret": "third"})
    assert (call(hook, "second"), call(hook, "third")) == (401, 202)


@pytest.mark.parametrize(("proof", "secret"), [("standardwebhooks", "plain"), ("basic", "no colon")])
def test_a_secret_that_could_prove_nothing_is_refused(console, shop, api, proof, secret):
    hook = make(shop, security={"type": proof})
    assert console.post(f"{address_of(hook)[:-7]}set/", {"secret": secret}).status_code == 422
    refused = api.put("/v1/automations/greet/hook", {"secrets": [secret]})
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "secrets[0]"


def test_a_new_address_leaves_nothing_at_the_old_one(console, shop):
    hook = make(shop, security={"type": "none"})
    assert call(hook) == 202
    assert "It has a new address." in do(console, hook, "address")
    assert call(hook) == 404
    assert call(DirectHook.objects.get()) == 202
    assert AuditEntry.objects.filter(resource_type="hook").get().changes[0]["fieldPath"] == "url"


def test_hooks_are_for_those_who_see_secrets(shop, hook, monitor, stranger, owner):
    watching, foreign = signed_in(monitor), signed_in(stranger)
    assert watching.get(list_url(DirectHook)).status_code == 403
    assert watching.get(address_of(hook)).status_code == 404
    assert foreign.get(address_of(hook)).status_code == 404
    for client in (watching, foreign):
        for name in ("secret", "drop", "address"):
            client.post(f"{address_of(hook)[:-7]}do/{name}/")
        client.post(f"{address_of(hook)[:-7]}set/", {"secret": "mine"})
    now = DirectHook.objects.get()
    assert (now.token, bytes(now.secret)) == (hook.token, b"")


def test_a_list_of_many_costs_what_a_list_of_one_does(console, shop, hook):
    with CaptureQueriesContext(connection) as few:
        console.get(list_url(DirectHook))
    for number in range(5):
        made = make(shop, id=f"rule-{number}", security={"type": "none"})
        assert call(made) == 202
    with CaptureQueriesContext(connection) as many:
        listed = console.get(list_url(DirectHook)).content.decode()
    assert "Rule-4" in listed and len(many) == len(few)


def test_an_automation_leads_to_its_hook(console, shop, hook):
    from apps.automations.models import Automation

    page = console.get(address_of(Automation.objects.get())).content.decode()
    assert address_of(hook) in page
