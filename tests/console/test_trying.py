"""An action is run by hand on its page: planned or live, its output and requests shown after."""

import pytest

from apps.accounts.console.names import address_of
from apps.executions.models import Execution
from tests.connections.making import make_action, make_connector, make_credential, make_end_user
from tests.connections.target import serving
from tests.console.conftest import signed_in

SEND = {"steps": [{"name": "made", "request": {"method": "POST", "url": "/x"}}], "output": "{{ steps.made.body }}"}
NAME = {"type": "object", "properties": {"name": {"type": "string", "x-required": True}}}


def address(row):
    return f"/console/executions/execution/try/{row.hex_id}/"


@pytest.mark.django_db
def test_an_action_is_tried_from_its_page(console, organization):
    row = make_action(make_connector(organization), "greet", {"output": "Hello {{ input.data.name }}"}, variables=NAME)
    assert address(row) in console.get(address_of(row)).content.decode()
    page = console.get(address(row)).content.decode()
    assert "Test crm.greet" in page
    assert "&quot;name&quot;: &quot;&quot;" in page
    done = console.post(address(row), {"input": '{"name": "Ada"}', "mode": "live"}, follow=True).content.decode()
    assert "It ran." in done
    assert "Hello Ada" in done
    assert Execution.objects.get().mode == "live"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "words"),
    [({"input": "{"}, "This is no JSON"), ({"input": "{}"}, "input.name"), ({"user": "nobody"}, "User nobody")],
)
def test_a_fault_is_named_and_the_input_kept(console, organization, given, words):
    row = make_action(make_connector(organization), "greet", {"output": 1}, variables=NAME)
    answer = console.post(address(row), {"input": '{"name": "kept"}', **given})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert given.get("input", "kept") in page


@pytest.mark.django_db
def test_others_actions_are_not_there(organization, stranger):
    row = make_action(make_connector(organization), "greet", {"output": 1})
    assert signed_in(stranger).get(address(row)).status_code == 404
    assert signed_in(stranger).get("/console/executions/execution/try/nope/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_plan_shows_what_would_be_sent(console, organization):
    from apps.connectors import services

    crm = make_connector(organization)
    services.create_security(connector=crm, name="token", type="apiKey")
    row = make_action(crm, "send", SEND)
    with serving() as target:
        make_credential(make_end_user(organization), crm, token="t0k3n", base=target.url)
        done = console.post(address(row), {"input": "{}", "mode": "plan", "user": "ada@example.com"}, follow=True)
        page = done.content.decode()
        assert target.seen == []
    assert "Nothing was written." in page
    assert f"POST {target.url}/x" in page
    assert "t0k3n" not in page
