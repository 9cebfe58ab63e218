"""Actions and datatypes run by path: envelopes, ids in every spelling, who runs on whose credential, repeats."""

from urllib.parse import quote

import pytest

from apps.core.ids import hex24
from apps.executions.models import Execution, State
from tests.api import Api
from tests.connections.making import make_action, make_connector, make_credential, make_end_user
from tests.connections.target import serving

pytestmark = pytest.mark.django_db
GREET = {"output": "Hello {{ input.data.name }}"}
NAME = {"type": "object", "properties": {"name": {"type": "string", "x-required": True}}}


@pytest.fixture
def crm(organization):
    return make_connector(organization)


@pytest.fixture
def api(owner):
    return Api(owner)


def execute(api, path: str, body=None, *, query: str = "", **headers):
    return api.post(f"/v1/connector/{path}/execute{query}", {} if body is None else body, **headers)


def test_an_action_answers_its_input_beside_its_output(api, crm):
    make_action(crm, "email.draft.create", GREET, variables=NAME)
    answer = execute(api, "crm/action/email.draft.create", {"name": "Ada"}, query="?userId=")
    assert (answer.status_code, answer.json()) == (200, {"input": {"name": "Ada"}, "output": "Hello Ada"})
    execution = Execution.objects.get()
    assert answer["Junction-Execution"] == str(execution.id)
    assert (execution.kind, execution.target_name, execution.state) == ("action", "crm.email.draft.create", "succeeded")


def test_ids_are_taken_in_each_spelling(api, crm):
    version = make_action(crm, "greet", GREET)
    for connector in ("crm", str(crm.id), hex24(crm.id)):
        for action in ("greet", str(version.id), str(version.component_id), hex24(version.id)):
            assert execute(api, f"{connector}/action/{action}", {"name": "A"}).status_code == 200
    ada = make_end_user(crm.organization, "ada.lovelace+1@example.com")
    for user in ("ada.lovelace%2B1@example.com", "ada.lovelace%2B1%40example.com", str(ada.id), hex24(ada.id)):
        assert execute(api, "crm/action/greet", {"name": "A"}, query=f"?userId={user}").status_code == 200


@pytest.mark.parametrize("text", ["nope", "1.0.0", "6b01414-f3e8-468b-ad27-0388dc0bee5c", "%00", "-" * 36, "٣" * 24])
def test_what_names_nothing_is_404(api, crm, text):
    make_action(crm, "greet", GREET)
    for path in (f"{text}/action/greet", f"crm/action/{text}", f"crm/datatype/{text}"):
        answer = execute(api, path)
        assert answer.status_code == 404, path
        assert list(answer.json()) == ["error"]
    for parameter in ("userId", "userCredentialId"):
        assert execute(api, "crm/action/greet", query=f"?{parameter}={quote(text, safe='%')}").status_code in (400, 404)
    assert not Execution.objects.exists()


def test_input_is_checked_and_the_member_named(api, crm):
    make_action(crm, "greet", GREET, variables=NAME)
    wrong = execute(api, "crm/action/greet", {"name": 5})
    assert (wrong.status_code, "input.name" in wrong.json()["error"]) == (422, True)
    assert "input.name" in execute(api, "crm/action/greet").json()["error"]
    for body in (b"[]", b'"x"', b"7", b"{"):
        assert execute(api, "crm/action/greet", body).status_code == 400


def test_output_that_breaks_its_schema_is_no_answer(api, crm):
    output = {"type": "object", "properties": {"id": {"type": "integer"}}}
    make_action(crm, "odd", {"output": {"id": "x"}}, output=output)
    answer = execute(api, "crm/action/odd")
    assert answer.status_code == 422
    assert "crm.odd gave what its schema does not allow: output.id" in answer.json()["error"]
    assert Execution.objects.get().state == State.FAILED


def test_a_datatype_wraps_its_input_on_the_way_in_as_well(api, crm):
    make_action(crm, "country", {"output": {"of": "{{ input.data }}"}}, kind="datatype")
    answer = execute(api, "crm/datatype/country", {"input": {"continent": "EU"}})
    assert answer.json() == {"input": {"continent": "EU"}, "output": {"of": {"continent": "EU"}}}
    assert execute(api, "crm/datatype/country").json() == {"input": {}, "output": {"of": {}}}
    assert execute(api, "crm/datatype/country", {"input": [1]}).json() == {"error": "input must be an object."}
    assert Execution.objects.values_list("kind", flat=True).distinct().get() == "datatype"


def test_kinds_are_not_mixed_up(api, crm):
    make_action(crm, "greet", GREET)
    make_action(crm, "country", GREET, kind="datatype")
    assert execute(api, "crm/action/country").status_code == 404
    assert execute(api, "crm/datatype/greet").status_code == 404


def test_a_connector_that_is_switched_off_runs_nothing(api, crm):
    make_action(crm, "greet", GREET)
    make_action(crm, "greet", GREET, kind="datatype")
    crm.enabled = False
    crm.save()
    assert execute(api, "crm/action/greet").status_code == 409
    assert execute(api, "crm/datatype/greet").status_code == 409


def test_monitors_run_strangers_find_nothing_nobody_is_let_in(crm, monitor, stranger):
    make_action(crm, "greet", GREET)
    assert execute(Api(monitor), "crm/action/greet").status_code == 200
    assert execute(Api(stranger), "crm/action/greet").status_code == 404
    assert execute(Api(), "crm/action/greet").status_code == 401


SEND = {"steps": [{"name": "made", "request": {"method": "POST", "url": "/x"}}], "output": "{{ steps.made.body }}"}


@pytest.fixture
def hub(crm):
    """A connector whose users hold tokens; the target answers which token came."""
    from apps.connectors import services

    services.create_security(connector=crm, name="token", type="apiKey")
    make_action(crm, "send", SEND)
    with serving(lambda seen: (200, {}, seen.headers.get("Authorization"))) as target:
        yield target


@pytest.mark.django_db(transaction=True)
def test_the_credential_is_the_named_one_else_the_newest(api, crm, hub, stranger):
    ada = make_end_user(crm.organization)
    assert execute(api, "crm/action/send").status_code == 400
    assert "has no credential" in execute(api, "crm/action/send", query="?userId=ada@example.com").json()["error"]
    first = make_credential(ada, crm, token="first", base=hub.url)
    make_credential(ada, crm, token="second", base=hub.url)
    mine = "?userId=ada@example.com"
    assert execute(api, "crm/action/send", query=mine).json()["output"] == "Bearer second"
    for credential in (str(first.id), hex24(first.id)):
        chosen = execute(api, "crm/action/send", query=f"{mine}&userCredentialId={credential}")
        assert chosen.json()["output"] == "Bearer first"
    other = make_end_user(crm.organization, "bob")
    assert other.pk
    assert execute(api, "crm/action/send", query=f"?userId=bob&userCredentialId={first.id}").status_code == 404
    make_end_user(stranger.organization, "ada@example.com")
    assert execute(Api(stranger), "crm/action/send", query=mine).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_key_has_one_effect_by_path_too(api, crm, hub):
    make_credential(make_end_user(crm.organization), crm, token="t", base=hub.url)
    mine, key = "?userId=ada@example.com", {"Idempotency_Key": "k-1"}
    first = execute(api, "crm/action/send", {"a": 1}, query=mine, **key)
    again = execute(api, "crm/action/send", {"a": 1}, query=mine, **key)
    assert (again.status_code, again.content, again["Idempotent-Replayed"]) == (200, first.content, "true")
    assert len(hub.seen) == 1
    assert execute(api, "crm/action/send", {"a": 2}, query=mine, **key).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_waits_are_passed_on_with_their_time(api, crm, hub):
    make_credential(make_end_user(crm.organization), crm, token="t", base=hub.url)
    hub.answer = lambda seen: (429, {"Retry-After": "20"}, {})
    for _ in range(2):
        answer = execute(api, "crm/action/send", query="?userId=ada@example.com")
        assert answer.status_code == 429
        assert 15 <= int(answer["Retry-After"]) <= 21
    assert len(hub.seen) == 1


@pytest.mark.django_db(transaction=True)
def test_a_caller_who_prefers_so_is_answered_later(api, crm):
    from tests.executions.test_execute import drain_all

    make_action(crm, "country", {"output": ["FI"]}, kind="datatype")
    answer = execute(api, "crm/datatype/country", Prefer="respond-async")
    assert (answer.status_code, answer["Preference-Applied"]) == (202, "respond-async")
    drain_all()
    execution = Execution.objects.get(pk=answer.json()["id"])
    assert (execution.state, execution.kind) == ("succeeded", "datatype")
