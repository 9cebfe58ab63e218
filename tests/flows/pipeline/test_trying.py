"""Exports and imports outside of flows, against a real system: previews, pages, submissions, unsaved ones, pings."""

import pytest

from apps.connections.models import Connection
from apps.core.clock import now
from apps.core.ids import hex24
from apps.executions.models import Exchange, Execution, RecordError
from tests.api import Api, codes_of, fields_of
from tests.flows.pipeline.test_runs import orders
from tests.systems import Answer

EXPORT = {
    "name": "orders",
    "adaptorType": "HTTPExport",
    "pageSize": 4,
    "http": {
        "method": "GET",
        "relativeURI": "/orders?page={{export.http.paging.page}}",
        "paging": {"method": "page", "page": 1, "maxPagePath": "pages"},
        "response": {"resourcePath": "data"},
    },
}
IMPORT = {
    "name": "sink",
    "adaptorType": "HTTPImport",
    "http": {"method": ["POST"], "relativeURI": ["/sink"]},
    "mappings": [{"generate": "n", "dataType": "number", "extract": "$.id", "status": "Active"}],
}


@pytest.fixture
def connection(workshop):
    return hex24(workshop.connection.id)


@pytest.fixture
def api(workshop):
    return Api(workshop.owner, prefix="/v1")


def test_a_preview_shows_the_request_the_answer_and_what_becomes_of_it(api, system, connection):
    system.serve_pages("/orders", orders(25))
    keep = {"type": "expression", "expression": {"version": "1", "rules": ["equals", ["extract", "id"], 2]}}
    answer = api.post("/exports/preview", {**EXPORT, "_connectionId": connection, "filter": keep})
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert shown["data"] == orders(2)[1:]
    request, raw, parsed, output = shown["stages"]
    assert request["data"][0]["url"].endswith("/orders?page=1") and raw["data"][0]["statusCode"] == 200
    assert (len(parsed["data"]), output["data"]) == (10, shown["data"])
    assert len(system.made("GET /orders")) == 1 and not Execution.objects.exists()


def test_pages_and_previews_tell_where_a_person_finds_each_record(api, system, connection):
    system.serve_pages("/orders", orders(6), size=4)
    export = {**EXPORT, "dataURITemplate": "https://shop.example/{{{record.id}}}"}
    shown = api.post("/exports/preview", {**export, "_connectionId": connection}).json()
    assert shown["dataURIs"] == [f"https://shop.example/{order['id']}" for order in shown["data"]]
    address = f"/connections/{connection}/export/pages"
    first = api.post(address, {"export": export}).json()
    assert first["dataURIs"][0] == "https://shop.example/1" and "totalRecords" not in first["pagedExportState"]
    last = api.post(address, {"export": export, "pagedExportState": first["pagedExportState"]}).json()
    state = last["pagedExportState"]
    assert (state["done"], state["totalPages"], state["totalRecords"]) == (True, 2, 6)


def test_a_preview_of_a_source_that_refuses_says_so_among_its_stages(api, system, connection):
    system.routes["GET /orders"] = lambda call: Answer(400, {"error": "no such day"})
    answer = api.post("/exports/preview", {**EXPORT, "_connectionId": connection})
    assert answer.status_code == 200
    assert "no such day" in answer.json()["stages"][-1]["errors"][0]["message"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"_connectionId": "0" * 24}, "_connectionId"),
        ({"http": {"method": "GET", "relativeURI": "/{{#each}}"}}, "http.relativeURI"),
        ({"name": 5}, "name"),
        ({"type": "distributed"}, "type"),
    ],
)
def test_what_could_not_be_saved_or_run_cannot_be_tried_either(api, connection, change, field):
    answer = api.post("/exports/preview", {**EXPORT, "_connectionId": connection, **change})
    assert (answer.status_code, fields_of(answer)) == (422, [field])


def test_an_export_is_read_page_by_page_and_every_record_comes_once(api, system, connection):
    system.serve_pages("/orders", orders(25))
    address, state, seen = f"/connections/{connection}/export/pages", {}, []
    for _ in range(20):
        answer = api.post(address, {"export": EXPORT, "pagedExportState": state})
        assert answer.status_code == 200, answer.content
        seen += [record["id"] for record in answer.json()["data"]]
        assert len(answer.json()["data"]) <= 4
        state = answer.json()["pagedExportState"]
        if state["done"]:
            break
    assert (state["done"], seen) == (True, list(range(1, 26)))
    again = api.post(address, {"export": EXPORT, "pagedExportState": state})
    assert codes_of(again) == ["export_done"]


def test_a_state_that_was_changed_or_is_another_exports_is_refused(api, system, connection):
    system.serve_pages("/orders", orders(25))
    address = f"/connections/{connection}/export/pages"
    state = api.post(address, {"export": EXPORT}).json()["pagedExportState"]
    for other, changed in (
        (EXPORT, {**state, "sig": state["sig"][:-1] + ("1" if state["sig"][-1] == "0" else "0")}),
        (EXPORT, {**state, "sig": "zz"}),
        ({**EXPORT, "pageSize": 5}, state),
    ):
        answer = api.post(address, {"export": other, "pagedExportState": changed})
        assert (answer.status_code, fields_of(answer)) == (422, ["pagedExportState.sig"])


def test_a_small_unsaved_export_is_read_whole_and_a_saved_one_gives_its_first_page(api, system, connection, workshop):
    system.serve_pages("/orders", orders(25))
    whole = api.post(f"/connections/{connection}/export", {"export": EXPORT})
    assert [record["id"] for record in whole.json()["data"]] == list(range(1, 26))
    saved = hex24(workshop.export(pageSize=7).id)
    assert [r["id"] for r in api.post(f"/exports/{saved}/invoke").json()["data"]] == list(range(1, 8))
    first = api.post(f"/exports/{saved}/invoke", {"pagedExportState": {}}).json()
    second = api.post(f"/exports/{saved}/invoke", {"pagedExportState": first["pagedExportState"]}).json()
    assert [r["id"] for r in first["data"] + second["data"]] == list(range(1, 15))


def test_records_are_submitted_with_no_job_and_each_is_answered_for_itself(api, system, connection, workshop):
    system.routes["POST /sink"] = lambda call: (
        Answer(400, {"error": "too small"}) if call.json["n"] == 1 else {"id": f"t{call.json['n']}"}
    )
    records = [{"id": 1}, {"id": 2}, {"id": "x"}]
    for address, body in (
        (f"/connections/{connection}/import", {"import": IMPORT, "data": records}),
        (f"/imports/{api.post('/imports', {**IMPORT, '_connectionId': connection}).json()['_id']}/invoke", records),
    ):
        answer = api.post(address, body)
        assert answer.status_code == 200, answer.content
        refused, taken, unmapped = answer.json()
        assert (refused["statusCode"], refused["errors"][0]["code"]) == (422, "400")
        assert (taken["statusCode"], taken["id"], taken["errors"]) == (200, "t2", [])
        assert (unmapped["statusCode"], unmapped["errors"][0]["source"]) == (422, "mapping")
    assert not Execution.objects.exists() and not RecordError.objects.exists()
    assert len(system.made("POST /sink")) == 4


def test_only_mapping_sends_nothing(api, system, connection):
    body = {"import": IMPORT, "data": [{"id": "5"}, {"id": "x"}]}
    mapped, failed = api.post(f"/connections/{connection}/import/map", body).json()
    assert mapped == {"n": 5} and failed["errors"][0]["code"] == "mapping_failed"
    assert not system.calls


def test_a_target_that_is_not_there_is_no_fault_of_ours(api, workshop):
    gone = hex24(workshop.connect("http://127.0.0.1:9").id)
    assert codes_of(api.post(f"/connections/{gone}/export", {"export": EXPORT})) == ["connection_offline"]
    Connection.objects.filter(pk=workshop.connection.id).update(offline_since=now())
    here = hex24(workshop.connection.id)
    response = api.post(f"/connections/{here}/import", {"import": IMPORT, "data": [{"id": 1}]}).json()
    assert [entry["statusCode"] for entry in response] == [403]


def test_exchanges_of_submissions_are_kept_while_somebody_debugs_the_connection(api, system, connection, workshop):
    system.take("/sink")
    body = {"import": IMPORT, "data": [{"id": 1}]}
    api.post(f"/connections/{connection}/import", body)
    assert not Exchange.objects.exists()
    address = f"/connections/{connection}"
    too_long = api.patch(address, [{"op": "add", "path": "/debugDate", "value": "2999-01-01T00:00:00.000Z"}])
    assert (too_long.status_code, fields_of(too_long)) == (422, ["debugDate"])
    Connection.objects.filter(pk=workshop.connection.id).update(debug_until="2999-01-01T00:00:00Z")
    api.post(f"/connections/{connection}/import", body)
    assert Exchange.objects.get().connection_id == workshop.connection.id


def test_a_ping_says_whether_a_connection_works_saved_or_not(api, system, connection, workshop):
    system.routes["GET /"] = lambda call: {}
    assert api.get(f"/connections/{connection}/ping").json()["code"] == 200
    system.routes["GET /"] = lambda call: Answer(401, {"error": "who are you"})
    refused = api.post(f"/connections/{connection}/ping").json()
    assert refused["code"] == 401 and "who are you" in refused["errors"][0]["message"]
    http = {"baseURI": "http://127.0.0.1:9", "mediaType": "json", "auth": {"type": "custom"}}
    unsaved = api.post("/connections/ping", {"name": "x", "type": "http", "http": http})
    assert (unsaved.status_code, unsaved.json()["code"]) == (200, 422)
    assert api.post("/connections/ping", {"name": "x", "type": "http"}).status_code == 422
    assert fields_of(api.post("/connections/ping", {"name": "x", "type": "mongodb"})) == ["type"]
    assert Connection.objects.count() == 1
