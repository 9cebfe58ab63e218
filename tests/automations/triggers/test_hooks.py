"""An automation's own address: proved, answered at once or with the outputs, taken once, gone when it is off."""

import hashlib
import hmac
import json

import pytest
from django.test import Client

from apps.accounts.console.names import address_of
from apps.automations import services
from apps.automations.models import Run
from apps.executions.models import Exchange, Execution, ExecutionData, State, Step
from apps.executions.payloads import unpack
from apps.inbound import receiving
from apps.inbound.models import DirectHook
from tests.api import Api
from tests.automations.actions.conftest import step
from tests.automations.conftest import outputs_of, when
from tests.console.conftest import signed_in
from tests.systems import Answer

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "it's-a-secret"


@pytest.fixture(autouse=True)
def reached(settings):
    settings.PUBLIC_URL = "https://junction.example"
    receiving.forget_addresses()


@pytest.fixture
def api(owner):
    return Api(owner)


def hooked(shop, *actions, conditions=(), outputs=None, trigger=None, **members):
    trigger = {"type": "onHook", "conditions": list(conditions), **(trigger or {})}
    return shop.automation(*actions, triggers=[trigger], outputs=outputs or {}, **members)


def call(body=b'{"name": "Ada"}', **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    address = f"/hooks/{DirectHook.objects.get().token}"
    body = json.dumps(body).encode() if isinstance(body, dict) else body
    return Client().post(address, data=body, content_type="application/json", headers=named)


def test_a_call_is_accepted_at_once_and_run_by_a_worker(shop):
    hooked(shop, outputs={"hi": "Hello {{ data.name }}", "by": "{{ event.method }}", "q": "{{ event.headers['x-a'] }}"})
    answer = call(X_A="1")
    assert answer.status_code == 202
    [run] = shop.runs
    assert answer.json() == {"id": run.hex_id}
    assert (run.state, run.triggered_by) == (State.QUEUED, "hook")
    shop.work()
    run.refresh_from_db()
    assert (run.state, outputs_of(run)) == (State.SUCCEEDED, {"hi": "Hello Ada", "by": "POST", "q": "1"})


def test_a_sync_hook_answers_with_the_outputs(shop):
    hooked(shop, outputs={"hi": "Hello {{ data.name }}"}, trigger={"respond": "sync"})
    answer = call()
    assert (answer.status_code, answer.json()) == (200, {"hi": "Hello Ada"})
    [run] = shop.runs
    assert (run.state, answer.headers["Junction-Execution"]) == (State.SUCCEEDED, str(run.id))
    assert outputs_of(run) == {"hi": "Hello Ada"}


def test_a_sync_hook_tells_a_failure_and_a_wait(shop, system):
    system.routes["POST /in"] = lambda call: Answer(400, {"message": "no"})
    hooked(shop, step("callWebhook", url=f"{system.url}/in"), trigger={"respond": "sync"})
    answer = call()
    assert answer.status_code == 502
    assert "answered 400" in answer.json()["error"]
    hooked(shop, step("delay", hours=1), trigger={"respond": "sync"})
    answer = call()
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")


def test_only_what_is_signed_is_believed(shop, api, owner, monitor):
    proved = {"type": "hmac-sha256", "header": "X-Signature", "prefix": "sha256="}
    automation = hooked(shop, trigger={"security": proved})
    assert call(X_Signature="sha256=00").status_code == 401, "no secret is set yet"
    shown = api.put(f"/v1/automations/{automation.slug}/hook", {"secrets": [SECRET]})
    assert shown.status_code == 200, shown.content
    assert shown.json()["url"] == f"https://junction.example/hooks/{DirectHook.objects.get().token}"
    assert shown.json()["secrets"] == ["******"]
    good = "sha256=" + hmac.new(SECRET.encode(), b'{"name": "Ada"}', hashlib.sha256).hexdigest()
    assert call(X_Signature=good).status_code == 202
    assert call(X_Signature=good[:-1] + "x").status_code == 401
    assert len(shop.runs) == 1
    assert Api(monitor).get(f"/v1/automations/{automation.slug}/hook").status_code == 403


def test_the_address_of_another_organization_is_not_shown(shop, stranger):
    automation = hooked(shop)
    assert Api(stranger).get(f"/v1/automations/{automation.id}/hook").status_code == 404


@pytest.mark.parametrize("respond", ["sync", "accepted"])
def test_the_same_call_is_taken_once(shop, respond):
    hooked(shop, outputs={"n": "{{ data.n }}"}, trigger={"respond": respond, "id": {"path": "id"}})
    first, second = call({"id": "e1", "n": 1}), call({"id": "e1", "n": 2})
    assert call({"id": "e2", "n": 3}).status_code == first.status_code
    assert len(shop.runs) == 2
    if respond == "sync":
        assert second.json() == first.json() == {"n": 1}
    else:
        assert (second.status_code, second.json()) == (200, {**first.json(), "duplicate": True})


def trace_of(run):
    """All that an operator may find of a run."""
    data = ExecutionData.objects.get(execution=run)
    steps = Step.objects.filter(execution=run).order_by("id").values_list("path", "kind", "state", "message")
    return {
        "row": (run.kind, run.target_name, run.triggered_by, run.cause, run.state, run.reason, run.depth),
        "times": (run.started_at <= run.ended_at),
        "input": {name: value for name, value in unpack(data.input).items() if name in ("data", "event", "args")},
        "outputs": unpack(data.output, default={}),
        "run": Run.objects.values_list("automation_slug", "automation_type", "stopped", "slug").get(execution=run),
        "steps": list(steps),
        "exchanges": Exchange.objects.filter(execution=run).count(),
    }


@pytest.mark.parametrize("status", [200, 400])
def test_a_call_that_is_answered_leaves_what_an_accepted_one_leaves(shop, api, owner, system, status):
    system.routes["GET /who"] = lambda call: Answer(status, {"name": "Ada"})
    traces = []
    for respond in ("accepted", "sync"):
        hooked(
            shop, step("callWebhook", "asked", url=f"{system.url}/who", method="GET"),
            outputs={"hi": "{{ actions.asked.output.body.name }}"}, trigger={"respond": respond, "id": {"path": "id"}},
        )  # fmt: skip
        call({"id": "e1"})
        shop.work()
        [run] = shop.runs
        traces.append(trace_of(run))
        assert api.get(f"/v1/executions/{run.hex_id}").json()["triggeredBy"] == "hook"
        assert api.get("/api/v1/flow-runs").json()["items"][0]["id"] == run.hex_id
        page = signed_in(owner).get(address_of(DirectHook.objects.get())).content.decode()
        assert run.hex_id in page
        Execution.objects.all().delete()
    assert traces[0] == traces[1]
    assert traces[0]["exchanges"] == 1 and traces[0]["row"][4] == ("succeeded" if status == 200 else "failed")


@pytest.mark.parametrize("respond", ["sync", "accepted"])
def test_what_nobody_foresaw_is_found_as_a_run_that_failed(shop, kind, later, respond):
    """Also where the caller has been answered by 500, and nothing had been stored before."""

    def stumble(turn, args):
        raise RuntimeError("a fault of ours")

    kind("stumble", then=stumble, reads=True)
    hooked(shop, {"type": "stumble"}, trigger={"respond": respond})
    address = f"/hooks/{DirectHook.objects.get().token}"
    answer = Client(raise_request_exception=False).post(address, data=b"{}", content_type="application/json")
    assert answer.status_code == (500 if respond == "sync" else 202)
    for _ in range(6):
        shop.work()
        later(minutes=1)
    [run] = shop.runs
    assert run.state == State.FAILED and "a fault of ours" in run.reason


def test_a_call_that_meets_no_condition_starts_nothing(shop):
    hooked(shop, conditions=[when("data.name", "eq", "Bo")])
    answer = call()
    assert (answer.status_code, answer.json()["id"]) == (202, None)
    assert shop.runs == []


def test_a_condition_that_cannot_be_asked_is_no_lost_call(shop):
    hooked(shop, conditions=[when("data.name", "eq", "{{ 1 / 0 }}")])
    assert call().status_code == 202
    shop.work()
    [run] = shop.runs
    assert run.state == State.FAILED
    assert "conditions" in run.reason


def test_the_address_stays_through_saves_and_is_closed_while_it_is_off(shop, owner):
    automation = hooked(shop)
    token = DirectHook.objects.get().token
    hooked(shop, outputs={"a": 1})
    assert DirectHook.objects.get().token == token
    services.switch_automation(actor=owner.actor, automation=automation, active=False)
    assert call().status_code == 410
    services.switch_automation(actor=owner.actor, automation=automation, active=True)
    assert call().status_code == 202
    services.delete_automation(actor=owner.actor, automation=automation)
    assert Client().post(f"/hooks/{token}", data=b"{}", content_type="application/json").status_code == 404
    assert not DirectHook.objects.exists()


def test_a_challenge_is_answered_and_starts_nothing(shop):
    hooked(shop, trigger={"challenge": {"in": "body", "name": "challenge"}})
    answer = call({"challenge": "abc"})
    assert (answer.status_code, answer.content) == (200, b"abc")
    assert shop.runs == []


@pytest.mark.parametrize(
    ("trigger", "at"),
    [
        ({"security": {"type": "rot13"}}, "triggers[0].security.type"),
        ({"security": {"type": "hmac-sha256"}}, "triggers[0].security.header"),
        ({"challenge": {"in": "soul"}}, "triggers[0].challenge"),
        ({"respond": "later"}, "triggers[0].respond"),
    ],
)
def test_what_is_wrong_with_it_is_named_by_its_path(shop, trigger, at):
    from apps.core.errors import DomainError

    with pytest.raises(DomainError) as caught:
        hooked(shop, trigger=trigger)
    assert caught.value.field == at


def test_an_automation_has_one_address(shop):
    from apps.core.errors import ValidationErrors

    with pytest.raises(ValidationErrors) as caught:
        shop.automation(triggers=[{"type": "onHook"}, {"type": "onHook"}])
    assert "at most 1 of onHook" in str(caught.value)


def test_runs_of_one_concurrency_key_go_one_after_another(shop, kind):
    notebook = kind()
    hooked(shop, step("note", n="{{ data.n }}"), concurrencyKey="{{ data.k }}")
    for number in range(3):
        call({"k": "a", "n": number})
    shop.work()
    assert [note["n"] for note in notebook.notes] == [0, 1, 2]
    assert Execution.objects.filter(state=State.SUCCEEDED).count() == 3
