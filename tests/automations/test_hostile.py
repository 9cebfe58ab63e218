"""What somebody may write to make others wait, see what is not theirs, or take a worker down."""

import itertools
import json
from types import SimpleNamespace

import pytest

from apps.accounts.console.names import address_of
from apps.alarms.models import Alarm
from apps.automations import secrets
from apps.automations.models import Automation, AutomationVersion
from apps.automations.running import rendering, steps
from apps.automations.running.conditions import compile_test
from apps.automations.running.rendering import RenderError, compile_value
from apps.automations.services import switch_automation
from apps.catalog.blueprints import save_blueprint
from apps.catalog.models import Entity
from apps.core.errors import DomainError, ValidationErrors
from apps.core.ids import hex24
from apps.engine.templates import RenderEnv
from apps.executions.models import Execution, State
from apps.flows.models import Flow
from tests.api import Api
from tests.automations.actions.conftest import step
from tests.automations.conftest import Workshop, on, when
from tests.console.conftest import signed_in

pytestmark = pytest.mark.django_db
ONE = {"id": "rule", "title": "Rule", "type": "automation"}


@pytest.fixture
def api(owner):
    return Api(owner)


@pytest.fixture
def others(stranger):
    """What another organization has."""
    shop = Workshop(stranger)
    save_blueprint(actor=stranger.actor, id="theirs", fields={"title": "Theirs"})
    hooked = shop.automation(id="their-rule", triggers=[{"type": "onHook"}])
    flow = Flow.objects.create(organization=stranger.organization, name="flow", document={"pageGenerators": []})
    return SimpleNamespace(person=stranger, hooked=hooked, flow=flow)


# The ids of another organization, in every member that takes one.


@pytest.mark.parametrize(
    "action",
    [
        lambda others: step("runFlow", flowId=hex24(others.flow.id)),
        lambda others: step("upsertResource", data={"id": "a", "blueprintId": "theirs"}),
        lambda others: step(
            "fetchEntitiesBySource", sourceBlueprintId="theirs", targetBlueprintId="theirs", entityIds=[]
        ),
        lambda others: step("approval", members=["stranger@umbrella.example"]),
    ],
    ids=["runFlow", "upsertResource", "fetchEntitiesBySource", "approval"],
)  # fmt: skip
def test_what_another_organization_has_cannot_be_named_in_an_action(shop, others, action):
    with pytest.raises(DomainError) as refused:
        shop.automation(action(others))
    assert "not found" in refused.value.message or "is no member" in refused.value.message


@pytest.mark.django_db(transaction=True)
def test_a_template_reaches_nothing_of_another_organization_either(shop, others):
    """What a save cannot know yet is asked again where it is run."""
    save_blueprint(actor=shop.owner.actor, id="service", fields={"title": "Service"})
    shop.automation(step("runFlow", flowId="{{ data.title }}"), id="flow")
    shop.automation(
        step("upsertResource", data={"id": "a", "blueprintId": "{{ data.properties.blueprint }}"}), id="write"
    )
    shop.automation(step("triggerAutomations", automationIds=["their-rule"], entities={"conditions": []}), id="start")
    shop.happen(title=hex24(others.flow.id), properties={"blueprint": "theirs"})
    shop.work()
    ended = {run.target_name: run.state for run in shop.runs}
    assert ended == {"Flow": State.FAILED, "Write": State.FAILED, "Start": State.SUCCEEDED}
    assert not Execution.objects.filter(organization=others.person.organization).exists()
    assert not Entity.objects.exists()


def test_each_address_of_an_automation_is_another_organizations_alone(api, others, console_of):
    row = others.hooked
    for named in (row.hex_id, row.slug):
        for path in ("", "/versions", f"/versions/{hex24(row.version_id)}", "/hook"):
            assert api.get(f"/v1/automations/{named}{path}").status_code == 404, path
        assert api.put(f"/v1/automations/{named}/hook", {"secrets": ["mine"]}).status_code == 404
        assert api.put(f"/v1/automations/{named}", ONE).status_code == 404
        assert api.delete(f"/v1/automations/{named}").status_code == 404
        assert api.post(f"/v1/automation/{named}/version/1/execute", {}).status_code == 404
    for page in ("edit", "approval", "start"):
        assert console_of.get(f"{address_of(row)[:-7]}{page}/").status_code == 404


@pytest.fixture
def console_of(owner):
    return signed_in(owner)


def test_an_alarm_takes_neither_ids_nor_secrets_of_another(api, others):
    channel = {"type": "webhook", "url": "https://example.com/in"}
    alarm = {"name": "Mine", "kind": "execution_failed", "channels": [channel]}
    for scope in ({"_flowId": hex24(others.flow.id)}, {"_automationId": others.hooked.hex_id}):
        refused = api.post("/v1/alarms", {**alarm, "scope": scope})
        assert refused.status_code == 422, scope
        assert refused.json()["errors"][0]["field"] == f"scope.{next(iter(scope))}"
    theirs = Api(others.person).post("/v1/alarms", alarm).json()["channels"][0]
    taken = api.post("/v1/alarms", {**alarm, "channels": [{**channel, "_id": theirs["_id"], "secret": "******"}]})
    assert taken.status_code == 422 and taken.json()["errors"][0]["field"] == "channels[0].secret"
    assert Alarm.objects.count() == 1


def test_an_alarm_reaches_no_inner_address(api, settings):
    settings.ALLOWED_NETWORKS = ()
    channel = {"type": "webhook", "url": "http://169.254.169.254/latest"}
    made = api.post("/v1/alarms", {"name": "Mine", "kind": "execution_failed", "channels": [channel]}).json()
    told = api.post(f"/v1/alarms/{made['_id']}/test", {})
    assert "169.254.169.254" in told.content.decode() and "Answered" not in told.content.decode()


# Documents that are too much.


@pytest.mark.parametrize(
    ("members", "at"),
    [
        ({"id": "rule\n"}, "id"),
        ({"triggers": [on("update")] * 51}, "triggers"),
        ({"triggers": [on("update", conditions=[when("data.id", "eq", 1)] * 101)]}, "triggers[0].conditions"),
        ({"actions": [step("delay", hours=1)] * 501}, "actions"),
        ({"description": "long " * 250_000}, ""),
    ],
    ids=["id", "triggers", "conditions", "actions", "size"],
)
def test_a_document_is_bounded(shop, members, at):
    with pytest.raises(DomainError) as refused:
        shop.automation(**{**ONE, "triggers": [on("update")], **members})
    error = refused.value.errors[0] if isinstance(refused.value, ValidationErrors) else refused.value
    assert error.field.startswith(at)
    assert not Automation.objects.exists()


@pytest.mark.parametrize(
    "description", ["half \\u0000 a text", "1e999", "[" * 200 + "]" * 200], ids=["NUL", "number", "depth"]
)
def test_the_consoles_editor_refuses_what_cannot_be_kept(console_of, description):
    text = json.dumps(ONE)[:-1] + ', "arguments": {"a": %s}}' % (
        f'"{description}"' if "half" in description else description
    )
    answer = console_of.post("/console/automations/automation/add/", {"document": text})
    assert answer.status_code == 422
    assert not Automation.objects.exists()


@pytest.mark.parametrize("active", [True, False], ids=["on", "off"])
def test_a_secret_that_would_be_shown_to_all_is_refused(shop, active):
    told = step("callWebhook", url="https://example.com", secret="whsec_c2VjcmV0c2VjcmV0")
    looped = step("forEach", items=[1], actions=[told])
    for action, at in ((told, "actions[0]"), (looped, "actions[0].args.actions[0]")):
        with pytest.raises(DomainError) as refused:
            shop.automation(action, isActive=active)
        assert refused.value.field == f"{at}.args.secret"
    assert not Automation.objects.exists()


@pytest.mark.parametrize(
    "members",
    [
        {"triggers": [on("update", conditions=[when("data.id", "ne", "x")] * 120)]},
        {"description": "long " * 250_000},
        {"actions": [step("callWebhook", url="https://example.com", secret="whsec_c2VjcmV0c2VjcmV0")]},
        {"actions": [{"type": "ofAnEarlierRelease"}]},
    ],
    ids=["conditions", "size", "secret", "kind"],
)
def test_what_was_saved_under_earlier_rules_can_be_switched_off_and_not_on(shop, console_of, members):
    row = shop.automation(secrets={"key": "s3cret"})
    AutomationVersion.objects.update(document={**row.version.document, **members})
    stored = AutomationVersion.objects.get().document
    page = console_of.post(f"{address_of(row)[:-7]}do/off/", follow=True).content.decode()
    assert "is switched off: nothing starts it." in page
    shop.happen()
    shop.work()
    assert shop.runs == []
    row = Automation.objects.select_related("version").get()
    assert (row.is_active, row.version.number) == (False, 2)
    assert row.version.document == {**stored, "isActive": False}
    assert secrets.opened(row.version) == {"key": "s3cret"}
    with pytest.raises(DomainError):
        switch_automation(actor=shop.owner.actor, automation=row, active=True)


# What costs too much when it runs.


@pytest.mark.django_db(transaction=True)
def test_loops_in_loops_end(shop, monkeypatch):
    monkeypatch.setattr(steps, "MOST", 50)
    inner = step("forEach", items=list(range(40)), actions=[step("fetchResource", conditions=[])])
    shop.automation(step("forEach", items=list(range(40)), actions=[inner]))
    shop.happen()
    shop.work()
    [run] = shop.runs
    assert run.state == State.FAILED and "A run takes at most 50 steps" in run.reason


def slow():
    """An environment in which each look at the clock is a quarter of a second later."""
    ticks = itertools.count()
    return RenderEnv(stopwatch=lambda: next(ticks) * 0.25)


@pytest.mark.parametrize("shape", [list, dict])
def test_very_many_templates_are_stopped_together(shape):
    texts = [f"{{{{ {number} }}}}" for number in range(rendering.FEW + 1)]
    document = {"a": texts if shape is list else dict(enumerate(texts))}
    render = compile_value(document, "args")
    with pytest.raises(RenderError) as stopped:
        render({}, slow())
    assert "its templates take longer than 5 s together" in stopped.value.message
    assert len(render({}, RenderEnv())["a"]) == len(texts)


def test_very_many_templates_in_conditions_are_stopped_together():
    test = compile_test([when("data", "in", [f"{{{{ {n} }}}}" for n in range(rendering.FEW + 1)])], "conditions")
    with pytest.raises(RenderError):
        test({"data": "x"}, slow())
    assert test({"data": 3}, RenderEnv())


def test_two_long_lists_are_compared_in_one_look_each():
    """A hundred million comparisons would hold a worker for a minute; here each item is looked at twice."""
    looks = itertools.count()

    class Counted(str):
        def __eq__(self, other):
            next(looks)
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    found = [Counted(f"a{number}") for number in range(10_000)]
    wanted = [Counted(f"b{number}") for number in range(10_000)]
    for operator in ("in", "contains"):
        test = compile_test([when("data", operator, wanted)], "conditions")
        assert not test({"data": found}, RenderEnv())
    assert next(looks) < 100_000
