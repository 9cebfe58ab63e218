"""Members of documents over HTTP that are seldom set, each by what a user notices of it."""

import hmac

import pytest

from apps.core.ids import hex24
from apps.executions.models import RecordError
from apps.flows.models import Blob
from tests.api import Api
from tests.flows.pipeline.test_file_formats import laid
from tests.flows.pipeline.test_files_and_sql import file_export, rows, sql_export, sqlite, table
from tests.flows.pipeline.test_lookups import CALL, CUSTOMER, errors, node, sent
from tests.flows.pipeline.test_runs import orders
from tests.flows.pipeline.test_steps import script
from tests.systems import Answer

XML = {"Content-Type": "application/xml"}
FAULT = Answer(400, raw=b"<fault><why>at lunch</why></fault>", headers=XML)


# -- what an answer is read as


@pytest.mark.parametrize(
    ("http", "answer", "said"),
    [
        ({"errorMediaType": "xml", "response": {"errorPath": "/fault/why"}}, FAULT, "answered 400: at lunch"),
        ({"successMediaType": "xml", "response": {"errorPath": "/fault/why"}}, FAULT, "answered 400: at lunch"),
        ({"response": {"errorPath": "error.text"}}, Answer(400, {"error": {"text": "no"}}), "answered 400: no"),
        ({"errorMediaType": "xml", "response": {"errorPath": "/f"}}, Answer(400, raw=b"oh"), "oh (this is no xml)"),
        ({"errorMediaType": "plaintext"}, Answer(400, raw=b"oh"), "answered 400: oh"),
    ],
)
def test_a_source_that_refuses_is_quoted_as_its_document_says(workshop, system, http, answer, said):
    system.routes["GET /orders"] = lambda call: answer
    execution = workshop.run(workshop.flow(workshop.export("/orders", http=http)))
    assert execution.state == "failed" and said in execution.reason


def test_a_target_that_refuses_in_another_media_type_is_quoted_too(workshop, system):
    system.serve_pages("/orders", orders(1))
    system.routes["POST /sink"] = lambda call: FAULT
    http = {"errorMediaType": "xml", "response": {"errorPath": "/fault/why"}}
    workshop.run(workshop.flow(None, workshop.import_(http=http)))
    assert (RecordError.objects.get().code, RecordError.objects.get().message) == ("400", "at lunch")


def test_plain_text_is_one_record(workshop, system):
    system.routes["GET /orders"] = lambda call: Answer(raw=b"5", headers={"Content-Type": "text/plain"})
    system.take("/sink")
    export = workshop.export("/orders", http={"successMediaType": "plaintext", "response": {}})
    body = {"body": ['{"said": "{{record}}"}']}
    workshop.run(workshop.flow(export, workshop.import_(mappings=[], http=body)))
    assert sent(system) == [{"said": "5"}]


def test_an_answer_to_xml_is_xml_unless_it_says_otherwise(workshop, system):
    system.serve_pages("/orders", orders(2))
    told = {"1": Answer(raw=b"<r><id>x1</id></r>"), "2": Answer(body={"r": {"id": "x2"}})}
    told["1"].headers = XML
    system.routes["POST /sink"] = lambda call: told[call.body.decode()[3]]
    system.take("/after")
    http = {
        "requestMediaType": "xml",
        "body": ["<i>{{record.external_id}}</i>"],
        "response": {"resourceIdPath": ["r.id"]},
    }
    mapping = {"responseMapping": {"fields": [{"extract": "id", "generate": "at"}]}}
    flow = workshop.flow(None, (workshop.import_(http=http), mapping), workshop.import_("/after", mappings=[]))
    workshop.run(flow)
    assert {row["id"]: row["at"] for row in sent(system, "/after")} == {1: "x1", 2: "x2"}


# -- dates


def test_the_dates_of_a_delta_export_are_written_as_it_says(workshop, system):
    system.routes["GET /orders"] = lambda call: {"data": []}
    uri = "/orders?from={{lastExportDateTime}}&utc={{lastExportDateTimeUTC}}"
    delta = {"dateFormat": "DD.MM.YYYY HH[h]", "lagOffset": 3_600_000, "startDate": "2026-03-01T05:30:00.000Z"}
    workshop.run(workshop.flow(workshop.export(uri, type="delta", delta=delta)))
    (call,) = system.made("GET /orders")
    assert call.query == {"from": "01.03.2026 04h", "utc": "2026-03-01T04:30:00.000Z"}


# -- once


@pytest.mark.parametrize("adaptor", ["http", "sql"])
def test_a_record_that_was_marked_before_is_not_read_again(workshop, system, folder, adaptor):
    system.take("/sink")
    if adaptor == "http":
        marked = [{"id": 1, "done": True}, {"id": 2, "done": False}, {"id": 3}, {"id": 4, "done": "T"}]
        system.serve_pages("/orders", marked)
        system.routes["PUT *"] = lambda call: {}
        export = workshop.export(http={"once": {"relativeURI": "/{{record.id}}"}}, once={"booleanField": "done"})
    else:
        table(folder, "CREATE TABLE source (id INTEGER, done INTEGER)")
        rows(folder, "INSERT INTO source VALUES (1, 1), (2, 0), (3, NULL), (4, 1)")
        once = {"query": "UPDATE source SET done = 1 WHERE id = {{record.id}}"}
        export = sql_export(workshop, sqlite(workshop), "SELECT * FROM source", once=once)
        export.document["once"] = {"booleanField": "done"}
    export.type = "once"
    export.save()
    workshop.run(workshop.flow(export, workshop.import_(mappings=[])))
    assert sorted(row["id"] for row in sent(system)) == [2, 3]


# -- imports


def test_a_field_of_the_record_tells_what_the_target_has_already(workshop, system):
    known = [{"id": 1, "crm": "x"}, {"id": 2, "crm": ""}, {"id": 3}]
    system.serve_pages("/orders", known)
    system.take("/sink")
    http = {"ignoreExtract": "crm"}
    execution = workshop.run(workshop.flow(None, workshop.import_(mappings=[], http=http, ignoreExisting=True)))
    assert (sorted(row["id"] for row in sent(system)), execution.ignore_count) == ([2, 3], 1)
    execution = workshop.run(workshop.flow(None, workshop.import_(mappings=[], http=http, ignoreMissing=True)))
    assert (sent(system)[2:], execution.ignore_count) == ([known[0]], 2)


def test_a_lookup_may_carry_the_imports_headers(workshop, system):
    system.serve_pages("/orders", [{"id": 1, "mail": "a@x"}])
    system.routes["GET /customers"] = lambda call: {"rows": [{"id": call.headers.get("X-Shop", "nobody")}]}
    system.take("/sink")
    http = {"headers": [{"name": "X-Shop", "value": "of {{record.id}}"}]}
    for with_headers in (True, False):
        call = {**CALL, "useImportHeaders": with_headers}
        workshop.run(workshop.flow(None, workshop.import_(mappings=CUSTOMER, http=http, lookups=[call])))
    assert [row["customer"] for row in sent(system)] == ["of 1", "nobody"], errors()


@pytest.fixture
def blob_root(settings, tmp_path):
    settings.BLOB_ROOT = tmp_path / "blobs"


@pytest.mark.usefixtures("blob_root")
def test_a_blob_is_sent_in_the_text_form_that_its_import_says_and_forgotten(workshop, system, folder, files):
    laid(folder, "a.bin", b"\x00\xff")
    system.take("/sink")
    http = {"type": "file", "blobFormat": "base64", "requestMediaType": "plaintext"}
    sink = workshop.import_(mappings=[], blobKeyPath="blobKey", deleteAfterImport=True, http=http)
    execution = workshop.run(workshop.flow(file_export(workshop, files, output="blobKeys"), sink))
    assert (execution.state, execution.error_count) == ("succeeded", 0), errors()
    assert [call.body for call in system.made("POST /sink")] == [b"AP8="]
    assert Blob.objects.get().expires_at is not None


def test_what_a_lookups_request_sees_as_data_knows_the_record_as_it_came(workshop, system):
    system.serve_pages("/orders", [{"id": 7}])
    system.routes["GET /find"] = lambda call: {"data": []}
    uri = "/find?a={{data.id}}&b={{data._INITDATA.id}}&of={{settings.connection.shop}}"
    workshop.connection.document["settings"] = {"shop": "eu"}
    workshop.connection.save()
    workshop.run(workshop.flow(None, workshop.export(uri, is_lookup=True)))
    assert system.made("GET /find")[0].query == {"a": "7", "b": "7", "of": "eu"}


# -- hooks


def test_hooks_have_their_configuration_and_all_settings_at_hand(workshop, system):
    text = """
    function save(o) { return {data: o.data.map(r => ({...r, save: o.configuration, all: o.settings})), errors: []}; }
    function map(o) { return o.postMapData.map((r, i) => ({data: {...r, post: o.configuration.mark + o.preMapData[i].id,
        mode: o.testMode, shop: o.settings.connection.shop}})); }
    """
    made = script(workshop, text)
    workshop.connection.document["settings"] = {"shop": "eu"}
    workshop.connection.save()
    system.serve_pages("/orders", orders(1))
    system.take("/sink")
    saving = {"_scriptId": made, "function": "save", "configuration": {"deep": [1]}}
    export = workshop.export(hooks={"preSavePage": saving}, settings={"of": "export"})
    mapping = {"_scriptId": made, "function": "map", "configuration": {"mark": "#"}}
    keep = [node("id", "$.id"), node("save", "$.save"), node("all", "$.all.export.of")]
    workshop.run(workshop.flow(export, workshop.import_(mappings=keep, hooks={"postMap": mapping})))
    assert sent(system) == [
        {"id": "1", "save": '{"deep":[1]}', "all": "export", "post": "#1", "mode": False, "shop": "eu"}
    ], errors()


# -- previews


def test_a_preview_tells_where_a_person_finds_each_record(workshop, system):
    system.serve_pages("/orders", [{"id": 1}, {"no": 2}])
    api = Api(workshop.owner, prefix="/v1")
    http = {"method": "GET", "relativeURI": "/orders", "response": {"resourcePath": "data"}}
    document = {
        "name": "o", "_connectionId": hex24(workshop.connection.id), "adaptorType": "HTTPExport", "http": http,
        "dataURITemplate": "https://shop.example/{{{record.id}}}",
    }  # fmt: skip
    shown = api.post("/exports/preview", document).json()
    assert (shown["data"], shown["dataURIs"]) == ([{"id": 1}, {"no": 2}], ["https://shop.example/1", None])
    paged = api.post(f"/connections/{document['_connectionId']}/export/pages", {"export": document}).json()
    assert paged["dataURIs"] == shown["dataURIs"]
    document.pop("dataURITemplate")
    assert api.post("/exports/preview", document).json()["dataURIs"] == [None, None]


# -- signatures


def signature(call):
    text = f"{call.method}|{call.query.get('page', '')}|{call.body.decode()}"
    return hmac.new(b"s3cr3t", text.encode(), "sha256").hexdigest()


def test_a_header_may_sign_each_request_as_it_is_sent(workshop, system):
    system.serve_pages("/orders", orders(12))
    system.take("/sink")
    template = (
        '{{hmac "sha256" hmacOptions.http.encrypted.key "hex"'
        ' (join "|" hmacOptions.method hmacOptions.urlParametersMap.page hmacOptions.body)}}'
    )
    known = "{{#each hmacOptions.orderedQueryParams}}{{@key}}={{this}};{{/each}}{{hashOptions.bodyParametersMap.name}}"
    workshop.connection.document["http"] |= {
        "encrypted": {"key": "s3cr3t"},
        "headers": [{"name": "X-Sign", "value": template}, {"name": "X-Seen", "value": known}],
    }
    workshop.connection.save()
    export = workshop.export("/orders?z=1&sign=no&page={{export.http.paging.page}}")
    execution = workshop.run(workshop.flow(export))

    assert (execution.state, execution.success_count) == ("succeeded", 12), execution.reason
    assert all(call.headers["X-Sign"] == signature(call) for call in system.calls)
    assert system.made("GET /orders")[0].headers["X-Seen"] == "page=1;z=1;"
    assert {call.headers["X-Seen"] for call in system.made("POST")} == {f"Order {i}" for i in range(1, 13)}


def test_a_header_that_calls_a_helper_is_made_for_each_request(workshop, system):
    """A page's lookups share what is the same in all of them, and no more."""
    system.serve_pages("/orders", orders(6))
    system.routes["GET /customers"] = lambda call: {"name": "Ada"}
    system.take("/sink")
    workshop.connection.document["http"] |= {
        "unencrypted": {"shop": "acme"},
        "headers": [
            {"name": "X-Nonce", "value": '{{random "uuid"}}'},
            {"name": "X-Shop", "value": "{{connection.http.unencrypted.shop}}"},
        ],
    }
    workshop.connection.save()
    lookup = workshop.export("/customers?id={{record.id}}", is_lookup=True, http={"response": {}})
    execution = workshop.run(workshop.flow(None, lookup, workshop.import_()))
    assert (execution.state, execution.success_count) == ("succeeded", 6), execution.reason
    asked = system.made("GET /customers")
    assert len({call.headers["X-Nonce"] for call in asked}) == len(asked) == 6
    assert {call.headers["X-Shop"] for call in asked} == {"acme"}
