"""Buttons: by POST and with a token only, through services, with the service's words when it refuses."""

import pytest
from django.test import Client

from apps.accounts.console.names import address_of, list_url
from apps.accounts.models import ApiKey
from apps.accounts.services import actor_of_key, create_api_key
from apps.executions.models import Execution, RecordError
from apps.flows.models import Flow


def do(client, row, name, **options):
    return client.post(address_of(row).replace("/change/", f"/do/{name}/"), **options)


def test_a_button_is_no_link(console, rows):
    address = address_of(rows[Flow]).replace("/change/", "/do/run/")
    assert console.get(address).status_code == 405
    assert Execution.objects.count() == 1


def test_a_button_needs_a_token(owner, rows):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner.user)
    assert do(client, rows[Flow], "run").status_code == 403
    assert Execution.objects.count() == 1


def test_a_strangers_button_finds_nothing(stranger, rows):
    client = Client()
    client.force_login(stranger.user)
    assert do(client, rows[Flow], "run").status_code == 404
    assert Execution.objects.count() == 1


def test_run_now_leads_to_the_execution(console, rows):
    answer = do(console, rows[Flow], "run")
    started = Execution.objects.exclude(pk=rows[Execution].pk).get()
    assert answer["Location"] == address_of(started)
    assert started.state == "queued"


def test_a_refusal_is_shown_in_the_services_words(console, rows):
    flow = rows[Flow]
    Flow.objects.filter(pk=flow.pk).update(document={})
    page = do(console, flow, "run", follow=True).content.decode()
    assert "has no export to run" in page


def test_what_is_over_cannot_be_canceled(console, rows):
    page = do(console, rows[Execution], "cancel", follow=True).content.decode()
    assert "That cannot be done here" in page


def test_disable_and_enable(console, rows):
    flow = rows[Flow]
    assert "its schedule rests" in do(console, flow, "disable", follow=True).content.decode()
    flow.refresh_from_db()
    assert flow.disabled
    assert "Run now" not in console.get(address_of(flow)).content.decode()
    do(console, flow, "enable")
    flow.refresh_from_db()
    assert not flow.disabled


def test_what_is_used_is_not_deleted(console, rows):
    from apps.core.actors import system_actor
    from apps.flows.models import Import
    from apps.flows.services.resources import FLOWS, IMPORTS

    flow = rows[Flow]
    FLOWS.replace(actor=system_actor(flow.organization_id), row=flow, document=FLOWS.show(flow))
    page = do(console, rows[Import], "delete", follow=True).content.decode()
    assert "is used by" in page
    assert IMPORTS.model.objects.filter(pk=rows[Import].pk).exists()


def test_chosen_errors_are_retried_and_resolved_together(console, rows):
    error = rows[RecordError]
    answer = console.post(
        list_url(RecordError), {"action": "retry_chosen", "index": 0, "_selected_action": [str(error.pk)]}, follow=True
    )
    assert "1 record is queued to be sent again." in answer.content.decode()
    assert Execution.objects.get(kind="retry").parent_id == error.execution_id
    answer = console.post(
        list_url(RecordError),
        {"action": "resolve_chosen", "index": 0, "_selected_action": [str(error.pk)]},
        follow=True,
    )
    assert "1 record is resolved." in answer.content.decode()


def test_retrying_twice_is_refused_while_the_first_goes_on(console, rows):
    do(console, rows[RecordError], "retry")
    page = do(console, rows[RecordError], "retry", follow=True).content.decode()
    assert "is being retried already" in page
    assert Execution.objects.filter(kind="retry").count() == 1


def test_the_failed_records_of_an_execution_are_retried_from_its_page(console, rows):
    page = do(console, rows[Execution], "retry", follow=True).content.decode()
    assert "1 failed record is queued to be sent again." in page


def test_a_key_is_shown_once_and_works(console, owner):
    answer = console.post("/console/accounts/apikey/add/", {"name": "warehouse", "role": "monitor"})
    page = answer.content.decode()
    secret = page.split('id="jn-key">')[1].split("<")[0]
    assert "no-store" in answer["Cache-Control"]
    assert actor_of_key(secret).role == "monitor"
    key = ApiKey.objects.get(name="warehouse")
    shown = console.get(address_of(key)).content.decode()
    assert secret not in shown and key.digest not in shown
    do(console, key, "revoke")
    assert actor_of_key(secret) is None


def test_nobody_makes_a_key_that_may_more_than_they_may(organization):
    from tests.conftest import make_person
    from tests.console.conftest import signed_in

    client = signed_in(make_person(organization=organization, role="manage", email="manager@acme.example"))
    page = client.post("/console/accounts/apikey/add/", {"name": "more", "role": "owner"}).content.decode()
    assert "Select a valid choice" in page
    assert not ApiKey.objects.filter(name="more").exists()


def test_keys_of_others_are_revoked_by_whoever_may_invite(organization, owner):
    from tests.conftest import make_person
    from tests.console.conftest import signed_in

    key, _ = create_api_key(organization=organization, user=owner.user, name="owners")
    manager = signed_in(make_person(organization=organization, role="manage", email="manager@acme.example"))
    do(manager, key, "revoke")
    key.refresh_from_db()
    assert key.revoked_at is None


@pytest.mark.parametrize("role", ["administrator", "owner"])
def test_connections_are_pinged_outside_any_transaction(transactional_db, organization, role, system):
    from apps.connections.models import Connection
    from tests.conftest import make_person
    from tests.console.conftest import signed_in

    system.routes["GET /"] = lambda call: {"ok": True}
    row = Connection.objects.create(
        organization=organization, name="shop", type="http",
        document={"http": {"baseURI": system.url, "mediaType": "json", "auth": {"type": "custom"}}},
    )  # fmt: skip
    client = signed_in(make_person(organization=organization, role=role, email=f"{role}@acme.example"))
    assert "The connection works. The target answered 200." in do(client, row, "ping", follow=True).content.decode()
