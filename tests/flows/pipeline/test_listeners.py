"""Records that come to a flow: listeners and how their callers prove themselves, uploads; and marking what was read."""

import base64
import hashlib
import hmac
import json

import pytest
from django.test import Client

from apps.core.clock import now
from apps.core.ids import hex24
from apps.executions.models import Execution, RecordError
from apps.flows.models import OnceMark, Upload
from tests.api import Api, codes_of, fields_of
from tests.flows.pipeline.test_files_and_sql import rows, sql_export, sqlite, table
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer


@pytest.fixture
def api(workshop):
    return Api(workshop.owner, prefix="/v1")


@pytest.fixture
def listener(api, workshop, system):
    """Makes a listener with these rules and a flow behind it; gives its address."""
    system.take("/sink")

    def make(**webhook):
        answer = api.post("/exports", {"name": "listen", "type": "webhook", "webhook": webhook})
        assert answer.status_code == 201, answer.content
        sink = hex24(workshop.import_(mappings=[]).id)
        flow = {
            "name": "listening", "pageGenerators": [{"_exportId": answer.json()["_id"]}],
            "pageProcessors": [{"type": "import", "_importId": sink}],
        }  # fmt: skip
        assert api.post("/flows", flow).status_code == 201
        return f"/v1/exports/{answer.json()['_id']}"

    return make


def send(address, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client = Client(raise_request_exception=False)
    return client.post(address, data=data, content_type="application/json", headers=named)


def sent(system):
    return [call.json for call in system.made("POST /sink")]


def test_what_a_provider_sends_is_kept_answered_and_worked(listener, workshop, system):
    address = listener(verify="secret_url", token="s3cr3t", pathToRecords="orders")
    answer = send(f"{address}/s3cr3t/data", {"orders": [{"id": 1}, {"id": 2}]})
    assert (answer.status_code, answer.content) == (204, b"")
    execution = Execution.objects.get()
    assert (execution.state, execution.triggered_by) == ("queued", "listener")
    workshop.work()
    execution.refresh_from_db()
    assert (execution.state, execution.success_count) == ("succeeded", 2), execution.reason
    assert sorted(record["id"] for record in sent(system)) == [1, 2]


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("csv", b"id,name\r\n1,Ada\r\n2,Grace\r\n"),
        ("xml", b"<orders><order><id>1</id></order><order><id>2</id></order></orders>"),
    ],
)
def test_a_listener_reads_the_media_type_that_it_declares(listener, workshop, system, media, body):
    path = {"pathToRecords": "orders.order"} if media == "xml" else {}
    address = listener(verify="secret_url", token="s3cr3t", requestMediaType=media, **path)
    assert send(f"{address}/s3cr3t/data", body).status_code == 204
    workshop.work()
    assert sorted(record["id"] for record in sent(system)) == ["1", "2"]
    broken = send(f"{address}/s3cr3t/data", b"<orders>" if media == "xml" else b'id\n"1')
    assert broken.status_code == (400 if media == "xml" else 204), broken.content


def signed(body, key="k", algorithm="sha256"):
    return hmac.new(key.encode(), body, getattr(hashlib, algorithm))


BODY = b'{"id": 1, "auth": {"t": "tok"}}'
BASIC = base64.b64encode(b"ann:pw").decode()
WAYS = [
    ({"verify": "token", "token": "tok", "path": "auth.t"}, "", {}),
    ({"verify": "token", "token": "tok", "tokenLocation": "queryParam", "tokenQueryParamName": "q"}, "?q=tok", {}),
    ({"verify": "token", "token": "tok", "header": "X-Token"}, "", {"X_Token": "tok"}),
    ({"verify": "token", "token": "tok", "tokenLocation": "header"}, "", {"Authorization": "Bearer tok"}),
    ({"verify": "token", "token": "tok", "tokenHeaderName": "X-Shop"}, "", {"X_Shop": "tok"}),
    ({"verify": "token", "token": "tok", "tokenLocation": "header", "tokenHeaderName": "X-Shop",
      "tokenHeaderScheme": "bearer"}, "", {"X_Shop": "Bearer tok"}),
    ({"verify": "token", "token": "tok", "tokenLocation": "header", "tokenHeaderScheme": "custom",
      "customTokenScheme": "Shop"}, "", {"Authorization": "Shop tok"}),
    ({"verify": "basic", "username": "ann", "password": "pw"}, "", {"Authorization": f"Basic {BASIC}"}),
    ({"verify": "hmac", "key": "k", "header": "X-Sig"}, "", {"X_Sig": signed(BODY).hexdigest()}),
    ({"verify": "hmac", "key": "k", "header": "X-Sig", "algorithm": "sha1"}, "",
     {"X_Sig": "sha1=" + signed(BODY, algorithm="sha1").hexdigest()}),
    ({"verify": "hmac", "key": "k", "header": "X-Sig", "algorithm": "sha512", "encoding": "base64"}, "",
     {"X_Sig": base64.b64encode(signed(BODY, algorithm="sha512").digest()).decode()}),
]  # fmt: skip


@pytest.mark.parametrize(("webhook", "query", "headers"), WAYS)
def test_every_way_to_prove_oneself_admits_who_can_and_nobody_else(listener, webhook, query, headers):
    address = listener(**webhook) + "/data"
    wrong = {name: value[:-1] + ("x" if value[-1] != "x" else "y") for name, value in headers.items()}
    altered = BODY.replace(b"tok", b"tik") if not (query or headers) else BODY
    refused = send(address + query.replace("tok", "tik"), altered, **wrong)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (401, "unauthorized")
    assert send(address, altered).status_code == 401
    assert not Execution.objects.exists()
    assert send(address + query, BODY, **headers).status_code == 204
    assert Execution.objects.count() == 1


def test_a_listener_that_names_no_check_admits_nobody(listener):
    assert send(listener() + "/data", {"id": 1}).status_code == 401
    assert send(listener(verify="hmac", header="X-Sig") + "/data", {"id": 1}, X_Sig="").status_code == 401


def test_what_cannot_be_worked_is_not_taken(listener, api, workshop):
    address = listener(verify="secret_url", token="s3cr3t", pathToRecords="orders")
    assert send(f"{address}/s3cr3t/data", b"{").status_code == 400
    assert send(f"{address}/s3cr3t/data", {"other": 1}).status_code == 204  # nothing in it
    assert send("/v1/exports/" + "0" * 24 + "/x/data", {}).status_code == 404
    plain = hex24(workshop.export().id)
    assert send(f"/v1/exports/{plain}/data", {}).status_code == 404
    flow = api.get("/flows").json()[0]
    api.patch(f"/flows/{flow['_id']}", [{"op": "replace", "path": "/disabled", "value": True}])
    refused = send(f"{address}/s3cr3t/data", {"orders": [1]})
    assert (refused.status_code, codes_of(refused)) == (422, ["no_flow"])
    assert not Execution.objects.exists()


def test_a_listener_answers_as_it_says_and_children_know_their_parent(listener, workshop, system):
    address = listener(
        verify="secret_url", token="s3cr3t", pathToRecords="lines", includeParentData=True,
        successStatusCode=202, successBody="got {{order}}", successMediaType="plaintext",
    )  # fmt: skip
    answer = send(f"{address}/s3cr3t/data", {"order": "A1", "lines": [{"n": 1}]})
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (202, b"got A1", "text/plain")
    workshop.work()
    assert sent(system) == [{"n": 1, "_PARENT": {"order": "A1"}}]


def test_a_listener_flow_is_not_run_by_hand(listener, api):
    listener(verify="secret_url", token="s3cr3t")
    flow = api.get("/flows").json()[0]["_id"]
    assert codes_of(api.post(f"/flows/{flow}/run", {})) == ["invalid_flow"]


def test_an_upload_is_kept_under_its_key_and_a_run_that_names_it_reads_it(api, workshop, system, monitor, stranger):
    system.take("/sink")
    export = api.post("/exports", {"name": "upload", "type": "simple"}).json()["_id"]
    sink = hex24(workshop.import_(mappings=[]).id)
    document = {
        "name": "uploaded", "pageGenerators": [{"_exportId": export}],
        "pageProcessors": [{"type": "import", "_importId": sink}],
    }  # fmt: skip
    flow = api.post("/flows", document).json()["_id"]
    address = f"/exports/{export}/data"
    assert send(f"/v1{address}?runKey=june", [{"id": 1}]).status_code == 401
    assert Api(stranger, prefix="/v1").post(f"{address}?runKey=june", [{"id": 1}]).status_code == 404
    assert api.post(f"{address}?runKey=june", [{"id": 1}]).status_code == 204
    assert api.post(f"{address}?runKey=june", [{"id": 2}]).status_code == 204
    assert Upload.objects.count() == 1 and not Execution.objects.exists()
    assert fields_of(api.post(f"/flows/{flow}/run", {})) == ["runKey"]
    assert fields_of(api.post(f"/flows/{flow}/run", {"runKey": "july"})) == ["runKey"]
    assert api.post(f"/flows/{flow}/run", {"runKey": "june"}).status_code == 201
    workshop.work()
    assert sent(system) == [{"id": 2}]
    assert api.post(address, {"id": 3}).status_code == 204  # without a key its flows run at once
    workshop.work()
    assert sent(system) == [{"id": 2}, {"id": 3}]


ONCE = {"relativeURI": "/orders/{{record.id}}/read", "method": "PUT", "body": '{"run": "{{_exportId}}"}'}


def test_records_are_marked_at_their_source_when_their_page_is_through(workshop, system):
    system.serve_pages("/orders", orders(25))
    system.take("/sink")
    marked = []
    system.routes["PUT *"] = lambda call: marked.append((call.path, len(system.made("POST /sink")))) or {}
    export = workshop.export(type="once", http={"once": ONCE})
    execution = workshop.run(workshop.flow(export))
    assert (execution.state, execution.success_count) == ("succeeded", 25), execution.reason
    assert sorted(path for path, _ in marked) == sorted(f"/orders/{i}/read" for i in range(1, 26))
    assert min(count for _, count in marked) >= 10  # not before the page's records had been sent
    assert system.made("PUT /orders/1/read")[0].json == {"run": hex24(export.id)}
    assert not OnceMark.objects.exists()


def test_a_record_that_cannot_be_marked_is_told_and_the_run_goes_on(workshop, system):
    system.serve_pages("/orders", orders(3))
    system.take("/sink")
    system.routes["PUT *"] = lambda call: Answer(409, {"e": "locked"}) if call.path.startswith("/orders/2/") else {}
    execution = workshop.run(workshop.flow(workshop.export(type="once", http={"once": ONCE})))
    error = RecordError.objects.get()
    assert (execution.state, execution.error_count) == ("succeeded", 1)
    assert (error.source, error.code, error.trace_key, error.retryable) == ("once", "409", "2", False)


def test_a_source_that_asks_to_wait_is_told_later(workshop, system):
    refused = iter([True])
    system.serve_pages("/orders", orders(2))
    system.take("/sink")
    system.routes["PUT *"] = lambda call: Answer(429, {}, {"Retry-After": "1"}) if next(refused, False) else {}
    execution = workshop.start(workshop.flow(workshop.export(type="once", http={"once": ONCE})))
    workshop.finish(execution, seconds=60)
    assert (execution.state, execution.error_count) == ("succeeded", 0)
    assert {call.path for call in system.made("PUT")} == {"/orders/1/read", "/orders/2/read"}


def test_rows_are_marked_in_their_table_and_not_read_again(workshop, system, folder):
    table(folder, "CREATE TABLE source (id INTEGER PRIMARY KEY, done INTEGER DEFAULT 0)")
    rows(folder, "INSERT INTO source (id) VALUES (1), (2), (3)")
    system.take("/sink")
    export = sql_export(
        workshop, sqlite(workshop), "SELECT id FROM source WHERE done = 0",
        once={"query": "UPDATE source SET done = 1 WHERE id = {{record.id}}"},
    )  # fmt: skip
    export.type = "once"
    export.save()
    flow = workshop.flow(export, workshop.import_(mappings=[]))
    assert workshop.run(flow).success_count == 3
    assert rows(folder, "SELECT sum(done) FROM source") == [(3,)]
    assert workshop.run(flow).success_count == 0


def test_a_canceled_run_marks_what_was_through_and_no_more(workshop, system):
    from apps.executions.services import cancel_execution

    system.serve_pages("/orders", orders(25))
    flow = workshop.flow(workshop.export(type="once", http={"once": ONCE}))
    execution = workshop.start(flow)

    def cancel(call):
        cancel_execution(actor=workshop.owner.actor, execution=execution)
        return {}

    system.routes["POST /sink"] = cancel
    system.routes["PUT *"] = lambda call: {}
    workshop.work()
    execution.refresh_from_db()
    assert execution.state == "canceled"
    sent_ids = {call.json["external_id"] for call in system.made("POST /sink")}
    assert {int(call.path.split("/")[2]) for call in system.made("PUT")} <= sent_ids


def get(address):
    return Client(raise_request_exception=False).get(address)


def test_a_providers_question_is_answered_with_what_it_sent(listener, system):
    body = '{"got": "{{hub.challenge}}"}'
    address = listener(
        verify="token", token="tok", path="t", challengeSuccessBody=body, challengeSuccessMediaType="json",
        challengeSuccessStatusCode=202, challengeResponseHeaders=[{"name": "X-Is", "value": "{{hub.mode}}"}],
    )  # fmt: skip
    answer = get(f"{address}/data?hub.challenge=c1&hub.mode=subscribe&hub.verify_token=tok")
    assert (answer.status_code, answer.content, answer["X-Is"]) == (202, b'{"got": "c1"}', "subscribe")
    assert answer["Content-Type"] == "application/json" and answer["X-Content-Type-Options"] == "nosniff"
    assert get(f"{address}/data?hub.challenge=c1&hub.verify_token=wrong").status_code == 401
    assert not Execution.objects.exists()


def test_a_question_at_a_secret_address_needs_its_token_and_a_listener_without_an_answer_gives_none(listener):
    address = listener(verify="secret_url", token="s3cr3t", challengeSuccessBody="{{challenge}}")
    assert get(f"{address}/s3cr3t/data?challenge=c").content == b"c"
    assert get(f"{address}/wrong/data?challenge=c").status_code == 401
    assert get(f"{address}/data?challenge=c").status_code == 401
    assert get(f"{listener(verify='secret_url', token='x')}/x/data?challenge=c").status_code == 404


def stamped(template, seconds=0):
    at = int(now().timestamp()) - seconds
    return str(at), hmac.new(b"k", template.format(at=at, body=BODY.decode()).encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize("seconds", [0, 1000])
def test_providers_are_known_by_the_way_they_sign(listener, seconds):
    at, stripe = stamped("{at}.{body}", seconds)
    slack_at, slack = stamped("v0:{at}:{body}", seconds)
    shopify = base64.b64encode(signed(BODY).digest()).decode()
    ways = {
        "stripe": {"Stripe_Signature": f"t={at},v1={stripe},v0=old"},
        "slack": {"X_Slack_Signature": f"v0={slack}", "X_Slack_Request_Timestamp": slack_at},
        "github": {"X_Hub_Signature_256": f"sha256={signed(BODY).hexdigest()}"},
        "shopify": {"X_Shopify_Hmac_SHA256": shopify},
        "typeform": {"Typeform_Signature": f"sha256={shopify}"},
    }
    for provider, headers in ways.items():
        address = listener(provider=provider, key="k")
        late = seconds and provider in ("stripe", "slack")
        assert send(f"{address}/data", BODY, **headers).status_code == (401 if late else 204), provider
        assert send(f"{address}/data", BODY + b" ", **headers).status_code == 401, provider
        assert send(f"{address}/data", BODY).status_code == 401, provider


def test_slacks_question_comes_signed_in_a_body_and_starts_nothing(listener):
    address = listener(provider="slack", key="k")
    asked = b'{"type": "url_verification", "challenge": "c9"}'
    at = str(int(now().timestamp()))
    mark = hmac.new(b"k", f"v0:{at}:".encode() + asked, hashlib.sha256).hexdigest()
    headers = {"X_Slack_Request_Timestamp": at}
    assert send(f"{address}/data", asked, X_Slack_Signature=f"v0={mark}", **headers).content == b"c9"
    assert send(f"{address}/data", asked, X_Slack_Signature="v0=00", **headers).status_code == 401
    assert not Execution.objects.exists()


def test_what_a_listener_says_itself_counts_more_than_its_providers_ways(listener):
    address = listener(provider="github", verify="token", token="tok", tokenLocation="queryParam")
    assert send(f"{address}/data?token=tok", BODY).status_code == 204
    own = listener(provider="stripe", key="k", header="X-Sig")
    assert send(f"{own}/data", BODY, X_Sig=signed(BODY).hexdigest()).status_code == 204


def test_headers_of_the_answer_are_the_listeners_own(listener):
    headers = [{"name": "X-Got", "value": "{{id}}"}, {"name": "X-Bad", "value": "{{auth.line}}"}]
    address = listener(verify="secret_url", token="s", successResponseHeaders=headers)
    answer = send(f"{address}/s/data", {"id": 7, "auth": {"line": "a\nb"}})
    assert (answer.status_code, answer["X-Got"], "X-Bad" in answer) == (204, "7", False)
