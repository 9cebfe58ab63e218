"""Runs in whose middle something happens; and both sample flows of the documents, for real."""

import pytest

from apps.core.ids import hex24
from apps.executions.models import Execution, RecordError
from apps.executions.services import cancel_execution
from apps.flows.models import Flow, Page, PagePayload
from apps.flows.services.runs import retry_errors
from apps.work import doctor
from tests.api import Api
from tests.flows.pipeline.test_ending import in_a_thread, nothing_held, with_pages  # noqa: F401
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer, System


@pytest.fixture
def api(workshop):
    return Api(workshop.owner, prefix="/v1")


def ids(system, path):
    return sorted(call.json["external_id"] for call in system.made(f"POST {path}"))


def test_a_record_that_fails_in_the_second_of_three_imports_stops_there_and_its_page_goes_on(workshop, system):
    broken = [True]
    system.serve_pages("/orders", orders(12))
    system.take("/first")
    system.take("/third")
    system.routes["POST /second"] = lambda call: (
        Answer(422, {"message": "no"}) if call.json["external_id"] == 5 and broken[0] else {"id": 1}
    )
    second = workshop.import_("/second")
    flow = workshop.flow(None, workshop.import_("/first"), second, workshop.import_("/third"))
    execution = workshop.run(flow)

    assert (execution.state, execution.error_count) == ("succeeded", 1)
    assert (ids(system, "/first"), ids(system, "/third")) == (
        list(range(1, 13)), [i for i in range(1, 13) if i != 5],
    )  # fmt: skip
    error = RecordError.objects.get()
    assert (error.step_id, error.trace_key) == (second.id, "5")

    broken[0] = False  # the target is mended: a retry goes on where the record stood, through what comes after
    retry_errors(actor=workshop.owner.actor, flow=flow, step_id=second.id, error_ids=[error.hex_id])
    workshop.work()

    assert (len(ids(system, "/first")), ids(system, "/third")) == (12, list(range(1, 13)))
    error.refresh_from_db()
    assert error.resolved_at and not RecordError.objects.filter(resolved_at=None).exists()


def test_a_connection_that_is_replaced_with_pages_in_flight_ends_the_run_and_the_next_goes_elsewhere(
    workshop, system, api
):
    elsewhere = System()
    try:
        elsewhere.take("/sink")
        other = workshop.connect(elsewhere.url)
        execution = with_pages(workshop, system)
        flow = Flow.objects.get()
        body = {"_connectionId": hex24(workshop.connection.id), "_newConnectionId": hex24(other.id)}
        elsewhere.serve_pages("/orders", orders(25))
        # The documents of the workshop are rows without references: saved once by the API, they have them.
        assert api.put(f"/flows/{flow.hex_id}/replaceConnection", body).status_code == 200

        execution.refresh_from_db()
        assert (execution.state, execution.canceled_by) == ("canceled", "system")
        workshop.work()
        assert system.made("POST /sink") == [] and doctor.examine() == []

        assert workshop.run(Flow.objects.get()).state == "succeeded"
        assert len(elsewhere.made("POST /sink")) == 25
    finally:
        elsewhere.stop()


def test_replacing_the_connection_of_an_import_ends_the_runs_that_use_it_and_no_others(workshop, system, api):
    flows = {}
    for name in ("uses", "does not"):
        sink = workshop.import_()
        document = {
            "name": name, "pageGenerators": [{"_exportId": hex24(workshop.export().id)}],
            "pageProcessors": [{"type": "import", "_importId": hex24(sink.id)}],
        }  # fmt: skip
        flows[name] = (api.post("/flows", document).json()["_id"], sink)
    runs = {name: api.post(f"/flows/{flow_id}/run", {}).json()["_jobId"] for name, (flow_id, _) in flows.items()}
    other = workshop.connect(system.url)
    path = f"/imports/{flows['uses'][1].hex_id}/replaceConnection"
    assert api.put(path, {"_newConnectionId": hex24(other.id)}).status_code == 200

    states = {name: api.get(f"/jobs/{job}").json()["status"] for name, job in runs.items()}
    assert states == {"uses": "canceled", "does not": "queued"}


def test_ten_thousand_waiting_pages_are_canceled_at_once(workshop, system):
    from apps.executions.payloads import pack
    from apps.executions.services import begin
    from apps.flows.pipeline import pages
    from apps.work import claims
    from apps.work import services as work

    system.serve_pages("/orders", orders(1))
    execution = workshop.start(workshop.flow())
    from django.db import transaction

    (claim,) = claims.claim_next("flows")
    begin(execution, claim)
    with transaction.atomic():
        made = Page.objects.bulk_create(
            [
                Page(execution=execution, organization=execution.organization, number=number, record_count=1)
                for number in range(1, 10_001)
            ],
            batch_size=500,
        )
        PagePayload.objects.bulk_create(
            [PagePayload(page=page, number=0, data=pack([{"id": page.number}])) for page in made], batch_size=500
        )
        work.add_many(
            kind=pages.WORK, lane="flows", organization_id=execution.organization_id, group_id=execution.id,
            target_ids=[page.id for page in made],
        )  # fmt: skip
    work.release([claim])
    row = cancel_execution(actor=workshop.owner.actor, execution=execution)

    assert row.state == "canceled"  # at once: nobody held any of it
    assert not Page.objects.filter(state="open").exists()
    assert workshop.at_rest() and not PagePayload.objects.exists() and doctor.examine() == []
    assert not system.made("POST /sink")


# -- the sample flows of the documents


def resource(api, kind, **document):
    answer = api.post(f"/{kind}", document)
    assert answer.status_code == 201, answer.content
    return answer.json()["_id"]


def job_of(api, workshop, flow_id):
    job = api.post(f"/flows/{flow_id}/run").json()["_jobId"]
    workshop.finish(Execution.objects.get(pk=Execution.objects.order_by("-id").first().pk))
    return api.get(f"/jobs/{job}").json()


def test_the_documents_simple_flow_sends_github_events_to_slack(workshop, system, api):
    events = [{"id": str(i), "type": "PushEvent", "actor": {"login": f"dev{i}"}} for i in range(1, 6)]
    system.routes["GET /users/acme/events"] = lambda call: Answer(200, events)
    system.routes["POST /services/hook"] = lambda call: Answer(200, raw=b"ok", headers={"Content-Type": "text/plain"})
    connection = hex24(workshop.connection.id)
    export = resource(
        api, "exports", name="GitHub events", _connectionId=connection,
        http={"method": "GET", "relativeURI": "/users/acme/events"},
    )  # fmt: skip
    sink = resource(
        api, "imports", name="Slack", _connectionId=connection,
        http={
            "method": ["POST"], "relativeURI": ["/services/hook"], "successMediaType": "plaintext",
            "body": ['{"text": "{{record.actor.login}} did {{record.type}}"}'],
        },
    )  # fmt: skip
    flow = resource(
        api, "flows", name="Send GitHub Events to Slack", disabled=False, timezone="America/Los_Angeles",
        _exportId=export, _importId=sink, skipRetries=False,
    )  # fmt: skip
    job = job_of(api, workshop, flow)

    assert (job["status"], job["numSuccess"], job["numError"]) == ("completed", 5, 0)
    said = sorted(call.json["text"] for call in system.made("POST /services/hook"))
    assert said == [f"dev{i} did PushEvent" for i in range(1, 6)]
    assert api.get(f"/flows/{flow}").json()["_exportId"] == export


FIELDS = [
    "numConnections", "dlSuccessAndErrors", "lastSignIn", "numDataLoaders", "numFlows", "numPasswordChanges",
    "numPasswordResets", "numSignIns", "successAndErrors",
]  # fmt: skip


def stats(name):
    return lambda call: Answer(200, [{"n": f"{name} of {call.query['id']}"}])


def test_the_documents_orchestrated_flow_gathers_nine_lookups_and_writes_twice(workshop, system, api):
    """Two generators, nine lookups each into its own field, an import that may fail, and one after it."""
    trialers = {"/a": [{"id": 1}, {"id": 2}], "/b": [{"id": 3}]}
    for path, rows in trialers.items():
        system.routes[f"GET {path}"] = lambda call, rows=rows: Answer(200, rows)
    for name in FIELDS:
        system.routes[f"GET /stats/{name}"] = lambda call, name=name: Answer(
            200, [{"n": f"{name} of {call.query['id']}"}]
        )
    system.routes["POST /crm"] = lambda call: Answer(500, {}) if call.json["id"] == 2 else {"id": 1}
    system.take("/warehouse")
    connection = hex24(workshop.connection.id)

    def export(uri, **members):
        http = {"method": "GET", "relativeURI": uri}
        return resource(api, "exports", name=uri, _connectionId=connection, http=http, **members)

    def sink(uri):
        http = {"method": ["POST"], "relativeURI": [uri]}
        return resource(api, "imports", name=uri, _connectionId=connection, http=http)

    def found(name):
        return {"lists": [], "fields": [{"extract": "data", "generate": name}]}

    lookups = [
        {"type": "export", "_exportId": export(f"/stats/{name}?id={{{{record.id}}}}", isLookup=True),
         "responseMapping": found(name)}
        for name in FIELDS
    ]  # fmt: skip
    none = {"lists": [], "fields": []}
    flow = resource(
        api, "flows", name="Update Usage Stats for all Trialers", disabled=False, schedule="? 0 2 ? * *",
        timezone="America/Los_Angeles", skipRetries=False,
        pageProcessors=[
            *lookups,
            {"type": "import", "_importId": sink("/crm"), "proceedOnFailure": True, "responseMapping": none},
            {"type": "import", "_importId": sink("/warehouse"), "responseMapping": none},
        ],
        pageGenerators=[{"_exportId": export("/a")}, {"_exportId": export("/b")}],
    )  # fmt: skip
    job = job_of(api, workshop, flow)

    assert (job["status"], job["numError"]) == ("completed", 1)
    arrived = {call.json["id"]: call.json for call in system.made("POST /warehouse")}
    assert sorted(arrived) == [1, 2, 3]  # the failed one went on, as the document says
    for number, record in arrived.items():
        assert {name: record[name] for name in FIELDS} == {name: [{"n": f"{name} of {number}"}] for name in FIELDS}
    errors = api.get(f"/flows/{flow}/errors").json()
    assert str(1) in str(errors)
