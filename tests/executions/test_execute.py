"""POST /v1/execute over a real socket, against third parties on loopback."""

import http.client
import json
import threading
import time
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import pytest
from django.db import connection

from apps.accounts.models import EndUser
from apps.connections.models import Connection
from apps.connectors.library.install import install_library
from apps.connectors.models import Connector
from apps.connectors.resolve import find_connector
from apps.core.ids import hex24
from apps.executions.models import Exchange, Execution, ExecutionData, Step
from apps.executions.payloads import unpack
from apps.work import drain
from apps.work.models import WorkItem
from tests.connections.making import make_action, make_connector, make_credential, make_end_user
from tests.connections.target import serving

NEW_ISSUE = {"owner": "acme", "repo": "app", "title": "Broken"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Caller:
    """One person's calls to the served application."""

    base: str
    headers: dict[str, str]

    def execute(self, action: str = "", *, connector: str = "github", headers=None, query=None, **body) -> Answer:
        sent = {"@type": "action", "connector": connector, "connectorVersion": "1.0.0", "action": action, **body}
        sent = {name: value for name, value in sent.items() if value is not None}
        address = "/v1/execute?" + urlencode(query if query is not None else {"userId": "ada@example.com"})
        return self.post(address, json.dumps(sent).encode(), headers or {})

    def post(self, address: str, body: bytes, headers: dict[str, str]) -> Answer:
        opened = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=30)
        opened.request("POST", address, body, {"Content-Type": "application/json", **self.headers, **headers})
        response = opened.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read())
        opened.close()
        return answer


@pytest.fixture
def caller(served, owner) -> Caller:
    install_library()
    return Caller(served, owner.headers)


@pytest.fixture
def hub():
    """A fake GitHub that keeps issues."""
    issues = []

    def answer(seen):
        if seen.headers.get("Authorization") != "Bearer ghp_secret":
            return 401, {}, {"message": "Bad credentials"}
        if seen.method == "POST":
            issues.append({"number": len(issues) + 1, **seen.json})
            return 201, {}, issues[-1]
        return 200, {}, issues[int(seen.path.rsplit("/", 1)[1]) - 1]

    with serving(answer) as target:
        yield target


@pytest.fixture
def ada(caller, organization) -> EndUser:
    return make_end_user(organization)


@pytest.fixture
def credential(hub, ada) -> Connection:
    return make_credential(ada, github(ada), token="ghp_secret", base=hub.url)


def github(end_user: EndUser) -> Connector:
    return find_connector("github", organization_id=end_user.organization_id)


def test_an_issue_is_created_and_read_back(caller, hub, credential):
    made = caller.execute("create_issue", input=NEW_ISSUE)
    assert (made.status, made.json) == (
        200,
        {"number": 1, "title": "Broken", "body": "", "labels": [], "assignees": []},
    )
    read = caller.execute("get_issue", input={"owner": "acme", "repo": "app", "issue_number": 1}, actionVersion="1.0.0")
    assert read.json == made.json
    assert [seen.method for seen in hub.seen] == ["POST", "GET"]


def test_every_call_is_an_execution_with_its_exchanges(caller, hub, credential, owner):
    caller.execute("create_issue", input=NEW_ISSUE)
    execution = Execution.objects.get()
    assert (execution.state, execution.kind, execution.target_name) == ("succeeded", "action", "github.create_issue")
    assert execution.triggered_by == str(owner.user.id)
    data = ExecutionData.objects.get(execution=execution)
    assert unpack(data.input)["input"] == NEW_ISSUE
    assert unpack(data.output)["number"] == 1
    step = Step.objects.get(effect="none")
    assert (step.state, step.path) == ("succeeded", "steps[0].request")
    exchange = Exchange.objects.get()
    assert (exchange.method, exchange.status) == ("POST", 201)
    assert "ghp_secret" not in json.dumps(unpack(exchange.detail))
    assert not WorkItem.objects.exists()


def test_a_read_stores_nothing_until_it_is_done(caller, organization):
    make_action(make_connector(organization), "get", {"steps": [{"request": {"url": "{{ input.data.url }}"}}]})
    rows = []
    with serving(lambda seen: (rows.append(count_rows()), (200, {}, {}))[1]) as target:
        assert caller.execute("get", connector="crm", input={"url": target.url}, query={}).status == 200
    assert rows == [0]
    assert Execution.objects.get().state == "succeeded"


def test_a_write_is_stored_and_held_before_it_is_sent(caller, organization):
    program = {"steps": [{"request": {"method": "POST", "url": "{{ input.data.url }}"}}]}
    make_action(make_connector(organization), "post", program)
    seen_rows = []

    def answer(seen):
        execution = Execution.objects.get()
        item = WorkItem.objects.get(target_id=execution.id)
        seen_rows.append((execution.state, item.lease_until is not None, Step.objects.get().state))
        connection.close()
        return 200, {}, {}

    with serving(answer) as target:
        assert caller.execute("post", connector="crm", input={"url": target.url}, query={}).status == 200
    assert seen_rows == [("running", True, "intent")]


def count_rows() -> int:
    found = Execution.objects.count()
    connection.close()
    return found


WRONG = [
    ({"connector": "nope"}, 404, "Connector nope was not found"),
    ({"connectorVersion": "9.9.9"}, 404, "Connector github has no version 9.9.9"),
    ({"action": "nope"}, 404, "Action nope was not found in github"),
    ({"actionVersion": "9"}, 404, "The action create_issue has no version 9"),
    ({"userCredentialId": "6b01414-f3e8-468b-ad27-0388dc0bee5c"}, 404, "Credential 6b01414"),
    ({"query": {"userId": "nobody"}}, 404, "User nobody was not found"),
    ({"query": {}}, 400, "userId is required"),
    ({"@type": "trigger"}, 422, "@type must be action"),
    ({"@type": None}, 400, "@type is required"),
    ({"connectorVersion": None}, 400, "connectorVersion is required"),
    ({"input": {"owner": "acme", "repo": 1, "title": "x"}}, 422, "input.repo"),
    ({"input": {"owner": "acme", "repo": "app"}}, 422, "input.title"),
    ({"input": {**NEW_ISSUE, "labels": ["a", 2]}}, 422, "input.labels[1]"),
    ({"input": {**NEW_ISSUE, "colour": "red"}}, 422, "colour"),
    ({"input": "text"}, 422, "input:"),
]


@pytest.mark.usefixtures("credential")
def test_what_is_wrong_is_named(caller, hub):
    for change, status, words in WRONG:
        answer = caller.execute(**{"action": "create_issue", "input": NEW_ISSUE, **change})
        assert answer.status == status, change
        assert words in answer.json["error"]
        assert list(answer.json) == ["error"]
    assert hub.seen == []


def test_a_body_that_is_no_call_is_refused(caller):
    for body in (b"", b"[]", b"7", b"{", b'{"@type": "action"}', b"\xff"):
        answer = caller.post("/v1/execute", body, {})
        assert answer.status == 400, body
        assert answer.json["error"]


def test_calls_need_a_key_and_a_right(caller, served):
    assert Caller(served, {}).execute("create_issue").status == 401
    assert Caller(served, {"Authorization": "Bearer default"}).execute("create_issue").status == 401


def test_anothers_connector_and_credential_are_unknown(caller, hub, credential, stranger, served):
    umbrella = make_connector(stranger.organization, name="secret-crm")
    make_action(umbrella, "get", {"output": 1})
    for text in ("secret-crm", str(umbrella.id), hex24(umbrella.id)):
        assert caller.execute("get", connector=text).status == 404
    theirs = Caller(served, stranger.headers)
    assert theirs.execute("get", connector="secret-crm", query={}).json == 1
    assert theirs.execute("create_issue", input=NEW_ISSUE).status == 404  # ada is not their user
    bob = make_end_user(stranger.organization, "bob")
    assert bob.pk
    taken = theirs.execute(
        "create_issue", input=NEW_ISSUE, query={"userId": "bob"}, userCredentialId=str(credential.id)
    )
    assert taken.status == 404
    assert hub.seen == []


def test_the_newest_credential_is_used_unless_one_is_named(caller, hub, ada, credential):
    make_credential(ada, github(ada), token="wrong", base=hub.url, name="newer")
    assert caller.execute("create_issue", input=NEW_ISSUE).status == 502
    named = caller.execute("create_issue", input=NEW_ISSUE, userCredentialId=str(credential.id))
    assert named.status == 200
    by_query = {"userId": str(ada.id), "userCredentialId": hex24(credential.id)}
    assert caller.execute("create_issue", input=NEW_ISSUE, query=by_query).status == 200


def test_a_user_without_credential_is_told_so(caller, ada):
    answer = caller.execute("create_issue", input=NEW_ISSUE)
    assert answer.status == 422
    assert "has no credential for the connector github" in answer.json["error"]


def test_a_refusal_of_the_target_is_told_with_its_words(caller, hub, ada):
    make_credential(ada, github(ada), token="wrong", base=hub.url)
    answer = caller.execute("create_issue", input=NEW_ISSUE)
    assert (answer.status, answer.json) == (502, {"error": "GitHub answered 401: Bad credentials"})
    assert Execution.objects.get().state == "failed"


def test_too_many_requests_are_passed_on_with_the_time_to_wait(caller, ada):
    with serving(lambda seen: (429, {"Retry-After": "20"}, {})) as target:
        make_credential(ada, github(ada), token="t", base=target.url)
        for _ in range(2):
            answer = caller.execute("create_issue", input=NEW_ISSUE)
            assert answer.status == 429
            assert 15 <= int(answer.headers["Retry-After"]) <= 21
        assert len(target.seen) == 1


def test_an_address_inside_is_refused_in_plain_words(caller):
    asked = {"url": "http://10.0.0.1/"}
    answer = caller.execute("request", connector="http", input=asked, query={})
    assert answer.status == 422
    assert "10.0.0.1, a private address" in answer.json["error"]


def test_an_unreachable_target_is_a_bad_gateway_then_offline(caller, ada):
    make_credential(ada, github(ada), token="t", base="http://127.0.0.1:1")
    assert caller.execute("create_issue", input=NEW_ISSUE).status == 502
    answer = caller.execute("create_issue", input=NEW_ISSUE)
    assert answer.status == 503
    assert "offline" in answer.json["error"]
    assert int(answer.headers["Retry-After"]) > 0


def test_an_idempotency_key_has_one_effect(caller, hub, credential):
    headers = {"Idempotency-Key": "k-1"}
    first = caller.execute("create_issue", input=NEW_ISSUE, headers=headers)
    again = caller.execute("create_issue", input=NEW_ISSUE, headers=headers)
    assert (first.status, again.status, again.json) == (200, 200, first.json)
    assert len(hub.seen) == 1
    other = caller.execute("create_issue", input={**NEW_ISSUE, "title": "Other"}, headers=headers)
    assert other.status == 422


def test_a_call_is_answered_later_when_it_prefers_so(caller, hub, credential):
    answer = caller.execute("create_issue", input=NEW_ISSUE, headers={"Prefer": "respond-async"})
    assert answer.status == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    execution = Execution.objects.get(pk=uuid.UUID(answer.json["id"]))
    assert execution.state == "queued"
    assert hub.seen == []
    drain_all()
    execution.refresh_from_db()
    assert execution.state == "succeeded"
    assert unpack(ExecutionData.objects.get(execution=execution).output)["number"] == 1
    assert len(hub.seen) == 1


def drain_all() -> None:
    deadline = time.monotonic() + 20
    while WorkItem.objects.filter(kind="execution").exists():
        if not drain.drain("interactive"):
            time.sleep(0.05)
        assert time.monotonic() < deadline


def test_a_call_whose_process_dies_is_ended_in_doubt_and_not_sent_again(caller, organization, hub, credential):
    """The write has reached its target, the process is gone: the claim lapses and a worker takes it up."""
    begun, go_on = threading.Event(), threading.Event()
    ordinary = hub.answer

    def answer(seen):
        begun.set()
        go_on.wait(20)
        return ordinary(seen)

    hub.answer = answer
    late = []

    def call():
        try:
            late.append(caller.execute("create_issue", input=NEW_ISSUE))
        finally:
            connection.close()

    thread = threading.Thread(target=call)
    thread.start()
    assert begun.wait(20)
    lapse()
    drain_all()
    execution = Execution.objects.get()
    assert execution.state == "failed"
    assert execution.reason.startswith("in doubt: interrupted")
    assert Step.objects.get(effect="none").state == "in_doubt"
    go_on.set()
    thread.join(20)
    assert late[0].status == 409  # it came back after its lease: it may not say that it has succeeded
    assert len(hub.seen) == 1


def lapse() -> None:
    """As if the process that holds everything had died a minute ago."""
    WorkItem.objects.update(due_at="2020-01-01T00:00:00Z", lease_until="2020-01-01T00:00:00Z")


def test_a_worker_that_takes_over_sends_no_write_twice(caller, organization, owner):
    program = {
        "steps": [
            {"name": "a", "request": {"method": "POST", "url": "{{ input.data.url }}/a"}},
            {"name": "b", "request": {"method": "POST", "url": "{{ input.data.url }}/b", "repeat": "key"}},
        ],
        "output": "{{ steps.b.body }}",
    }
    make_action(make_connector(organization), "two", program)

    def answer(seen):
        if seen.path == "/b" and len(target.seen) <= 4:  # the first turn's call and its repeats
            raise ConnectionResetError
        return 200, {}, {"path": seen.path}

    with serving(answer) as target:
        headers = {"Prefer": "respond-async"}
        sent = caller.execute("two", connector="crm", input={"url": target.url}, query={}, headers=headers)
        execution = Execution.objects.get(pk=uuid.UUID(sent.json["id"]))
        drain_all()
        execution.refresh_from_db()
        assert execution.state == "failed"
        assert [seen.path for seen in target.seen] == ["/a", "/b", "/b", "/b"]
        assert len({seen.headers["Idempotency-Key"] for seen in target.seen[1:]}) == 1


def test_an_execution_that_a_worker_resumes_skips_what_is_done(caller, organization):
    program = {
        "steps": [
            {"name": "a", "request": {"method": "POST", "url": "{{ input.data.url }}/a"}},
            {"name": "b", "request": {"method": "POST", "url": "{{ input.data.url }}/b"}},
        ],
        "output": ["{{ steps.a.body }}", "{{ steps.b.body }}"],
    }
    make_action(make_connector(organization), "two", program)
    calls = []

    def answer(seen):
        calls.append(seen.path)
        if calls == ["/a", "/b"]:
            return 429, {"Retry-After": "3"}, {}  # the execution waits, as a due row
        return 200, {}, seen.path

    with serving(answer) as target:
        sent = caller.execute(
            "two", connector="crm", input={"url": target.url}, query={}, headers={"Prefer": "respond-async"}
        )
        execution = Execution.objects.get(pk=uuid.UUID(sent.json["id"]))
        drain_all()
    execution.refresh_from_db()
    assert execution.state == "succeeded", execution.reason
    assert calls == ["/a", "/b", "/b"]
    assert unpack(ExecutionData.objects.get(execution=execution).output) == ["/a", "/b"]
