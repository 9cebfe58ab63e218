"""executeAction: a connector's action through the door of POST /v1/execute, as a step of the run."""

import pytest

from apps.core.errors import ValidationError
from apps.executions.models import Exchange, State, Step
from tests.automations.actions.conftest import step
from tests.automations.conftest import outputs_of, steps_of
from tests.connections.making import make_action, make_connection, make_connector, make_credential, make_end_user
from tests.systems import Answer

pytestmark = pytest.mark.django_db(transaction=True)
CREATE = {
    "steps": [{"name": "made", "request": {"method": "POST", "url": "/leads", "body": "{{ input.data }}"}}],
    "output": "{{ steps.made.body }}",
}
FIELDS = {"type": "object", "properties": {"name": {"type": "string", "x-required": True}}}


@pytest.fixture
def crm(organization, system):
    from apps.connectors import services

    connector = make_connector(organization, base_url=system.url)
    services.create_security(connector=connector, name="key", type="apiKey")
    make_action(connector, "lead.create", CREATE, variables=FIELDS)
    make_credential(make_end_user(organization), connector, token="t0ken")
    return connector


def run_it(shop, **args):
    args = {"connector": "crm", "action": "lead.create", **args}
    shop.automation(step("executeAction", "lead", **args), outputs={"lead": "{{ actions.lead.output }}"})
    shop.happen(title="Ada")
    shop.work()
    [run] = shop.runs
    return run


def test_it_runs_on_a_persons_credential_and_gives_the_actions_output(shop, crm, system):
    system.routes["POST /leads"] = lambda call: {"id": 7, "name": call.json["name"]}
    run = run_it(shop, userId="ada@example.com", input={"name": "{{ data.title }}"})
    assert run.state == State.SUCCEEDED, run.reason
    assert outputs_of(run) == {"lead": {"id": 7, "name": "Ada"}}
    [call] = system.made("POST /leads")
    assert call.headers["Authorization"] == "Bearer t0ken"
    assert Exchange.objects.get(execution=run).step_path.startswith("actions[0]/")


def test_it_runs_on_a_connection_of_the_organization(shop, crm, system, organization):
    system.take("/leads")
    auth = {"type": "token", "token": {"token": "house-key", "location": "header", "headerName": "X-Key", "scheme": ""}}
    connection = make_connection(organization, http={"baseURI": system.url, "auth": auth})
    run = run_it(shop, connectionId=str(connection.id), input={"name": "x"})
    assert run.state == State.SUCCEEDED, run.reason
    [call] = system.made("POST /leads")
    assert call.headers["X-Key"] == "house-key"


def test_nobodys_credential_is_used_through_a_connection_id(shop, crm, system, organization):
    from apps.connections.models import Connection

    theirs = Connection.objects.exclude(end_user=None).get()
    run = run_it(shop, connectionId=str(theirs.id), input={"name": "x"})
    assert run.state == State.FAILED
    assert "was not found" in run.reason
    assert system.calls == []


def test_a_target_that_refuses_fails_the_run_with_its_words(shop, crm, system):
    system.routes["POST /leads"] = lambda call: Answer(422, {"message": "name is taken"})
    run = run_it(shop, userId="ada@example.com", input={"name": "x"})
    assert run.state == State.FAILED
    assert "name is taken" in run.reason


def test_bad_input_is_refused_by_its_path(shop, crm, system):
    run = run_it(shop, userId="ada@example.com", input={})
    assert run.state == State.FAILED
    assert "input.name" in run.reason
    assert system.calls == []


def test_each_round_of_a_loop_writes_under_a_place_of_its_own(shop, crm, system):
    system.take("/leads")
    inner = step("executeAction", "lead", connector="crm", action="lead.create", userId="ada@example.com",
                 input={"name": "{{ item }}"})  # fmt: skip
    shop.automation(step("forEach", items=["a", "b"], actions=[inner]))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.SUCCEEDED, run.reason
    assert [call.json["name"] for call in system.made("POST /leads")] == ["a", "b"]
    effects = Step.objects.filter(execution=run, kind="effect").order_by("id")
    assert [row.iteration for row in effects] == ["0/", "1/"]
    assert steps_of(run)["actions[0].args.actions[0]@1"] == "succeeded"


@pytest.mark.parametrize(
    ("args", "at"),
    [
        ({"connector": "nope"}, "actions[0].args.connector"),
        ({"action": "nope"}, "actions[0].args.action"),
        ({"connectorVersion": "9.9.9"}, "actions[0].args.connectorVersion"),
    ],
)
def test_what_is_not_there_is_refused_when_it_is_saved(shop, crm, args, at):
    with pytest.raises(ValidationError) as caught:
        shop.automation(step("executeAction", **{"connector": "crm", "action": "lead.create", **args}))
    assert caught.value.field == at


def test_another_organizations_connector_is_not_there(shop, stranger):
    make_action(make_connector(stranger.organization, name="theirs"), "x", {"output": 1})
    with pytest.raises(ValidationError):
        shop.automation(step("executeAction", connector="theirs", action="x"))
