"""Components run: input checked, requests sent through the connection, writes journaled, failures told precisely."""

import base64
import json

import pytest

from apps.connections.access import open_row
from apps.connections.calls import call_component
from apps.connections.effects import Call
from apps.connections.failures import (
    AddressRefusedError,
    ComponentFailedError,
    LogicFaultError,
    TargetLimitedError,
    TargetRefusedError,
    TargetTimeoutError,
    UnreachableError,
)
from apps.connections.journal import InDoubtError, MemoryJournal
from apps.connectors.library.install import install_library
from apps.connectors.resolve import find_component, find_connector, find_version
from apps.core.errors import UnavailableError, ValidationErrors
from apps.core.gateway import MemoryRecorder, MemoryRecording, Mode
from tests.connections.making import make_action, make_connection, make_connector, make_credential, make_end_user
from tests.connections.target import serving

pytestmark = pytest.mark.django_db(transaction=True)
POST = {"steps": [{"name": "made", "request": {"method": "POST", "url": "/leads", "body": "{{ input.data }}"}}]}
POST["output"] = "{{ steps.made.body }}"


def run(organization, component, data, *, connection=None, journal=None, **options):
    version = find_version(component.component.connector)
    return call_component(
        call=Call(organization_id=organization.id, journal=journal or MemoryJournal(), **options),
        version=version,
        component=component,
        input=data,
        connection=connection,
    )


def github(name: str):
    return find_component(find_connector("github", organization_id=None), name, kind="action")


@pytest.fixture
def library(transactional_db):
    install_library()


@pytest.fixture
def hub(library, organization):
    """A fake GitHub that keeps issues, and a credential for it."""
    issues = []

    def answer(seen):
        if seen.headers.get("Authorization") != "Bearer ghp_secret":
            return 401, {}, {"message": "Bad credentials"}
        if seen.method == "POST" and seen.path.endswith("/issues"):
            issues.append({"number": len(issues) + 1, **seen.json})
            return 201, {}, issues[-1]
        if seen.method == "POST":
            return 201, {}, {"id": 7, **seen.json}
        if seen.path.startswith("/user/repos"):
            return 200, {}, [{"full_name": "acme/app"}]
        if "/issues/" in seen.path:
            number = int(seen.path.rsplit("/", 1)[1])
            found = [issue for issue in issues if issue["number"] == number]
            return (200, {}, found[0]) if found else (404, {}, {"message": "Not Found"})
        return 200, {}, issues

    with serving(answer) as target:
        target.issues = issues
        yield target


@pytest.fixture
def credential(hub, organization):
    connector = find_connector("github", organization_id=organization.id)
    return open_row(make_credential(make_end_user(organization), connector, token="ghp_secret", base=hub.url))


def test_github_issues_are_created_read_and_commented(hub, credential, organization):
    at = {"owner": "acme", "repo": "app"}
    made = run(organization, github("create_issue"), {**at, "title": "Broken"}, connection=credential)
    assert made == {"number": 1, "title": "Broken", "body": "", "labels": [], "assignees": []}
    assert hub.seen[0].path == "/repos/acme/app/issues"
    assert hub.seen[0].headers["Accept"] == "application/vnd.github+json"
    assert run(organization, github("get_issue"), {**at, "issue_number": 1}, connection=credential) == made
    assert run(organization, github("list_issues"), {**at, "state": "all"}, connection=credential) == [made]
    assert hub.seen[-1].path == "/repos/acme/app/issues?state=all"
    comment = {**at, "issue_number": 1, "body": "Same here"}
    assert run(organization, github("create_comment"), comment, connection=credential)["body"] == "Same here"
    assert run(organization, github("list_repos"), {}, connection=credential) == [{"full_name": "acme/app"}]


def test_a_refusal_is_told_in_the_connectors_own_words(hub, credential, organization):
    with pytest.raises(TargetRefusedError, match="GitHub answered 404: Not Found") as caught:
        run(organization, github("get_issue"), {"owner": "a", "repo": "b", "issue_number": 9}, connection=credential)
    assert caught.value.target_status == 404


@pytest.mark.parametrize("owner", ["../../user", "a/b", "..", "a?x=1", "a%2fb", "a b"])
def test_a_path_in_an_input_leads_nowhere_else(hub, credential, organization, owner):
    with pytest.raises(ValidationErrors, match=r"input\.owner"):
        run(organization, github("list_issues"), {"owner": owner, "repo": "repos"}, connection=credential)
    assert hub.seen == []


def test_bad_input_names_its_path_and_sends_nothing(hub, credential, organization):
    with pytest.raises(ValidationErrors) as caught:
        run(organization, github("create_issue"), {"owner": 1, "repo": "app", "labels": [2]}, connection=credential)
    assert {error.field for error in caught.value.errors} == {"input.owner", "input.title", "input.labels[0]"}
    assert hub.seen == []


def test_any_http_api_can_be_called(library, organization):
    action = find_component(find_connector("http", organization_id=organization.id), "request", kind="action")
    with serving(lambda seen: (202, {"X-Ray": "1"}, {"method": seen.method, "path": seen.path})) as target:
        sent = {"method": "PUT", "url": f"{target.url}/x", "query": {"a": [1, 2], "b": "ü"}, "body": {"n": 1}}
        got = run(organization, action, {**sent, "headers": {"X-Mine": "yes"}})
        assert got["status"] == 202
        assert got["headers"]["x-ray"] == "1"
        assert got["body"] == {"method": "PUT", "path": "/x?a=1&a=2&b=%C3%BC"}
        assert target.seen[0].headers["X-Mine"] == "yes"
        assert target.seen[0].json == {"n": 1}


def test_an_http_error_fails_unless_it_is_wanted(library, organization):
    action = find_component(find_connector("http", organization_id=organization.id), "request", kind="action")
    with serving(lambda seen: (418, {}, {"tea": True})) as target:
        with pytest.raises(ComponentFailedError, match="The target answered 418") as caught:
            run(organization, action, {"url": target.url})
        assert caught.value.status == 502
        assert run(organization, action, {"url": target.url, "failOnError": False})["status"] == 418


def test_a_webhook_is_signed_so_that_its_receiver_can_check_it(library, organization):
    from standardwebhooks import Webhook

    secret = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
    connector = find_connector("webhook", organization_id=organization.id)
    credential = open_row(make_credential(make_end_user(organization), connector, token=secret))
    action = find_component(connector, "send", kind="action")
    with serving() as target:
        got = run(
            organization,
            action,
            {"url": f"{target.url}/in", "type": "lead.created", "data": {"name": "Zoë"}},
            connection=credential,
        )
    received = target.seen[0]
    checked = Webhook(secret).verify(received.body, {name.lower(): text for name, text in received.headers.items()})
    assert checked["data"] == {"name": "Zoë"}
    assert received.headers["webhook-id"] == got["id"]
    assert "Authorization" not in received.headers


def test_credentials_stay_at_their_own_address(organization):
    connector = make_connector(organization)
    action = make_action(
        connector,
        "two",
        {
            "steps": [
                {"name": "a", "request": {"url": "/here"}},
                {"name": "b", "request": {"url": "{{ input.data.elsewhere }}"}},
            ],
            "output": 1,
        },
    )
    with serving() as home, serving() as elsewhere:
        auth = {"type": "basic", "basic": {"username": "u", "password": "pw"}}
        headers = [{"name": "X-Key", "value": "{{connection.http.encrypted.key}}"}]
        http = {"baseURI": f"{home.url}/base", "auth": auth, "headers": headers, "encrypted": {"key": "k3y"}}
        connection = open_row(make_connection(organization, http=http))
        run(organization, action, {"elsewhere": f"{elsewhere.url}/there"}, connection=connection)
    assert home.seen[0].path == "/base/here"
    assert home.seen[0].headers["Authorization"] == "Basic " + base64.b64encode(b"u:pw").decode()
    assert home.seen[0].headers["X-Key"] == "k3y"
    assert elsewhere.seen[0].path == "/there"
    assert not {"Authorization", "X-Key"} & set(elsewhere.seen[0].headers)


def test_writes_are_journaled_before_and_after(organization):
    action = make_action(make_connector(organization), "make", POST)
    journal = MemoryJournal()
    during = []
    with serving(lambda seen: (during.append(dict(journal.intents)), (201, {}, {"id": 5}))[1]) as target:
        connection = open_row(make_connection(organization, http={"baseURI": target.url}))
        assert run(organization, action, {"a": 1}, connection=connection, journal=journal) == {"id": 5}
        assert during == [{("steps[0].request", ""): "none"}]
        assert not journal.intents
        run(organization, action, {"a": 1}, connection=connection, journal=journal)  # resumed: nothing is sent again
        assert len(target.seen) == 1


def test_a_write_that_may_have_been_sent_is_in_doubt_and_not_repeated(organization):
    action = make_action(make_connector(organization), "make", POST)
    journal = MemoryJournal()
    with serving() as target:
        target.answer = lambda seen: (_ for _ in ()).throw(ConnectionResetError())  # closes without an answer
        connection = open_row(make_connection(organization, http={"baseURI": target.url}))
        with pytest.raises(UnreachableError):
            run(organization, action, {}, connection=connection, journal=journal)
        assert list(journal.doubts) == [("steps[0].request", "")]
        with pytest.raises(InDoubtError):
            run(organization, action, {}, connection=connection, journal=journal)
        assert len(target.seen) == 1


def test_a_keyed_write_is_repeated_under_the_same_key(organization):
    program = json.loads(json.dumps(POST))
    program["steps"][0]["request"]["repeat"] = "key"
    action = make_action(make_connector(organization), "make", program)
    journal = MemoryJournal()

    def answer(seen):
        if len(target.seen) <= 3:  # the call and the gateway's own two repeats
            raise ConnectionResetError
        return 201, {}, {}

    with serving(answer) as target:
        connection = open_row(make_connection(organization, http={"baseURI": target.url}))
        with pytest.raises(UnreachableError):
            run(organization, action, {}, connection=connection, journal=journal)
        run(organization, action, {}, connection=connection, journal=journal)
    keys = {seen.headers["Idempotency-Key"] for seen in target.seen}
    assert len(target.seen) == 4
    assert len(keys) == 1


def test_too_many_requests_says_when_to_come_back(organization):
    action = make_action(make_connector(organization), "make", POST)
    journal = MemoryJournal()
    with serving(lambda seen: (429, {"Retry-After": "30"}, {})) as target:
        connection = open_row(make_connection(organization, http={"baseURI": target.url}))
        for _ in range(2):  # the second is told by our own limit, without a call
            with pytest.raises(TargetLimitedError) as caught:
                run(organization, action, {}, connection=connection, journal=journal)
            assert 25 <= caught.value.retry_after <= 31
            assert caught.value.status == 429
        assert len(target.seen) == 1
        assert not journal.intents


@pytest.mark.parametrize("said", [(503, {"X-Wait": "40"}, {}), (200, {"X-Wait": "40"}, {"code": "SLOW"})])
def test_a_connection_has_its_own_way_of_saying_slower(organization, said):
    action = make_action(make_connector(organization), "get", {"steps": [{"request": {"url": "/x"}}]})
    rate = {"failStatusCode": 503, "failPath": "code", "failValues": ["SLOW"]}
    with serving(lambda seen: said) as target:
        http = {"baseURI": target.url, "rateLimit": rate, "retryHeader": "X-Wait"}
        connection = open_row(make_connection(organization, http=http))
        with pytest.raises(TargetLimitedError) as caught:
            run(organization, action, {}, connection=connection)
        assert 35 <= caught.value.retry_after <= 41
        calls = len(target.seen)
        with pytest.raises(TargetLimitedError):
            run(organization, action, {}, connection=connection)
        assert len(target.seen) == calls


def test_an_address_inside_is_refused_in_plain_words(library, organization):
    action = find_component(find_connector("http", organization_id=organization.id), "request", kind="action")
    with pytest.raises(AddressRefusedError, match=r"169\.254\.169\.254.*link-local.*JUNCTION_ALLOW_NETWORKS"):
        run(organization, action, {"url": "http://169.254.169.254/latest/meta-data"})


def test_an_unreachable_target_takes_its_connection_offline(organization):
    action = make_action(make_connector(organization), "get", {"steps": [{"request": {"url": "/x"}}]})
    row = make_connection(organization, http={"baseURI": "http://127.0.0.1:1"})
    with pytest.raises(UnreachableError):
        run(organization, action, {}, connection=open_row(row))
    row.refresh_from_db()
    assert row.offline_since is not None
    with pytest.raises(UnavailableError, match="The connection API is offline") as caught:
        run(organization, action, {}, connection=open_row(row))
    assert caught.value.retry_after > 0


def test_components_call_each_other_and_scripts(organization):
    connector = make_connector(organization)
    script = {"language": "javascript", "source": "function execute(s) { return s.input.data.a * 2 }"}
    make_action(connector, "double", script)
    request = {"method": "POST", "url": "/{{ input.data.n }}"}
    inner = {"steps": [{"name": "made", "request": request}], "output": "{{ steps.made.body }}"}
    make_action(connector, "inner", inner)
    outer = make_action(
        connector,
        "outer",
        {
            "steps": [
                {"name": "twice", "call": {"component": "double", "input": {"a": 21}}},
                {
                    "name": "all",
                    "each": [1, 2],
                    "steps": [{"name": "one", "call": {"component": "inner", "input": {"n": "{{ item }}"}}}],
                    "output": "{{ steps.one }}",
                },
            ],
            "output": ["{{ steps.twice }}", "{{ steps.all }}"],
        },
    )
    journal = MemoryJournal()
    with serving(lambda seen: (200, {}, seen.path)) as target:
        connection = open_row(make_connection(organization, http={"baseURI": target.url}))
        got = run(organization, outer, {}, connection=connection, journal=journal)
        assert got == [42, ["/1", "/2"]]
        nested = [key for key in journal.outcomes if key[0].endswith("/steps[0].request")]
        assert sorted(iteration for _, iteration in nested) == ["0/", "1/"]
        kept = {key: value for key, value in journal.outcomes.items() if "/" in key[0]}
        again = run(organization, outer, {}, connection=connection, journal=MemoryJournal(kept))
        assert again == got
        assert len(target.seen) == 2


def test_components_that_call_themselves_end(organization):
    connector = make_connector(organization)
    action = make_action(connector, "loop", {"steps": [{"call": "loop"}]})
    with pytest.raises(LogicFaultError, match="more than 8 deep"):
        run(organization, action, {})


def test_a_connectors_functions_and_variables_are_at_hand(organization):
    from apps.connectors import services

    connector = make_connector(organization)
    source = "function execute(name) { return name.toUpperCase() }"
    make_action(connector, "shout", {"language": "javascript", "source": source}, kind="function")
    services.create_component(
        connector=connector, kind="variable", name="greeting", document={"value": "Hello"}, published=True
    )
    action = make_action(connector, "greet", {"output": "{{ vars.greeting }} {{ fn.shout(input.data.name) }}"})
    assert run(organization, action, {"name": "ada"}) == "Hello ADA"


def test_failures_of_programs_name_the_step(organization):
    connector = make_connector(organization)
    thrown = make_action(
        connector, "thrown", {"language": "javascript", "source": "function execute() { throw Error('no') }"}
    )
    with pytest.raises(LogicFaultError, match=r"crm\.thrown: .*no"):
        run(organization, thrown, {})
    failed = make_action(connector, "failed", {"steps": [{"fail": {"message": "Gone", "status": 410, "code": "gone"}}]})
    with pytest.raises(ComponentFailedError, match="Gone") as caught:
        run(organization, failed, {})
    assert (caught.value.status, caught.value.code) == (410, "gone")
    odd = make_action(connector, "odd", {"output": "{{ 1 / 0 }}"})
    with pytest.raises(LogicFaultError, match=r"crm\.odd: output"):
        run(organization, odd, {})


def test_an_output_that_breaks_its_schema_is_not_passed_on(organization):
    output = {"type": "object", "properties": {"id": {"type": "integer"}}}
    action = make_action(make_connector(organization), "odd", {"output": {"id": "x"}}, output=output)
    with pytest.raises(LogicFaultError, match=r"output\.id"):
        run(organization, action, {})


def test_a_plan_reads_for_real_and_captures_writes(organization):
    action = make_action(
        make_connector(organization),
        "both",
        {
            "steps": [
                {"name": "found", "request": {"url": "/found"}},
                {"name": "made", "request": {"method": "POST", "url": "/made", "body": "{{ steps.found.body }}"}},
            ],
            "output": "{{ steps.made.body.id }}",
        },
    )
    recorder, journal = MemoryRecorder(), MemoryJournal()
    with serving(lambda seen: (200, {}, {"seen": seen.path})) as target:
        connection = open_row(make_connection(organization, http={"baseURI": target.url}))
        got = run(organization, action, {}, connection=connection, mode=Mode.PLAN, recorder=recorder, journal=journal)
        assert "$planned" in json.dumps(got)
        assert [seen.method for seen in target.seen] == ["GET"]
    assert [(one.method, one.planned) for one in recorder.exchanges] == [("GET", False), ("POST", True)]
    assert recorder.exchanges[1].request_body == '{"seen":"/found"}'
    assert not journal.intents


def test_a_replay_answers_from_the_recording(organization):
    action = make_action(make_connector(organization), "make", POST)
    recorder = MemoryRecorder()
    with serving(lambda seen: (201, {}, {"id": 5})) as target:
        auth = {"type": "token", "token": {"token": "t0psecret"}}
        connection = open_row(make_connection(organization, http={"baseURI": target.url, "auth": auth}))
        run(organization, action, {"a": 1}, connection=connection, recorder=recorder)
    assert "t0psecret" not in repr(recorder.exchanges)
    again = run(
        organization,
        action,
        {"a": 1},
        connection=connection,
        mode=Mode.REPLAY,
        recording=MemoryRecording(recorder.exchanges),
    )
    assert again == {"id": 5}


def test_a_slow_target_is_a_timeout_not_a_hang(organization, monkeypatch):
    monkeypatch.setattr("apps.connections.effects.TIMEOUT", 0.3)
    action = make_action(make_connector(organization), "get", {"steps": [{"request": {"url": "/x"}}]})
    with serving(seconds=2.0) as target:
        connection = open_row(make_connection(organization, http={"baseURI": target.url}))
        with pytest.raises(TargetTimeoutError, match=r"within 0\.3 s"):
            run(organization, action, {}, connection=connection)
