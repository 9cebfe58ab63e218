"""POST /v1/test/logic: stored logic tried out. Reads are real, writes are not sent."""

import pytest

from apps.connections.models import Connection
from apps.connectors import services
from apps.executions.models import Exchange, Execution
from tests.api import Api
from tests.connections.making import make_action, make_connector, make_credential, make_end_user
from tests.connections.target import serving

pytestmark = pytest.mark.django_db
PROGRAM = {
    "steps": [
        {"name": "sum", "set": {"total": "{{ input.data.a + input.data.b }}"}},
        {"branch": [{"when": "{{ vars.total > 10 }}", "steps": [{"return": "much"}]}]},
    ],
    "output": {"total": "{{ steps.sum.total }}", "of": {"@type": "reference", "operation": "source", "path": ["who"]}},
}


@pytest.fixture
def crm(organization):
    return make_connector(organization, logic={"auth": {"output": {"headers": {"X-A": "{{ input.data.a }}"}}}})


@pytest.fixture
def action(crm):
    return make_action(crm, "add", PROGRAM, variables={"type": "object", "required": ["a", "b"]})


@pytest.fixture
def api(owner):
    return Api(owner)


def test_a_stored_program_runs_and_answers_its_bare_value(api, action):
    body = {"table": "ActionVersion", "id": str(action.id), "data": {"a": 1, "b": 2}, "source": [["who", "ada"]]}
    for address in ("/v1/test/logic", "/v1/test"):
        answer = api.post(address, body)
        assert (answer.status_code, answer.json()) == (200, {"total": 3, "of": "ada"})
    execution = Execution.objects.first()
    assert (execution.kind, execution.mode, execution.state) == ("logic", "plan", "succeeded")
    assert (
        api.post("/v1/test/logic", {**body, "id": action.component.hex_id, "data": {"a": 9, "b": 9}}).json() == "much"
    )
    assert "input.b" in api.post("/v1/test/logic", {**body, "data": {"a": 1}}).json()["error"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ([["logic", "execute"]], {"total": 3, "of": None}),
        ([["execute", "output", "total"]], 7),
        ([["logic", "execute", "steps", 0]], {"total": 3}),
        ([["logic", "execute", "steps", 1, "branch", 0, "when"]], False),
        ([["logic", "execute", "steps"]], None),
        (["logic", "execute", "output", "total"], 7),
        ([["execute", "output", "total"], ["execute", "steps", "0", "set"]], [7, {"total": 3}]),
    ],
)
def test_a_part_of_it_runs_with_what_went_before(api, action, path, value):
    source = [["sum", {"total": 7}]]
    program = {**PROGRAM, "steps": [PROGRAM["steps"][0], {"set": {"done": True}, "when": "{{ vars.total > 10 }}"}]}
    if "branch" in str(path):
        program = {**program, "steps": [program["steps"][0], {"branch": [{"when": "{{ 1 > 2 }}", "steps": []}]}]}
    services.create_component_version(component=action.component, version="2", logic={"execute": program})
    newest = action.component.versions.get(name="2.0.0")
    body = {"table": "ActionVersion", "id": str(newest.id), "data": {"a": 1, "b": 2}}
    answer = api.post("/v1/test/logic", {**body, "record_path": path, "source": source})
    assert (answer.status_code, answer.json()) == (200, value)


def test_each_kind_has_its_hook(api, crm):
    yes = {"output": "{{ input.data.n > 1 }}"}
    condition = make_action(crm, "many", yes, kind="condition")
    script = {"language": "javascript", "source": "function execute(s) { return s.n * 2 }"}
    function = make_action(crm, "double", script, kind="function")
    trigger = services.create_component(
        connector=crm, kind="trigger", name="new", logic={"create": {"output": 1}, "trigger": {"output": 2}}
    )
    event = services.create_component(connector=crm, kind="event", name="hook", logic={"route": {"output": ["a"]}})
    version = crm.versions.get()
    for table, row, value in (
        ("ConditionVersion", condition, True),
        ("FunctionVersion", function, 6),
        ("TriggerVersion", trigger, 2),
        ("EventVersion", event, ["a"]),
        ("ConnectorVersion", version, {"headers": {"X-A": None}}),
    ):
        answer = api.post("/v1/test/logic", {"table": table, "id": str(row.id), "data": {"n": 3}})
        assert (answer.status_code, answer.json()) == (200, value), table


def test_a_record_that_is_not_stored_may_be_tried_by_who_may_edit(api, monitor):
    body = {"data": {"logic": {"execute": {"output": "{{ input.data.n + 1 }}"}}, "data": {"n": 1}}}
    assert api.post("/v1/test/logic", body).json() == 2
    assert Api(monitor).post("/v1/test/logic", body).status_code == 403


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"table": "User"}, 422, "table must be one of"),
        ({"table": 5}, 422, "table must be text"),
        ({"id": "x"}, 404, "ActionVersion x was not found"),
        ({"id": None}, 404, "was not found"),
        ({"table": "EventVersion"}, 404, "was not found"),
        ({"table": None, "id": None, "data": {}}, 422, "data must be a record with logic"),
        ({"table": None, "id": None, "data": {"logic": {"execute": {"steps": [5]}}}}, 422, "logic.execute.steps[0]"),
        ({"record_path": 5}, 422, "record_path must be a list"),
        ({"record_path": [[]]}, 422, "record_path[0] must be"),
        ({"record_path": [["execute", {}]]}, 422, "record_path[0] must be"),
        ({"record_path": [["execute", "nope"]]}, 422, "logic.execute.nope leads to nothing"),
        ({"source": {}}, 422, "source must be a list"),
        ({"source": [["a"]]}, 422, "source[0] must be"),
    ],
)
def test_what_cannot_be_tried_is_said(api, action, change, status, words):
    body = {"table": "ActionVersion", "id": str(action.id), "data": {"a": 1, "b": 2}, **change}
    answer = api.post("/v1/test/logic", body)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.json()


def test_anothers_logic_is_unknown(action, stranger):
    answer = Api(stranger).post("/v1/test/logic", {"table": "ActionVersion", "id": str(action.id)})
    assert answer.status_code == 404


@pytest.mark.django_db(transaction=True)
def test_reads_are_real_and_writes_are_kept_back(api, crm):
    program = {
        "steps": [
            {"name": "found", "request": {"url": "/found"}},
            {"name": "made", "request": {"method": "POST", "url": "/made", "body": "{{ steps.found.body }}"}},
        ],
        "output": ["{{ steps.found.body }}", "{{ steps.made.body.id }}"],
    }
    services.create_security(connector=crm, name="token", type="apiKey")
    row = make_action(crm, "both", program)
    with serving(lambda seen: (200, {}, seen.headers.get("Authorization"))) as target:
        make_credential(make_end_user(crm.organization), crm, token="t", base=target.url)
        body = {"table": "ActionVersion", "id": str(row.id)}
        answer = api.post("/v1/test/logic?userId=ada@example.com", body)
        assert answer.status_code == 200
        found, made = answer.json()
        assert found == "Bearer t"
        assert "$planned" in str(made)
        assert [seen.method for seen in target.seen] == ["GET"]
    assert list(Exchange.objects.order_by("id").values_list("method", "planned")) == [("GET", False), ("POST", True)]
    assert Connection.objects.get().offline_since is None
