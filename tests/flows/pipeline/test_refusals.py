"""What a run would ignore is refused before it starts, by the member's name: nothing works only in appearance."""

import pytest

from apps.core.errors import ValidationError, ValidationErrors
from apps.core.ids import hex24
from apps.executions.models import Execution, RecordError
from apps.flows.models import Import
from apps.flows.services.runs import retry_errors
from tests.flows.pipeline.test_files_and_sql import file_import, sql_import, sqlite
from tests.flows.pipeline.test_runs import orders
from tests.flows.pipeline.test_steps import lookup
from tests.systems import Answer

TWO = {"method": ["POST", "PUT"], "relativeURI": ["/a", "/b"]}
CACHE = {"name": "rates", "_lookupCacheId": "0123456789abcdef01234567"}
QUERY = {"name": "rates", "query": "SELECT 1 AS x", "extract": "x"}
SCRIPT = {"_scriptId": "0123456789abcdef01234567", "function": "f"}


SET = {"extract": "a", "conditional": {"when": "ignore_if_set"}}


def refused(workshop, flow):
    with pytest.raises(ValidationErrors) as info:
        workshop.start(flow)
    assert not Execution.objects.exists()
    return [(error.field, error.message) for error in info.value.errors]


@pytest.mark.parametrize("member", [{"isAbstract": True}, {"overrides": {"pageSize": 5}}])
def test_a_flow_that_inherits_is_not_run_as_if_it_did_not(workshop, member):
    (name,) = member
    ((field, message),) = refused(workshop, workshop.flow(**member))
    assert field == name and "not supported" in message


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"oneToMany": True, "pathToMany": "lines"}, "oneToMany"),
        ({"mappings": [{"generate": "a"}]}, "mappings"),
        ({"idLockTemplate": "{{id}}"}, "idLockTemplate"),
        ({"type": "once", "once": {"booleanField": "done"}}, "http.once.relativeURI"),
        ({"type": "distributed"}, "type"),
        ({"type": "delta", "delta": {"dateField": "updated"}}, "delta.dateField"),
        ({"http": {"_asyncHelperId": "0123456789abcdef01234567"}}, "http._asyncHelperId"),
        ({"http": {"successMediaType": "octet-stream"}}, "http.successMediaType"),
        ({"http": {"errorMediaType": "csv"}}, "http.errorMediaType"),
        ({"file": {"csv": {"wrapWithQuotes": True}}}, "file.csv.wrapWithQuotes"),
        ({"http": {"requestMediaType": "protobuf"}}, "http.requestMediaType"),
        ({"transform": {"type": "expression", "expression": {"version": "2", "rulesTwoDotZero": {"lookups": [QUERY]}}}},
         "transform.expression.rulesTwoDotZero.lookups[rates]"),
    ],
)  # fmt: skip
def test_an_export_that_cannot_be_read_as_it_says(workshop, members, field):
    [(named, message)] = refused(workshop, workshop.flow(workshop.export(**members)))
    assert named == field and message.startswith(f"Export 'orders': {field} ")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"oneToMany": True}, "pathToMany"),
        ({"hooks": {"postAggregate": SCRIPT}}, "hooks.postAggregate"),
        ({"idLockTemplate": "{{id}}", "http": {"batchSize": 5}}, "idLockTemplate"),
        ({"blobKeyPath": "blobKey", "http": {"batchSize": 2}}, "http.batchSize"),
        ({"deleteAfterImport": True}, "deleteAfterImport"),
        ({"ignoreExisting": True}, "ignoreExisting"),
        ({"ignoreMissing": True}, "ignoreMissing"),
        ({"lookups": [QUERY]}, "lookups[rates]"),
        ({"http": {"lookups": [{"name": "rates", "extract": "x"}]}}, "lookups[rates]"),
        ({"ignoreExisting": True, "http": {"ignoreLookupName": "rates"}}, "http.ignoreLookupName"),
        ({"http": {"ignoreLookupName": "rates", "lookups": [CACHE]}}, "http.ignoreLookupName"),
        ({"http": {"type": "file"}}, "http.type"),
        ({"http": {"errorMediaType": "csv"}}, "http.errorMediaType"),
        ({"distributed": True}, "distributed"),
        ({"ftp": {"fileNameStartsWith": "a"}}, "ftp.fileNameStartsWith"),
        ({"file": {"groupByFields": ["a"]}}, "file.groupByFields"),
        (
            {"mappings": [], "mapping": {"lists": [{"generate": "l", "fields": [{"generate": "a", **SET}]}]}},
            "mapping.lists[0].fields[0].conditional.when",
        ),
        ({"http": {"requestMediaType": "protobuf", "body": ["x"]}}, "http.requestMediaType"),
        ({"http": {"requestMediaType": "xml"}}, "http.body"),
        ({"http": {"successMediaType": "csv"}}, "http.successMediaType"),
        ({"http": TWO}, "http.requestType"),
        ({"http": {**TWO, "requestType": ["CREATE", "CREATE"], "existingExtract": "x"}}, "http.requestType"),
        ({"http": {**TWO, "requestType": ["CREATE", "UPDATE"]}}, "http.existingExtract"),
    ],
)
def test_an_import_that_cannot_be_written_as_it_says(workshop, members, field):
    [(named, message)] = refused(workshop, workshop.flow(None, workshop.import_(**members)))
    assert named == field and message.startswith(f"Import 'sink': {field} ")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"type": "delta"}, "type"),
    ],
)
def test_a_lookup_that_cannot_be_made_as_it_says(workshop, members, field):
    assert [named for named, _ in refused(workshop, workshop.flow(None, lookup(workshop, **members)))] == [field]


@pytest.mark.parametrize("name", ["MongodbExport", "NetSuiteExport", "SalesforceExport", "DynamodbExport", "AS2Export"])
def test_a_system_that_nobody_can_speak_to_is_named_before_the_run_starts(workshop, name):
    export = workshop.export(netsuite={"type": "restlet"})
    export.adaptor_type = name
    export.save()
    [(field, message)] = refused(workshop, workshop.flow(export))
    assert (field, message) == (
        "adaptorType", f"Export 'orders': adaptorType {name} is not supported by this deployment yet."
    )  # fmt: skip
    sink = workshop.import_()
    sink.adaptor_type = name.replace("Export", "Import")
    sink.save()
    assert [named for named, _ in refused(workshop, workshop.flow(None, sink))] == ["adaptorType"]


def test_a_lookups_request_has_one_body(workshop):
    export = workshop.export("/x", is_lookup=True, http={"body": "{}"}, mappings=[{"generate": "a"}])
    assert [named for named, _ in refused(workshop, workshop.flow(None, export))] == ["mappings"]


@pytest.mark.parametrize(
    ("file", "field"),
    [
        ({"batchSize": 5}, "file.batchSize"),
        ({"type": "xml", "encoding": "win1252"}, "file.encoding"),
    ],
)
def test_files_that_cannot_be_written_as_their_import_says(workshop, files, file, field):
    flow = workshop.flow(None, file_import(workshop, files, **{"type": "csv", "fileName": "a.csv", **file}))
    assert [named for named, _ in refused(workshop, flow)] == [field]


@pytest.mark.parametrize(
    ("rdbms", "field"),
    [
        ({"queryType": ["bulk_load"], "bulkLoad": {"tableName": "t", "overrideMergeQuery": True}},
         "rdbms.query"),
        ({"queryType": ["per_record"], "query": ["x"], "ignoreLookupName": "l"}, "rdbms.ignoreLookupName"),
        ({"queryType": ["per_record"], "query": ["x"], "lookups": [{"name": "r", "relativeURI": "/r"}]}, "lookups[r]"),
    ],
)  # fmt: skip
def test_sql_that_cannot_be_run_as_its_import_says(workshop, rdbms, field):
    flow = workshop.flow(None, sql_import(workshop, sqlite(workshop), **rdbms))
    assert [named for named, _ in refused(workshop, flow)] == [field]


def test_a_script_filter_without_a_function_ends_the_run_by_its_member(workshop, system):
    system.serve_pages("/orders", orders(1))
    execution = workshop.run(workshop.flow(workshop.export(filter={"type": "script", "script": {}})))
    assert execution.state == "failed" and "filter.script.function" in execution.reason


def test_a_template_that_finds_nothing_fails_its_record_where_the_import_is_strict(workshop, system):
    system.serve_pages("/orders", orders(1))
    system.take("/sink")
    http = {"strictHandlebarEvaluation": True, "body": ['{"x": "{{record.nothing}}"}']}
    workshop.run(workshop.flow(None, workshop.import_(http=http)))
    assert RecordError.objects.get().code == "invalid_request" and not system.made("POST /sink")


def test_records_of_a_step_that_the_flow_has_no_more_are_not_retried(workshop, system):
    system.serve_pages("/orders", orders(1))
    system.routes["POST /sink"] = lambda call: Answer(400, {})
    flow = workshop.flow()
    workshop.run(flow)
    error = RecordError.objects.get()
    flow.document["pageProcessors"] = [{"type": "import", "_importId": hex24(workshop.import_("/other").id)}]
    flow.save()
    assert Import.objects.filter(pk=error.step_id).exists()
    with pytest.raises(ValidationError, match="no longer has this step"):
        retry_errors(actor=workshop.owner.actor, flow=flow, step_id=error.step_id, retry_data_keys=[error.hex_id])
